//! What the replays of the recorded datagrams are made of.

mod bytes;
pub(crate) mod codec;
pub(crate) mod differences;
mod recorded;
pub(crate) mod requests;
pub(crate) mod retransmission;
pub(crate) mod sessions;
mod steps;
mod subject;
mod tokens;

use khashmir::Config;

/// The two generations of the original that were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    Early,
    Late,
}

impl Generation {
    /// As in the names of the files.
    fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Late => "late",
        }
    }

    /// The preset that has its habits.
    fn config(self) -> Config {
        match self {
            Self::Early => Config::early(),
            Self::Late => Config::late(),
        }
    }
}
