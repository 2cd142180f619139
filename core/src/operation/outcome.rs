//! What operations come to, and what it took.

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::contact::{Contact, Place};
use crate::id::Id;
use crate::wire::InvalidReply;

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// It was ended before it was over.
    Aborted(Abort),
    /// Of [`Command::Ping`](crate::Command::Ping) and
    /// [`Command::AddContact`](crate::Command::AddContact): the node that answered, or why none did.
    Ping(Result<Pong, CallError>),
    /// Of [`Command::Join`](crate::Command::Join).
    Join(Joined),
    /// Of [`Command::FindNode`](crate::Command::FindNode) and
    /// [`Command::FindClose`](crate::Command::FindClose): the K closest nodes that answered,
    /// closest first, our own among them if it answers others.
    Found(Vec<Place>),
    /// Of [`Command::FindValue`](crate::Command::FindValue): how many values each of the K
    /// closest holds, closest first.
    Holders(Vec<Holder>),
    /// Of [`Command::Get`](crate::Command::Get): the values came as events before.
    Got {
        /// How many distinct values were delivered.
        values: usize,
        /// How many more there are likely to be: by so many do holders count more than they brought, all
        /// of them together, although they were asked again and again. 0 where nothing says that the
        /// get is incomplete. A holder that lies can make this number as large as it likes.
        missing: u64,
    },
    /// Of [`Command::Put`](crate::Command::Put): where the value is stored now, closest first, empty
    /// if nowhere. [`Place::Here`] is our own store: with that alone, no other node holds the value,
    /// and it is lost with us. [`stored_elsewhere`](Self::stored_elsewhere) leaves it out.
    Stored(Vec<Place>),
    /// Of [`Command::Refresh`](crate::Command::Refresh).
    Refreshed {
        /// How many buckets were looked up.
        buckets: usize,
    },
}

/// Why an operation was ended before it was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Abort {
    /// [`Node::cancel`](crate::Node::cancel).
    Cancelled,
    /// [`Node::leave`](crate::Node::leave).
    Left,
    /// That a value is to be kept could not be written down, so it is not kept. Nodes that have stored it
    /// already hold it until it expires.
    NotSaved,
    /// [`Node::shutdown`](crate::Node::shutdown).
    ShutDown,
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "it was cancelled",
            Self::Left => "the node left its network",
            Self::NotSaved => "it could not be saved that the value is to be kept",
            Self::ShutDown => "the node was shut down",
        })
    }
}

impl core::error::Error for Abort {}

impl Outcome {
    /// The other nodes that a put stored its value at, closest first: our own copy does not count.
    pub fn stored_elsewhere(&self) -> impl Iterator<Item = Contact> + '_ {
        let places: &[Place] = match self {
            Self::Stored(places) => places,
            Self::Aborted(_)
            | Self::Ping(_)
            | Self::Join(_)
            | Self::Found(_)
            | Self::Holders(_)
            | Self::Got { .. }
            | Self::Refreshed { .. } => &[],
        };
        places.iter().filter_map(Place::contact)
    }
}

/// In a few words, without what it brought.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted(abort) => abort.fmt(f),
            Self::Ping(Ok(pong)) => write!(f, "{} answered", pong.id),
            Self::Ping(Err(error)) => error.fmt(f),
            Self::Join(joined) if joined.contacts == 0 => f.write_str("nobody answered"),
            Self::Join(Joined {
                contacts,
                refreshed,
                ..
            }) => write!(
                f,
                "joined, {contacts} contacts, {refreshed} buckets refreshed"
            ),
            Self::Found(places) => write!(f, "{} nodes found", places.len()),
            Self::Holders(holders) => write!(f, "{} holders found", holders.len()),
            Self::Got { values, missing: 0 } => write!(f, "{values} values"),
            Self::Got { values, missing } => {
                write!(f, "{values} values, and {missing} more not found")
            }
            Self::Stored(places) => write!(f, "stored at {} nodes", places.len()),
            Self::Refreshed { buckets } => write!(f, "{buckets} buckets refreshed"),
        }
    }
}

/// A node that answered a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pong {
    /// Its identifier.
    pub id: Id,
    /// How long the answer took, resends included.
    pub took: Duration,
    /// Our address as it sees it: only in answer to a `join` query.
    pub seen_as: Option<SocketAddr>,
}

/// What joining came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Joined {
    /// Contacts in the table at the end: with none, this node stands alone.
    pub contacts: usize,
    /// What bootstrap contacts said our address is. Each may be lying.
    pub seen_as: Vec<Report>,
    /// Buckets that were looked up.
    pub refreshed: usize,
}

/// What a node said our address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Report {
    /// The address of that node.
    pub by: SocketAddr,
    /// What it said.
    pub seen_as: SocketAddr,
}

/// A node that holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Holder {
    /// The node.
    pub place: Place,
    /// How many values it says it holds.
    pub values: u64,
}

/// Why a call brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CallError {
    /// The answer broke the rules.
    Broken(InvalidReply),
    /// The answer was an error of this code.
    Refused(i64),
    /// No answer came.
    Timeout,
    /// Another node answered than was expected at that address.
    WrongId,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(_) => f.write_str("the answer broke the rules of the protocol"),
            Self::Refused(code) => write!(f, "the answer was error {code}"),
            Self::Timeout => f.write_str("no answer came"),
            Self::WrongId => f.write_str("another node answered than was expected"),
        }
    }
}

impl core::error::Error for CallError {}

/// What an operation took. Each call was answered, refused, broken or unanswered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QueryStats {
    /// Calls made.
    pub asked: u32,
    /// Calls answered in order.
    pub answered: u32,
    /// Calls not answered when the operation ended, or at all.
    pub unanswered: u32,
    /// Calls answered against the rules, or by another node than expected.
    pub broken: u32,
    /// Calls answered with an error.
    pub refused: u32,
    /// The first of these: at most [`QueryStats::MAX_REFUSALS`] are listed.
    pub refusals: Vec<Refusal>,
    /// Datagrams sent, resends included, and received in answer.
    pub datagrams: u32,
    /// Their bytes.
    pub bytes: u64,
    /// For lookups: the depth at which the closest node of the result was found, where our own
    /// table is depth 1, and our own node 0.
    pub hops: u32,
    /// For lookups: the longest chain of queries, each caused by an answer to the one before.
    pub rounds: u32,
    /// Time from the command to its end.
    pub took: Duration,
}

impl QueryStats {
    /// Refusals that are listed.
    pub const MAX_REFUSALS: usize = 64;
}

/// A call that was answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Refusal {
    /// The address of the node that refused.
    pub by: SocketAddr,
    /// The code of the error (specification, section 1.4).
    pub code: i64,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {} from {}", self.code, self.by)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    #[test]
    fn outcomes_are_a_few_words() {
        let by = ([10, 0, 0, 1], 9977).into();
        for (outcome, words) in [
            (Outcome::Aborted(Abort::Left), "the node left its network"),
            (Outcome::Ping(Err(CallError::Timeout)), "no answer came"),
            (Outcome::Join(Joined::default()), "nobody answered"),
            (
                Outcome::Stored(vec![Place::Here(Id::new([1; Id::LEN]))]),
                "stored at 1 nodes",
            ),
        ] {
            assert_eq!(outcome.to_string(), words);
        }
        let refusal = Refusal { by, code: 205 };
        assert_eq!(refusal.to_string(), "error 205 from 10.0.0.1:9977");
    }
}
