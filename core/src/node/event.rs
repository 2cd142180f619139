//! What a node tells its user, and what it wants written down before it goes on.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::command::OpId;
use crate::id::Id;
use crate::operation::{Effort, Outcome};
use crate::value::Value;

/// Something the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        effort: Effort,
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
            Self::Alone | Self::Checkpoint | Self::Online { .. } | Self::Values { .. } => None,
        }
    }
}

/// The number of a record: they count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNo(pub(crate) u64);

impl RecordNo {
    /// The number itself.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RecordNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A change of what must survive a crash: see [`Snapshot::apply`](crate::Snapshot::apply).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// The identity of this node, once at its start.
    Identity {
        /// Its identifier.
        id: Id,
    },
    /// A value was stored, or its life extended.
    Stored {
        /// Its key.
        key: Id,
        /// The value.
        value: Value,
        /// How long it lives from now.
        lifetime: Duration,
        /// Keys that gave way to it, with all their values.
        evicted: Vec<Id>,
    },
}
