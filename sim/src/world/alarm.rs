//! When a host is called next: which of the timers that are on their way to it counts.

use khashmir::Instant;

/// The timers that are on their way to a host.
///
/// A timer event cannot be taken back from the queue: one that no longer counts arrives and is
/// ignored. A node that sends a query wants an early timer, and after it the one that it wanted
/// before; that one is still in the queue and is used again. Otherwise each query would leave a dead
/// event in the queue for minutes, which adds up over a million hosts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm {
    /// The timer that counts.
    first: Option<Instant>,
    /// The latest of the other timers in the queue.
    behind: Option<Instant>,
}

/// Whether another timer has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Timer,
}

impl Alarm {
    /// None.
    pub(super) const NONE: Self = Self {
        first: None,
        behind: None,
    };

    /// The host is to be called no later than that.
    pub(super) fn set(&mut self, at: Instant) -> Needs {
        if self.first.is_some_and(|first| first <= at) {
            return Needs::Nothing;
        }
        let before = self.first.replace(at);
        if self.behind == Some(at) {
            self.behind = before;
            Needs::Nothing
        } else {
            self.behind = self.behind.max(before);
            Needs::Timer
        }
    }

    /// A timer arrives; says whether it counts.
    pub(super) fn rings(&mut self, at: Instant) -> bool {
        if self.behind == Some(at) {
            self.behind = None;
        }
        self.first.take_if(|first| *first == at).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn the_earliest_counts_and_a_later_one_only_after_it_was_wanted_again() {
        let mut alarm = Alarm::NONE;
        assert_eq!(alarm.set(at(9)), Needs::Timer);
        assert_eq!(alarm.set(at(9)), Needs::Nothing);
        assert_eq!(alarm.set(at(5)), Needs::Timer);
        assert_eq!(alarm.set(at(7)), Needs::Nothing);
        assert!(alarm.rings(at(5)));
        assert!(!alarm.rings(at(7)), "nobody sent it");
        assert_eq!(alarm.set(at(9)), Needs::Nothing, "it is on its way");
        assert!(alarm.rings(at(9)));
        assert!(!alarm.rings(at(9)));
    }

    #[test]
    fn a_timer_that_has_arrived_is_not_used_again() {
        let mut alarm = Alarm::NONE;
        alarm.set(at(9));
        alarm.set(at(5));
        assert!(alarm.rings(at(5)));
        assert!(!alarm.rings(at(9)));
        assert_eq!(alarm.set(at(9)), Needs::Timer);
        assert!(alarm.rings(at(9)));
    }

    #[test]
    fn the_latest_of_many_is_known_until_it_is_wanted() {
        let mut alarm = Alarm::NONE;
        for nanos in [9, 7, 5, 3] {
            assert_eq!(alarm.set(at(nanos)), Needs::Timer);
        }
        assert!(alarm.rings(at(3)));
        assert_eq!(alarm.set(at(9)), Needs::Nothing);
    }
}
