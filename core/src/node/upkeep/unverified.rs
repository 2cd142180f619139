//! Contacts of before the machine slept or the node was away, which have to be asked again.

use alloc::collections::VecDeque;

use crate::contact::Contact;
use crate::memory::FreeWhenEmpty;
use crate::node::{Life, Node, Probe};
use crate::time::Instant;

/// Contacts that have not been asked again since then: at most as many as the table has.
#[derive(Default)]
pub(in crate::node) struct Unverified {
    contacts: VecDeque<Contact>,
}

impl Unverified {
    pub(in crate::node) fn begin(&mut self, contacts: impl Iterator<Item = Contact>) {
        self.contacts = contacts.collect();
    }

    pub(super) fn stop(&mut self) {
        self.contacts = VecDeque::new();
    }
}

impl Node {
    /// Asks all contacts again that have not answered since then.
    pub(in crate::node) fn verify_unheard(&mut self, since: Instant) {
        let heard_since = self.now.since(since);
        let contacts = self.table.contacts(self.now);
        let unheard = contacts.filter(|(_, ago)| *ago > heard_since);
        let unverified = &mut self.upkeep.unverified;
        unverified.begin(unheard.map(|(contact, _)| contact));
    }

    /// Asks unverified contacts whether they are still there, as many side by side as leaves
    /// room for as many other probes.
    pub(super) fn verify_unverified(&mut self) {
        let most = self.config.limits.max_probes.div_ceil(2);
        while self.upkeep.probes.len() < most
            && !self.transactions.is_full()
            && self.life == Life::Running
            && let Some(contact) = self.upkeep.unverified.contacts.pop_front()
        {
            // One failure does not remove it: the machine's own network may not be up yet.
            self.probe(contact, Probe::Failing);
        }
        self.upkeep.unverified.contacts.free_when_empty();
    }
}
