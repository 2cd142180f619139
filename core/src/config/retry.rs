//! How long a node waits for answers: whether the waits are fixed or follow the network.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::{ConfigError, Problem, SHORTEST_SPAN};

/// How calls are sent again, and when they are given up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Retry {
    /// The waits follow what was measured: how long answers take, how many datagrams are lost, and how
    /// many contacts are there. A call is sent again once three of four answers would have come, or a
    /// loss is a likelier cause of the silence than a slow answer, five times at most (three times as
    /// long as one source alone has named the contact), and fails after 9 s at the latest.
    ///
    /// Lookups do not sit those waits out. A contact in flight counts for as much as it is likely to
    /// answer, so that one which is silent for long has a stand-in; it is waited for no longer when that
    /// chance has become small. Once answers no longer come closer to the target, all that are left
    /// of the closest are asked at once; and more are asked where many are dead,
    /// [alpha](super::Config::alpha) or not.
    Adaptive,
    /// The waits are fixed, counted from the first send.
    Fixed {
        /// When the same bytes are sent again.
        resend: Vec<Duration>,
        /// When the call has failed.
        give_up: Duration,
    },
}

impl Retry {
    /// The later generation: 0, 2 and 6 s, given up at 9 s (section 2).
    #[must_use]
    pub fn late() -> Self {
        Self::Fixed {
            resend: vec![Duration::from_secs(2), Duration::from_secs(6)],
            give_up: Duration::from_secs(9),
        }
    }

    /// The earlier generation: once, given up at 20 s (section 2).
    #[must_use]
    pub const fn early() -> Self {
        Self::Fixed {
            resend: Vec::new(),
            give_up: Duration::from_secs(20),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Self::Fixed { resend, give_up } = self else {
            return Ok(());
        };
        if *give_up < SHORTEST_SPAN {
            return Err(ConfigError {
                field: "retry.give_up",
                problem: Problem::TooShort,
            });
        }
        let ascend = resend.is_sorted_by(|a, b| a < b);
        if !ascend || resend.iter().any(|at| *at < SHORTEST_SPAN || at >= give_up) {
            return Err(ConfigError {
                field: "retry.resend",
                problem: Problem::NotAscending,
            });
        }
        Ok(())
    }
}
