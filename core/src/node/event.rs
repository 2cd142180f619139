//! What a node tells its user.

use alloc::vec::Vec;

use super::OpId;
use crate::id::Id;
use crate::operation::{Outcome, QueryStats};
use crate::value::Value;

/// Something the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The table is empty: the last contact was lost, or a round of joining found nobody. The node
    /// tries again by itself if it knows anyone to try.
    Alone,
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
    /// A kept value has copies at other nodes: for the first time, or again after
    /// [`CopiesLost`](Self::CopiesLost). What our own node holds does not count, since it is lost
    /// with us.
    Kept {
        /// The put that keeps it.
        op: OpId,
        /// How many copies.
        copies: usize,
    },
    /// There is somebody in the table, after a time of being alone.
    Online {
        /// How many they are by now.
        contacts: usize,
    },
    /// A `get` found values. Each distinct value comes once.
    Values {
        /// The command.
        op: OpId,
        /// The key.
        key: Id,
        /// The values.
        values: Vec<Value>,
    },
}

impl Event {
    /// The command that this event concludes.
    #[must_use]
    pub const fn ends(&self) -> Option<OpId> {
        match self {
            Self::Ended { op, .. } => Some(*op),
            Self::Alone
            | Self::Checkpoint
            | Self::CopiesLost { .. }
            | Self::Kept { .. }
            | Self::Online { .. }
            | Self::Values { .. } => None,
        }
    }
}
