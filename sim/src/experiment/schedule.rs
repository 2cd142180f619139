//! What is going to be done to the hosts from outside, and when.

use std::collections::BTreeMap;

use khashmir::Instant;

use crate::host::HostId;

/// Something that is going to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScheduledAction {
    /// A host that comes and goes goes, if churn is still the one of that number.
    Depart { host: HostId, churn: u32 },
    /// It comes back.
    Return { host: HostId, churn: u32 },
    /// A host that stood still goes on.
    Resume(HostId),
    /// The copies of kept values are counted.
    Sample,
    /// The step of that place in the plan.
    Step(usize),
}

/// Actions by their times; those of the same time in the order in which they were noted.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    actions: BTreeMap<(Instant, u64), ScheduledAction>,
    noted: u64,
}

impl Schedule {
    pub(super) fn note(&mut self, at: Instant, action: ScheduledAction) {
        self.actions.insert((at, self.noted), action);
        self.noted += 1;
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.actions.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next one that is due by now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<ScheduledAction> {
        let due = self
            .actions
            .first_entry()
            .filter(|action| action.key().0 <= now);
        due.map(|action| action.remove())
    }

    /// Nothing is to be done any more.
    pub(super) fn clear(&mut self) {
        self.actions.clear();
    }
}
