//! What the users of nodes are told.

use khashmir::{Event, Instant, OpId, Refused};

use crate::host::HostId;

/// Something that the user of a node was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When the user was told.
    pub at: Instant,
    /// The host of the node.
    pub host: HostId,
    /// The name of the order that it answers directly.
    pub order: Option<u64>,
    /// What the user was told.
    pub news: News,
}

/// What a user was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An event of the node's.
    Event(Box<Event>),
    /// An order was refused.
    Refused(Refused),
    /// An order was accepted.
    Started {
        /// What its events will name.
        op: OpId,
    },
    /// An order was for a host that is off.
    Unheard,
}
