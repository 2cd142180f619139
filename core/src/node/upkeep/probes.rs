//! Pings of upkeep: newcomers, questionable and failing contacts are asked whether they are there.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::contact::Contact;
use crate::node::{Life, Node, Owner, Probe};
use crate::operation::Ask;
use crate::rpc::{Sends, Slow};
use crate::time::Instant;
use crate::wire::Method;

/// The pings under way, and the addresses that did not answer one lately.
pub(in crate::node) struct Probes {
    /// Addresses being probed, at most `max`.
    probing: BTreeSet<SocketAddr>,
    /// Addresses that did not answer, and until when they are left in peace; the oldest is
    /// forgotten beyond a hundred times `max`.
    avoided: BTreeSet<SocketAddr>,
    avoided_until: VecDeque<(Instant, SocketAddr)>,
    max: usize,
}

impl Probes {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            probing: BTreeSet::new(),
            avoided: BTreeSet::new(),
            avoided_until: VecDeque::new(),
            max,
        }
    }

    pub(in crate::node) fn ended(&mut self, addr: SocketAddr) {
        self.probing.remove(&addr);
        if self.probing.is_empty() {
            // An empty tree keeps its last leaf; an idle node shall hold nothing.
            self.probing = BTreeSet::new();
        }
    }

    pub(in crate::node) fn failed(&mut self, addr: SocketAddr, until: Instant) {
        self.ended(addr);
        if self.avoided.insert(addr) {
            self.avoided_until.push_back((until, addr));
        }
        if self.avoided_until.len() > self.max.saturating_mul(100)
            && let Some((_, oldest)) = self.avoided_until.pop_front()
        {
            self.avoided.remove(&oldest);
        }
    }

    /// How many addresses are being probed.
    pub(in crate::node) fn len(&self) -> usize {
        self.probing.len()
    }

    pub(super) fn stop(&mut self) {
        self.probing.clear();
    }

    /// Forgets the addresses that were left in peace for long enough.
    pub(super) fn forgive(&mut self, now: Instant) {
        while let Some((until, addr)) = self.avoided_until.front()
            && *until <= now
        {
            self.avoided.remove(addr);
            self.avoided_until.pop_front();
        }
        if self.avoided.is_empty() {
            self.avoided = BTreeSet::new();
            self.avoided_until = VecDeque::new();
        }
    }
}

impl Node {
    /// Pings someone for upkeep's sake, if that is not too much, and not too soon.
    pub(in crate::node) fn probe(&mut self, contact: Contact, why: Probe) {
        self.upkeep.probes.forgive(self.now);
        let unbidden = why == Probe::Newcomer;
        let avoided = unbidden && self.upkeep.probes.avoided.contains(&contact.addr);
        let too_many = self.upkeep.probes.probing.len() >= self.upkeep.probes.max
            || self.transactions.is_full();
        if avoided || too_many || self.life != Life::Running {
            return;
        }
        if self.upkeep.probes.probing.insert(contact.addr) {
            let sends = if unbidden {
                Sends::Once
            } else {
                Sends::Several
            };
            let how = (sends, Slow::AfterMost);
            self.stats.of(Method::Ping).started += 1;
            self.call(contact.into(), Owner::Probe(why), how, Ask::Ping);
        }
    }

    /// Asks those who have not answered for as long as a bucket may go unused whether they are still
    /// there: lookups pass by the same few of a bucket, and without this the others would stay in
    /// the table for as long as nobody wants their place.
    pub(super) fn probe_unheard(&mut self) {
        let contacts = self.table.contacts(self.now);
        let unheard = contacts.filter(|(_, age)| *age > self.config.staleness);
        let room = self.upkeep.probes.max;
        let unheard: Vec<Contact> = unheard.map(|(contact, _)| contact).take(room).collect();
        for contact in unheard {
            self.probe(contact, Probe::Questionable);
        }
    }
}
