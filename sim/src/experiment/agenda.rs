//! What is going to be done to the hosts from outside, and when.

use std::collections::BTreeMap;

use khashmir::Instant;

use crate::host::HostId;

/// Something that is going to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// A host that comes and goes goes, if churn is still the one of that number.
    Go { host: HostId, churn: u32 },
    /// It comes back.
    Come { host: HostId, churn: u32 },
    /// A host that stood still goes on.
    Resume(HostId),
    /// Somebody looks where the copies of kept values are.
    Sample,
    /// The step of that place in the plan.
    Step(usize),
}

/// Deeds by their times; those of the same time in the order in which they were noted.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    deeds: BTreeMap<(Instant, u64), Deed>,
    noted: u64,
}

impl Agenda {
    pub(super) fn note(&mut self, at: Instant, deed: Deed) {
        self.deeds.insert((at, self.noted), deed);
        self.noted += 1;
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.deeds.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next one that is due by now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Deed> {
        let due = self.deeds.first_entry().filter(|deed| deed.key().0 <= now);
        due.map(|deed| deed.remove())
    }

    /// Nothing is to be done any more.
    pub(super) fn clear(&mut self) {
        self.deeds.clear();
    }
}
