//! What a node wants written down before it goes on.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::id::Id;
use crate::time::Instant;
use crate::token::TokenSecrets;
use crate::value::Value;

/// The number of a record: they count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNo(pub(crate) u64);

impl RecordNo {
    /// The one of that number: for tests of what deals with records, where no node gave one out.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

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
#[non_exhaustive]
pub enum Record {
    /// The identity of this node, once at its start.
    Identity {
        /// Its identifier.
        id: Id,
    },
    /// A put is kept: its value is to be looked after from now on, also after a restart.
    Kept {
        /// Its key.
        key: Id,
        /// The value.
        value: Value,
    },
    /// A kept put was cancelled. To leave the network, or to end, is no reason for this record: then
    /// the value is looked after again as soon as the node is restored.
    KeptNoLonger {
        /// Its key.
        key: Id,
        /// The value.
        value: Value,
    },
    /// A value was stored, or its life extended.
    Stored {
        /// When it arrived, by the node's time.
        at: Instant,
        /// Its key.
        key: Id,
        /// The value.
        value: Value,
        /// How long it lives from then on.
        lifetime: Duration,
        /// Keys that gave way to it, with all their values.
        evicted: Vec<Id>,
    },
    /// The secrets behind write tokens changed: at each checkpoint, and at the start. They bring the one
    /// that comes next, so that it is written down a checkpoint before it is first used.
    TokenSecrets {
        /// When, by the node's time.
        at: Instant,
        /// All that are still good, and the next.
        secrets: TokenSecrets,
    },
}
