//! What a node tells its user.

use alloc::vec::Vec;

use super::OpId;
use crate::id::Id;
use crate::operation::{Outcome, QueryStats};
use crate::value::Value;

/// Something the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The table is empty: the last contact was lost, or a round of joining found nobody. The node
    /// tries again by itself if it knows anyone to try.
    Alone,
    /// A checkpoint has passed: a good moment for a snapshot.
    Checkpoint,
    /// A command is over.
    Ended {
        /// The command.
        op: OpId,
        /// What it came to.
        outcome: Outcome,
        /// What it took.
        query_stats: QueryStats,
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
    /// The command that this event belongs to; `None` for what the node says of itself.
    #[must_use]
    pub const fn op(&self) -> Option<OpId> {
        match self {
            Self::Ended { op, .. } | Self::Values { op, .. } => Some(*op),
            Self::Alone | Self::Checkpoint | Self::Online { .. } => None,
        }
    }

    /// The command that this event concludes.
    #[must_use]
    pub const fn ends(&self) -> Option<OpId> {
        match self {
            Self::Ended { op, .. } => Some(*op),
            Self::Alone | Self::Checkpoint | Self::Online { .. } | Self::Values { .. } => None,
        }
    }
}
