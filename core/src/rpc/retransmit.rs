//! When a call is slow, late or silent, when it is sent again, and when it has failed.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Retry;
use crate::rtt::RoundTrip;
use crate::wire::Method;

/// How often a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    /// Once: an address that may be forged gets one datagram.
    Once,
    /// As often as the settings say.
    Several,
}

/// When a call counts as slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slow {
    /// When it is slower than most answers are: the contact is probably not there.
    AfterMost,
    /// Hardly later than the mean: many are not there, and asking others is worth more than waiting.
    AfterMean,
}

/// How long it takes until no answer is expected any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until the answer to a resend is late as well.
    Short,
    /// So much longer that not even a contact at the end of the world is missed.
    Long,
}

/// The waits of one call, each counted from its first send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetransmitSchedule {
    /// When it is slower than most answers are.
    pub(crate) slow: Option<Duration>,
    /// When it is slower than nearly all answers are.
    pub(crate) late: Option<Duration>,
    /// When the same bytes are sent again, ascending.
    pub(crate) resend: Vec<Duration>,
    /// When it is no use waiting for it any longer.
    pub(crate) silent: Option<Duration>,
    /// When it has failed.
    pub(crate) give_up: Duration,
}

impl RetransmitSchedule {
    /// A call is slow when its answer is later than the mean by so many quarters of the deviation.
    /// At fewer quarters a lookup asks too many beside contacts that are just far away (at 5, of 10,000
    /// nodes in the simulator's `geo` world, a third more than a plain walk does, at 6 a quarter
    /// more); at more it finds out too late that contacts are dead.
    const SLOW_QUARTERS: u32 = 6;
    /// And so many where many are dead: half of the contacts that are asked never answer, and each round of a
    /// lookup waits for that.
    const SLOW_QUARTERS_AFTER_MEAN: u32 = 1;
    /// It is late, and sent again, when its answer is later by so many: one in two hundred is.
    /// RFC 6298 waits for a third more, because what it sends again adds to a congestion; this is
    /// one datagram.
    const LATE_QUARTERS: u32 = 12;
    /// However steady a contact was, its answers are taken to deviate by this part of their mean:
    /// otherwise it would be late the moment that an answer takes a little longer.
    const LEAST_DEVIATION: u32 = 8;
    /// No call is slow, late or silent sooner than that, however close its peer:
    /// answers come late when a machine is busy, and a lookup that gives up on them finds nothing.
    const SHORTEST: [Duration; 3] = [
        Duration::from_millis(20),
        Duration::from_millis(40),
        Duration::from_millis(100),
    ];
    /// No first resend waits longer, as in the later generation of the original.
    const LONGEST: Duration = Duration::from_secs(2);
    /// When a store is sent again, as in the later generation of the original, and when no answer to
    /// it is expected any more. The round trips that were measured do not say how long it takes: the
    /// original syncs its disk for each store, and executes one twice that is sent twice.
    const STORE_RESEND: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];
    const STORE_SILENT: Duration = Duration::from_secs(4);
    /// When an adaptive call has failed, as in the later generation of the original.
    const GIVE_UP: Duration = Duration::from_secs(9);

    /// The waits for a query of this method to a contact with this estimate of its round trip.
    pub(crate) fn new(
        retry: &Retry,
        method: Method,
        estimate: RoundTrip,
        patience: Patience,
        slow: Slow,
        sends: Sends,
    ) -> Self {
        let mut schedule = match retry {
            Retry::Fixed { resend, give_up } => Self {
                slow: None,
                late: None,
                resend: resend.clone(),
                silent: None,
                give_up: *give_up,
            },
            Retry::Adaptive if method == Method::StoreValue => Self {
                resend: Self::STORE_RESEND.to_vec(),
                silent: Some(Self::STORE_SILENT),
                ..Self::adaptive(estimate, patience, slow)
            },
            Retry::Adaptive => Self::adaptive(estimate, patience, slow),
        };
        if sends == Sends::Once {
            schedule.resend.clear();
        }
        schedule
    }

    /// Sends again at once, when the waits begin anew.
    pub(crate) fn resume(&mut self) {
        if self.resend.first() != Some(&Duration::ZERO) {
            self.resend.insert(0, Duration::ZERO);
        }
    }

    /// Sent again after a wait that nearly every answer beats, and once more after twice that; silent
    /// after three times that, when the answer to a resend is late as well, or much later.
    fn adaptive(estimate: RoundTrip, patience: Patience, slow: Slow) -> Self {
        let deviation = estimate
            .deviation()
            .max(estimate.mean() / Self::LEAST_DEVIATION);
        let after = |quarters: u32| estimate.mean() + deviation * quarters / 4;
        let [soonest, soonest_late, soonest_silent] = Self::SHORTEST;
        let slow = match slow {
            Slow::AfterMost => Self::SLOW_QUARTERS,
            Slow::AfterMean => Self::SLOW_QUARTERS_AFTER_MEAN,
        };
        let slow = after(slow).clamp(soonest, Self::LONGEST);
        let late = after(Self::LATE_QUARTERS).clamp(soonest_late, Self::LONGEST);
        let waits = match patience {
            Patience::Short => 3,
            Patience::Long => 5,
        };
        let silent = (late * waits).clamp(soonest_silent, Self::LONGEST * 3);
        Self {
            slow: Some(slow),
            late: Some(late),
            resend: vec![late, late * 2],
            silent: Some(silent),
            give_up: Self::GIVE_UP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtt::{Memory, RttSample};

    fn steady(millis: u64) -> RoundTrip {
        let sample = Duration::from_millis(millis);
        let mut trip = RoundTrip::first(sample);
        for _ in 0..50 {
            RttSample::Exactly(sample).refine(&mut trip, Memory::Contact);
        }
        trip
    }

    #[test]
    fn adaptive_waits_follow_the_round_trip() {
        for millis in [50, 200, 500] {
            let schedule = RetransmitSchedule::new(
                &Retry::Adaptive,
                Method::FindNode,
                steady(millis),
                Patience::Short,
                Slow::AfterMost,
                Sends::Several,
            );
            let trip = Duration::from_millis(millis);
            let (slow, silent) = (schedule.slow.expect("some"), schedule.silent.expect("some"));
            assert!(slow >= trip && slow <= trip * 2, "{millis}: {slow:?}");
            assert!(
                silent >= trip * 3 && silent <= trip * 5,
                "{millis}: {silent:?}"
            );
        }
    }

    #[test]
    fn where_few_are_there_a_call_is_slow_sooner_and_nothing_else_changes() {
        let schedule = |slow| {
            let (patience, sends) = (Patience::Short, Sends::Several);
            RetransmitSchedule::new(
                &Retry::Adaptive,
                Method::FindNode,
                RoundTrip::ASSUMED,
                patience,
                slow,
                sends,
            )
        };
        let (after_most, after_mean) = (schedule(Slow::AfterMost), schedule(Slow::AfterMean));
        assert!(after_mean.slow < after_most.slow);
        assert!(after_mean.slow > Some(RoundTrip::ASSUMED.mean()));
        let slow = after_most.slow;
        assert_eq!(RetransmitSchedule { slow, ..after_mean }, after_most);
    }

    #[test]
    fn waits_ascend_whatever_the_estimate() {
        let trips = [0, 1, 20, 3000, 60_000].map(|ms| RoundTrip::first(Duration::from_millis(ms)));
        for trip in trips.into_iter().chain([RoundTrip::ASSUMED]) {
            let schedule = RetransmitSchedule::new(
                &Retry::Adaptive,
                Method::FindNode,
                trip,
                Patience::Long,
                Slow::AfterMost,
                Sends::Several,
            );
            let (slow, silent) = (schedule.slow.expect("some"), schedule.silent.expect("some"));
            let late = schedule.late.expect("some");
            assert!(Duration::ZERO < slow && slow <= late, "{schedule:?}");
            assert!(late <= schedule.resend[0], "{schedule:?}");
            assert!(schedule.resend[0] < schedule.resend[1], "{schedule:?}");
            assert!(
                schedule.resend[1] < silent && silent < schedule.give_up,
                "{schedule:?}"
            );
        }
    }

    #[test]
    fn an_unbidden_call_is_sent_once() {
        assert!(
            RetransmitSchedule::new(
                &Retry::late(),
                Method::Ping,
                RoundTrip::ASSUMED,
                Patience::Short,
                Slow::AfterMost,
                Sends::Once
            )
            .resend
            .is_empty()
        );
    }

    #[test]
    fn a_store_is_not_sent_again_before_two_seconds_however_quick_answers_are() {
        let schedule = RetransmitSchedule::new(
            &Retry::Adaptive,
            Method::StoreValue,
            steady(1),
            Patience::Short,
            Slow::AfterMost,
            Sends::Several,
        );
        assert_eq!(schedule.resend, [2, 6].map(Duration::from_secs));
        assert_eq!(schedule.silent, Some(Duration::from_secs(4)));
        assert!(schedule.late < Some(Duration::from_millis(100)));
    }
}
