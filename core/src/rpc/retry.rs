//! When a call is sent again, when others stop waiting for it, and when it has failed.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Retry;
use crate::rtt::RoundTrip;

/// How often a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    /// Once: whoever is asked unbidden, at an address that may be forged, gets one datagram.
    Once,
    /// As often as the settings say.
    Several,
}

/// The waits of one call, each counted from its first send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// When it is slower than expected.
    pub(crate) slow: Option<Duration>,
    /// When the same bytes are sent again, ascending.
    pub(crate) resend: Vec<Duration>,
    /// When it is no use waiting for it any longer.
    pub(crate) silent: Option<Duration>,
    /// When it has failed.
    pub(crate) give_up: Duration,
}

impl Plan {
    /// A call is slow when its answer is later than the mean by so many deviations.
    const SLOW_DEVIATIONS: u32 = 2;
    /// It is sent again when the answer is later by so many (RFC 6298, section 2: K = 4).
    const RESEND_DEVIATIONS: u32 = 4;
    /// The round trip assumed before any was measured. RFC 6298 says one second; datagrams that
    /// cross the world and back take less than half of that, and being wrong costs one datagram.
    const UNMEASURED: Duration = Duration::from_millis(250);
    /// No call is slow, sent again or silent sooner than that, however close its peer: answers
    /// come late when a machine is busy, and a lookup that gives up on them finds nothing.
    const SHORTEST: [Duration; 3] = [
        Duration::from_millis(20),
        Duration::from_millis(40),
        Duration::from_millis(100),
    ];
    /// No first resend waits longer, as in the later generation of the original.
    const LONGEST: Duration = Duration::from_secs(2);
    /// When an adaptive call has failed, as in the later generation of the original.
    const GIVE_UP: Duration = Duration::from_secs(9);

    /// The waits for someone whose round trip is estimated like that.
    pub(crate) fn new(retry: &Retry, estimate: Option<RoundTrip>, sends: Sends) -> Self {
        let mut plan = match retry {
            Retry::Fixed { resend, give_up } => Self {
                slow: None,
                resend: resend.clone(),
                silent: None,
                give_up: *give_up,
            },
            Retry::Adaptive => Self::adaptive(estimate),
        };
        if sends == Sends::Once {
            plan.resend.clear();
        }
        plan
    }

    /// Sent again after a wait that nearly every answer beats, and once more after twice that; not
    /// waited for any longer after three times that, when the answer to a resend is late as well.
    /// In a simulated network without losses, giving up at twice the wait made more than one lookup
    /// in a thousand miss a live node (`khashmir-sim run --nodes 1000 --lookups 20000`).
    fn adaptive(estimate: Option<RoundTrip>) -> Self {
        let after = |deviations: u32| match estimate {
            Some(trip) => trip.mean() + trip.deviation() * deviations,
            None => Self::UNMEASURED + Self::UNMEASURED / 2 * (deviations / 2),
        };
        let [soonest, soonest_resend, soonest_silent] = Self::SHORTEST;
        let slow = after(Self::SLOW_DEVIATIONS).clamp(soonest, Self::LONGEST);
        let resend = after(Self::RESEND_DEVIATIONS).clamp(soonest_resend, Self::LONGEST);
        let silent = (resend * 3).max(soonest_silent);
        Self {
            slow: Some(slow),
            resend: vec![resend, resend * 2],
            silent: Some(silent),
            give_up: Self::GIVE_UP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtt::{Memory, Took};

    fn steady(millis: u64) -> Option<RoundTrip> {
        let sample = Duration::from_millis(millis);
        let mut trip = Some(RoundTrip::first(sample));
        for _ in 0..50 {
            Took::Exactly(sample).add_to(&mut trip, Memory::Contact);
        }
        trip
    }

    #[test]
    fn adaptive_waits_follow_the_round_trip() {
        for millis in [50, 200, 500] {
            let plan = Plan::new(&Retry::Adaptive, steady(millis), Sends::Several);
            let trip = Duration::from_millis(millis);
            let (slow, silent) = (plan.slow.expect("some"), plan.silent.expect("some"));
            assert!(slow >= trip && slow <= trip * 2, "{millis}: {slow:?}");
            assert!(
                silent >= trip * 3 && silent <= trip * 5,
                "{millis}: {silent:?}"
            );
        }
    }

    #[test]
    fn waits_ascend_whatever_the_estimate() {
        let trips =
            [0, 1, 20, 3000, 60_000].map(|ms| Some(RoundTrip::first(Duration::from_millis(ms))));
        for trip in trips.into_iter().chain([None]) {
            let plan = Plan::new(&Retry::Adaptive, trip, Sends::Several);
            let (slow, silent) = (plan.slow.expect("some"), plan.silent.expect("some"));
            assert!(Duration::ZERO < slow && slow <= plan.resend[0], "{plan:?}");
            assert!(plan.resend[0] < plan.resend[1], "{plan:?}");
            assert!(plan.resend[1] < silent && silent < plan.give_up, "{plan:?}");
        }
    }

    #[test]
    fn an_unbidden_call_is_sent_once() {
        assert!(
            Plan::new(&Retry::late(), None, Sends::Once)
                .resend
                .is_empty()
        );
    }
}
