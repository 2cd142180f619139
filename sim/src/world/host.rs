//! A host: one node, its end of the network, and what it has done so far.

use khashmir::{Instant, Node};

use crate::network::Attachment;
use crate::trace::TraceHash;

/// A host of the world.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) power: Power,
    pub(super) attachment: Attachment,
    /// The timer that counts; others that are still on their way mean nothing any more.
    pub(super) armed: Option<Instant>,
    pub(super) trace: TraceHash,
    pub(super) traffic: Traffic,
}

/// Whether a host runs.
pub(super) enum Power {
    Off,
    On(Box<Node>),
}

impl std::fmt::Debug for Power {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("Off"),
            Self::On(node) => write!(f, "On({})", node.id()),
        }
    }
}

/// What went over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent.
    pub sent: u64,
    /// Their bytes, without headers.
    pub bytes: u64,
    /// Of those, how many did not arrive.
    pub lost: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.bytes += other.bytes;
        self.lost += other.lost;
    }
}

impl std::ops::Sub for Traffic {
    type Output = Self;

    /// What came on top of an earlier reading.
    fn sub(self, earlier: Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            bytes: self.bytes - earlier.bytes,
            lost: self.lost - earlier.lost,
        }
    }
}
