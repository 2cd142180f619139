//! What a user can tell a node to do.

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::address::BadAddress;
use crate::config::Retrieve;
use crate::id::Id;
use crate::value::Value;

/// Names one accepted command, in the events that belong to it. Never reused by one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OpId(pub(crate) u64);

impl OpId {
    /// The one of that number: for tests of what deals with events, where no node gave one out.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number behind it, for logs.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Something to do that takes time: each accepted command ends in one
/// [`Event::Ended`](crate::Event::Ended).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Ask the node at an address for its id and for our address as it sees it, and take it into the
    /// table: the original's `addContact`.
    AddContact {
        /// The address.
        addr: SocketAddr,
    },
    /// Find our own neighbourhood: the original's `findCloseNodes`.
    FindClose,
    /// Find the K closest nodes to a target.
    FindNode {
        /// The target.
        target: Id,
    },
    /// Find out how many values of a key each of the K closest nodes holds.
    FindValue {
        /// The key.
        key: Id,
    },
    /// Get the values of a key, which come as [`Event::Values`](crate::Event::Values).
    Get {
        /// The key.
        key: Id,
        /// Which holders to ask; as configured when `None`.
        retrieve: Option<Retrieve>,
        /// Whether what our own node stores counts.
        own_store: OwnStore,
    },
    /// Join a network through some of its nodes; look around in all buckets; end after one round.
    /// Contacts of an earlier time are asked beside them: when these answer, nothing waits for a
    /// bootstrap address that does not.
    Join {
        /// Addresses of nodes in the network. The node keeps them, and tries each that does not
        /// answer again and again. Without any, it keeps those that it had before.
        bootstrap: Vec<SocketAddr>,
    },
    /// Ask the node at an address whether it is there.
    Ping {
        /// The address.
        addr: SocketAddr,
    },
    /// Store a value at the nodes closest to a key.
    Put {
        /// The key.
        key: Id,
        /// The value.
        value: Value,
        /// Whether it is stored again before it expires.
        keep: Keep,
    },
    /// Look around in buckets.
    Refresh {
        /// Which of them.
        buckets: Buckets,
    },
}

/// In a few words, without what it brings along.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddContact { addr } => write!(f, "add contact {addr}"),
            Self::FindClose => f.write_str("find close nodes"),
            Self::FindNode { target } => write!(f, "find node {target}"),
            Self::FindValue { key } => write!(f, "find value {key}"),
            Self::Get { key, .. } => write!(f, "get {key}"),
            Self::Join { bootstrap } => write!(f, "join through {} addresses", bootstrap.len()),
            Self::Ping { addr } => write!(f, "ping {addr}"),
            Self::Put { key, value, .. } => {
                write!(f, "put {key}, {} bytes", value.as_bytes().len())
            }
            Self::Refresh { buckets } => match buckets {
                Buckets::All => f.write_str("refresh all buckets"),
                Buckets::Stale => f.write_str("refresh stale buckets"),
            },
        }
    }
}

/// Whether a `get` looks into our own store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnStore {
    /// Its values come first.
    Include,
    /// Only others are asked.
    LeaveOut,
}

/// How long a `put` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// Until the value expires where it was stored.
    Once,
    /// Until [`Node::cancel`](crate::Node::cancel) is called with the id of the put, which stays
    /// good for that after its ending event.
    ///
    /// The value is looked after. Its holders are asked now and then whether they still have it, the
    /// more often the sooner holders are seen to leave, so that between two questions no more than
    /// about a third of the copies is lost. Where copies are missing, or more than a few closer nodes
    /// have none, it is stored at the closest nodes that have none; and each holder gets it again at
    /// 5/6 of its life there. As long as no other node holds it, storing is tried again with growing
    /// waits, and at once when the node comes online. [`Event::Kept`](crate::Event::Kept) and
    /// [`Event::CopiesLost`](crate::Event::CopiesLost) say how it stands.
    ///
    /// It is part of a snapshot: a node that is [restored](crate::Node::restore) keeps it still. With a
    /// [journal](crate::Journal) the put ends once the record of that is safe, and with
    /// [`Abort::NotSaved`](crate::Abort::NotSaved), and without keeping, when it is lost.
    UntilCancelled,
}

/// Which buckets are refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Every one.
    All,
    /// Those unused for as long as the configuration says.
    Stale,
}

/// Why a command was not accepted. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// This value is kept under this key already.
    AlreadyKept,
    /// This value is being put under this key at the moment.
    AlreadyPutting,
    /// An address cannot be used.
    BadAddress {
        /// The address.
        addr: SocketAddr,
        /// What is wrong with it.
        why: BadAddress,
    },
    /// Too much is under way, or too many events wait to be polled.
    Busy,
    /// A join is under way.
    JoinInProgress,
    /// The node has left its network, and has to join one first.
    NotJoined,
    /// A node of this role has no such command.
    NotMyRole,
    /// The node was shut down.
    ShutDown,
    /// A join names more bootstrap addresses than the configuration allows.
    TooManyAddresses,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyKept => f.write_str("already keeping that key with the same value"),
            Self::AlreadyPutting => f.write_str("already storing that key with the same value"),
            Self::BadAddress { addr, why } => write!(f, "{addr} cannot be used: {why}"),
            Self::Busy => f.write_str("too much is under way"),
            Self::JoinInProgress => f.write_str("a join is already in progress"),
            Self::NotJoined => f.write_str("have not joined a network yet"),
            Self::NotMyRole => f.write_str("a node of this role has no such command"),
            Self::ShutDown => f.write_str("the node was shut down"),
            Self::TooManyAddresses => f.write_str("too many bootstrap addresses"),
        }
    }
}

impl core::error::Error for Refused {}
