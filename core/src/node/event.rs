//! What a node tells its user.

use alloc::vec::Vec;

use super::OpId;
use crate::id::Id;
use crate::operation::{Abort, Outcome, QueryStats};
use crate::value::Value;

/// Something the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// No contact is there: the last one was lost, or none answered a join. The node tries again by
    /// itself if it knows an address to try.
    Alone,
    /// A bootstrap address does not answer, or the table is much poorer than it was. The node tries
    /// its addresses again by itself; if they come from names, these may stand for others by now:
    /// resolve them again, and tell the node with
    /// [`set_bootstrap`](crate::Node::set_bootstrap). Told once in each round of trying, every 5
    /// minutes or so.
    BootstrapWanted,
    /// A checkpoint has passed: a good moment for a snapshot.
    Checkpoint,
    /// No other node holds a copy of a kept value any more, as far as we know: they are gone, or
    /// cannot be reached. It is being stored again.
    CopiesLost {
        /// The put that keeps it.
        op: OpId,
    },
    /// A command is over.
    Ended {
        /// The command.
        op: OpId,
        /// What it came to.
        outcome: Outcome,
        /// What it took.
        query_stats: QueryStats,
    },
    /// The closest nodes that a lookup found are of fewer prefixes than they should be, because there are no
    /// others, as in a campus or a testbed: whoever has all addresses of one prefix may hold every copy
    /// of a value. See [`Config::most_of_prefix`](crate::Config::most_of_prefix). Told once.
    FewPrefixes,
    /// A kept value has copies at other nodes: for the first time, or again after
    /// [`CopiesLost`](Self::CopiesLost). What our own node holds does not count, since it is lost
    /// with us.
    Kept {
        /// The put that keeps it.
        op: OpId,
        /// How many copies.
        copies: usize,
    },
    /// A contact has answered, after a time of being alone: since the start, since
    /// [`Alone`](Self::Alone) was told, or since the node left its network. While a join is under
    /// way, that is told at its end.
    Online {
        /// How many contacts the table has by now.
        contacts: usize,
    },
    /// A `get` found values: the first of them come while its lookup goes on. Each distinct value comes
    /// once.
    Values {
        /// The command.
        op: OpId,
        /// The key.
        key: Id,
        /// The values.
        values: Vec<Value>,
    },
}

/// What an event means for one command.
pub(super) enum Progress<'e> {
    /// Nothing: it belongs to another command, to a value that is kept, or to the node.
    None,
    /// More values were found.
    Values(&'e [Value]),
    /// It is over, with this outcome or before its time.
    Ended(Result<&'e Outcome, Abort>),
}

impl Event {
    /// The command that this event belongs to; `None` for what the node says of itself.
    #[must_use]
    pub const fn op(&self) -> Option<OpId> {
        match self {
            Self::CopiesLost { op }
            | Self::Ended { op, .. }
            | Self::Kept { op, .. }
            | Self::Values { op, .. } => Some(*op),
            Self::Alone
            | Self::BootstrapWanted
            | Self::Checkpoint
            | Self::FewPrefixes
            | Self::Online { .. } => None,
        }
    }

    /// The command that this event concludes.
    #[must_use]
    pub const fn ends(&self) -> Option<OpId> {
        match self {
            Self::Ended { op, .. } => Some(*op),
            Self::Alone
            | Self::BootstrapWanted
            | Self::Checkpoint
            | Self::CopiesLost { .. }
            | Self::FewPrefixes
            | Self::Kept { .. }
            | Self::Online { .. }
            | Self::Values { .. } => None,
        }
    }

    /// What it means for that command.
    pub(super) fn progress_of(&self, command: OpId) -> Progress<'_> {
        match self {
            Self::Values { op, values, .. } if *op == command => Progress::Values(values),
            Self::Ended { op, outcome, .. } if *op == command => Progress::Ended(match outcome {
                Outcome::Aborted(why) => Err(*why),
                Outcome::Ping(_)
                | Outcome::Join(_)
                | Outcome::Found(_)
                | Outcome::Holders(_)
                | Outcome::Got { .. }
                | Outcome::Stored(_)
                | Outcome::Refreshed { .. } => Ok(outcome),
            }),
            Self::Alone
            | Self::BootstrapWanted
            | Self::Checkpoint
            | Self::CopiesLost { .. }
            | Self::Ended { .. }
            | Self::FewPrefixes
            | Self::Kept { .. }
            | Self::Online { .. }
            | Self::Values { .. } => Progress::None,
        }
    }
}
