//! Pings of upkeep: newcomers, questionable and failing contacts are asked whether they are there.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::contact::Contact;
use crate::estimate::Vouched;
use crate::memory::FreeWhenEmpty;
use crate::node::allowance::Permit;
use crate::node::sender::CallQuestion;
use crate::node::{Life, Node, Owner, Probe};
use crate::operation::Ask;
use crate::rpc::Sends;
use crate::time::Instant;
use crate::wire::Method;

/// The pings under way, and the addresses that did not answer one lately.
pub(in crate::node) struct Probes {
    /// Addresses being probed, at most `max`.
    probing: BTreeSet<SocketAddr>,
    /// Addresses that did not answer, at most a hundred times `max`; of more, the one that is to be
    /// forgotten first is forgotten.
    unanswered: BTreeMap<SocketAddr, Rest>,
    /// When each of them is forgotten.
    forget_at: BTreeSet<(Instant, SocketAddr)>,
    max: usize,
}

/// How long an address that did not answer is left in peace.
#[derive(Clone, Copy)]
struct Rest {
    until: Instant,
    /// How long this one is.
    wait: Duration,
}

/// What became of the wish to ping a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) enum Probed {
    /// It is asked, or was being asked already.
    Asked,
    /// Too many are being asked.
    NotNow,
    /// It, or its prefix, did not answer lately, and is left in peace.
    TooSoon,
}

impl Probes {
    /// How long an address that did not answer is not asked again, though it speaks: one datagram may
    /// have been lost.
    const FIRST_REST: Duration = Duration::from_secs(10);
    /// Each wait is so many times as long as the one before.
    const REST_GROWTH: u32 = 8;
    /// The longest wait. So an address that never answers gets four unbidden pings in the first hour
    /// and one in each hour after it, whoever forges it.
    const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

    pub(super) const fn new(max: usize) -> Self {
        Self {
            probing: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            forget_at: BTreeSet::new(),
            max,
        }
    }

    /// Takes in that a probe was answered in order.
    pub(in crate::node) fn answered(&mut self, addr: SocketAddr) {
        self.ended(addr);
        self.forget(addr);
    }

    /// Takes in that a probe failed.
    pub(in crate::node) fn failed(&mut self, now: Instant, addr: SocketAddr) {
        self.ended(addr);
        let before = self.forget(addr);
        let wait = before.map_or(Self::FIRST_REST, |rest| {
            rest.wait
                .saturating_mul(Self::REST_GROWTH)
                .min(Self::LONGEST_REST)
        });
        let until = now + wait;
        self.unanswered.insert(addr, Rest { until, wait });
        // Forgotten sooner, it would begin with the shortest wait again within the hour.
        self.forget_at.insert((until + Self::LONGEST_REST, addr));
        if self.unanswered.len() > self.max.saturating_mul(100)
            && let Some((_, first)) = self.forget_at.pop_first()
        {
            self.unanswered.remove(&first);
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
        while let Some((at, addr)) = self.forget_at.first().copied()
            && at <= now
        {
            self.forget_at.pop_first();
            self.unanswered.remove(&addr);
        }
        self.unanswered.free_when_empty();
        self.forget_at.free_when_empty();
    }

    fn is_resting(&self, now: Instant, addr: SocketAddr) -> bool {
        let rest = self.unanswered.get(&addr);
        rest.is_some_and(|rest| now < rest.until)
    }

    fn ended(&mut self, addr: SocketAddr) {
        self.probing.remove(&addr);
        self.probing.free_when_empty();
    }

    fn forget(&mut self, addr: SocketAddr) -> Option<Rest> {
        let rest = self.unanswered.remove(&addr)?;
        self.forget_at
            .remove(&(rest.until + Self::LONGEST_REST, addr));
        Some(rest)
    }
}

impl Node {
    /// Pings a contact for upkeep, if that is not too much, and not too soon.
    pub(in crate::node) fn probe(&mut self, contact: Contact, why: Probe) -> Probed {
        let unbidden = matches!(why, Probe::Newcomer | Probe::Claimant);
        if unbidden && self.upkeep.probes.is_resting(self.now, contact.addr) {
            return Probed::TooSoon;
        }
        let too_many = self.upkeep.probes.probing.len() >= self.upkeep.probes.max
            || self.transactions.is_full();
        if too_many || self.life != Life::Running {
            return Probed::NotNow;
        }
        let is_probing = self.upkeep.probes.probing.contains(&contact.addr);
        if !is_probing {
            match self.permit(&contact.into(), Owner::Probe(why), Method::Ping) {
                Permit::Granted => {}
                Permit::Later => return Probed::NotNow,
                Permit::Refused => return Probed::TooSoon,
            }
        }
        if self.upkeep.probes.probing.insert(contact.addr) {
            let sends = if unbidden {
                Sends::Once
            } else {
                Sends::Several
            };
            let how = (sends, Vouched::Well);
            let arrivals = self.upkeep.arrivals.as_ref().filter(|_| unbidden);
            let local = arrivals.and_then(|arrivals| arrivals.of(contact.addr));
            let peer = contact.into();
            let question = CallQuestion {
                ask: Ask::Ping,
                sender: self.sender_for(&peer),
                from: local,
            };
            self.stats.of(Method::Ping).started += 1;
            self.call_as(peer, Owner::Probe(why), how, question);
        }
        Probed::Asked
    }

    /// Asks a candidate for a free place in its bucket, or the next best if that one did not answer
    /// lately.
    pub(in crate::node) fn ask_candidates(&mut self, best: Contact) {
        let mut next = Some(best);
        while let Some(candidate) = next {
            next = match self.probe(candidate, Probe::Newcomer) {
                Probed::Asked => return,
                Probed::NotNow => return self.table.keep_candidate(candidate),
                Probed::TooSoon => self.table.next_candidate(self.now, &candidate.id),
            };
        }
    }

    /// Asks a candidate for each bucket that has room and a candidate for it.
    pub(super) fn fill_buckets(&mut self) {
        for candidate in self.table.next_candidates(self.now) {
            self.ask_candidates(candidate);
        }
    }

    /// Asks contacts that have not answered for as long as a bucket may go unused whether they are still
    /// there: lookups pass by the same few of a bucket, and without this the others would stay in
    /// the table for as long as no newcomer wants their place.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::since_origin(Duration::from_secs(seconds))
    }

    fn addr(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    #[test]
    fn no_more_addresses_are_remembered_than_a_hundred_times_the_probes() {
        let mut probes = Probes::new(2);
        for port in 1..=300 {
            probes.failed(at(port.into()), addr(port));
        }
        assert_eq!(
            (probes.unanswered.len(), probes.forget_at.len()),
            (200, 200)
        );
        assert!(!probes.is_resting(at(300), addr(100)) && probes.is_resting(at(300), addr(300)));
        probes.forgive(at(310 + 3600));
        assert!(probes.unanswered.is_empty() && probes.forget_at.is_empty());
    }

    #[test]
    fn an_address_that_answers_begins_anew_and_one_that_waits_an_hour_too() {
        let mut probes = Probes::new(2);
        probes.failed(at(0), addr(1));
        probes.failed(at(10), addr(1));
        assert!(probes.is_resting(at(89), addr(1)) && !probes.is_resting(at(90), addr(1)));
        probes.forgive(at(3689));
        probes.failed(at(3689), addr(1));
        assert!(
            probes.is_resting(at(3689 + 639), addr(1)),
            "it has not been forgotten"
        );
        probes.answered(addr(1));
        assert!(!probes.is_resting(at(3690), addr(1)) && probes.forget_at.is_empty());
        probes.failed(at(4000), addr(1));
        assert!(!probes.is_resting(at(4010), addr(1)));
    }
}
