//! Contacts of before the machine slept, which have to be asked again.

use alloc::collections::VecDeque;

use crate::contact::Contact;
use crate::memory::FreeWhenEmpty;
use crate::node::{Life, Node, Probe};

/// Contacts that have not been asked again since the machine slept: at most as many as the table
/// has.
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
    /// Asks contacts of before the sleep whether they are still there, as many side by side as leaves
    /// room for as many other probes.
    pub(super) fn verify_after_sleep(&mut self) {
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
