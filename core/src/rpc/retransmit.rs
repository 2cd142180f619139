//! When a call is sent again, when it is given up, and when it has failed.

use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Retry;
use crate::wire::Method;

/// How often a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    /// Once: an address that may be forged gets one datagram.
    Once,
    /// As often as the settings say.
    Several,
}

/// The waits of one call, each counted from its first send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetransmitSchedule {
    /// When the same bytes are sent again.
    pub(super) resend: Resend,
    /// When it is no use waiting for it any longer.
    pub(super) silent: Silent,
    /// When it has failed.
    pub(super) give_up: Duration,
}

/// When a call is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resend {
    Never,
    /// After these waits, ascending.
    After(Vec<Duration>),
    /// When what was measured says so: few answers are as late, or a loss is the likelier cause.
    Measured,
}

/// When it is no use waiting for a call any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    /// It is waited for until it fails.
    Never,
    /// It was given up.
    Told,
    /// After this wait.
    After(Duration),
    /// When what was measured says so.
    Measured,
}

impl RetransmitSchedule {
    /// When a store is sent again, as in the later generation of the original, and when no answer to
    /// it is expected any more. The round trips that were measured do not say how long it takes: the
    /// original syncs its disk for each store, and executes one twice that is sent twice.
    const STORE_RESEND: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];
    const STORE_SILENT: Duration = Duration::from_secs(4);
    /// When an adaptive call has failed, as in the later generation of the original.
    const GIVE_UP: Duration = Duration::from_secs(9);

    /// The waits for a query of this method.
    pub(crate) fn new(retry: &Retry, method: Method, sends: Sends) -> Self {
        let mut schedule = match retry {
            Retry::Fixed { resend, give_up } => Self {
                resend: Resend::After(resend.clone()),
                silent: Silent::Never,
                give_up: *give_up,
            },
            Retry::Adaptive if method == Method::StoreValue => Self {
                resend: Resend::After(Self::STORE_RESEND.to_vec()),
                silent: Silent::After(Self::STORE_SILENT),
                give_up: Self::GIVE_UP,
            },
            Retry::Adaptive => Self {
                resend: Resend::Measured,
                silent: Silent::Measured,
                give_up: Self::GIVE_UP,
            },
        };
        if sends == Sends::Once {
            schedule.resend = Resend::Never;
        }
        schedule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unbidden_call_is_sent_once() {
        for retry in [Retry::Adaptive, Retry::late()] {
            let schedule = RetransmitSchedule::new(&retry, Method::Ping, Sends::Once);
            assert_eq!(schedule.resend, Resend::Never);
        }
    }

    #[test]
    fn a_store_is_not_sent_again_before_two_seconds_however_quick_answers_are() {
        let retry = Retry::Adaptive;
        let schedule = RetransmitSchedule::new(&retry, Method::StoreValue, Sends::Several);
        let [first, second] = [2, 6].map(Duration::from_secs);
        assert_eq!(schedule.resend, Resend::After([first, second].to_vec()));
        assert_eq!(schedule.silent, Silent::After(Duration::from_secs(4)));
    }
}
