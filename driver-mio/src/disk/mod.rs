//! A place where a node writes down what must survive it, and how the writing goes.

mod link;
mod moment;
mod writer;

use std::fmt;
use std::time::Duration;

use khashmir::{Instant, Record, Snapshot};

pub(crate) use link::{DiskLink, Fate, NewDisk, Wanted, poll_records};
pub use moment::Moment;
pub(crate) use writer::{Report, Writer};

/// Where a node writes down what must survive it. [`Database`](crate::Database) is one, with the
/// feature `sqlite`; a program may bring its own.
///
/// It is used on a thread of its own, which may take its time: the loop never waits for it.
pub trait DurableStore: Send {
    /// Takes in that the node's clock reads `now` at this moment: all times of changes are counted
    /// like it. Called once, before anything is written.
    fn begin(&mut self, now: Instant);

    /// Makes all changes safe, in their order, or none of them: when this returns, they survive a
    /// crash of the machine. There may be none; then it is tried whether writing works.
    ///
    /// # Errors
    /// [`NotWritten`] when they are not safe. Later changes are tried all the same.
    fn write(&mut self, moment: Moment, changes: &[Change]) -> Result<(), NotWritten>;

    /// Does a part of what keeps the store small, such as removing what has expired: no more than
    /// takes some milliseconds. Called again and again after each checkpoint while there is more.
    ///
    /// # Errors
    /// [`NotWritten`] when that cannot be done now.
    fn tidy(&mut self, moment: Moment) -> Result<Tidied, NotWritten> {
        let _ = moment;
        Ok(Tidied::All)
    }
}

/// A change that a node wants written down.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// What the node recorded.
    Record(Record),
    /// The contacts, and when the buckets were looked up, are these now; times in it are counted
    /// back from `at`.
    Contacts {
        /// When that was so, by the node's clock.
        at: Instant,
        /// Where they are in. Of the rest of it nothing is to be written.
        snapshot: Box<Snapshot>,
    },
    /// All but the stored values is this now: told when records may have been lost before.
    AllButValues {
        /// When that was so, by the node's clock.
        at: Instant,
        /// What is to be written.
        snapshot: Box<Snapshot>,
    },
}

/// Whether there is more to tidy up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tidied {
    /// There is nothing left to do.
    All,
    /// There may be more.
    Part,
}

/// Why something was not written, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotWritten(pub String);

impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotWritten {}

/// Whether what a node is given can be made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiskState {
    /// All that was to be written was.
    Writing,
    /// Something could not be written: such stores are refused, until writing works again, which is
    /// tried every few seconds.
    Failing(NotWritten),
}

/// How the writing has gone for a node with a [store](crate::NewNode::durable).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DiskStats {
    /// Whether it works.
    pub state: DiskState,
    /// How often changes were written, several at once.
    pub commits: u64,
    /// Records that were written.
    pub records: u64,
    /// Records that could not be written: what they stand for was refused.
    pub lost_records: u64,
    /// How long the last writing took.
    pub last_commit: Duration,
    /// How long the longest took.
    pub longest_commit: Duration,
}
