//! What a node is made of that is added to a loop, and why it may not be added.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::{Config, ConfigError, Instant, Journal, Node, Seed, Snapshot};

use crate::disk::{DurableStore, NewDisk};
use crate::gone::Gone;
use crate::observer::{Observer, Unobserved};

/// A node that is to be added to a loop: its configuration, where its identity and its contacts come
/// from, and who watches it.
pub struct NewNode {
    config: Config,
    seed: Seed,
    past: Past,
    store: Option<Box<dyn DurableStore>>,
    observer: Box<dyn Observer>,
    pub(crate) receive_buffer: usize,
}

/// What was before a node.
enum Past {
    None,
    /// It goes on from a snapshot that is so old.
    Restored(Box<Snapshot>, Duration),
}

impl NewNode {
    /// The receive buffer that a socket asks for unless it is told otherwise, in bytes. The usual
    /// 208 KiB of Linux are full after about a thousand queries.
    pub const RECEIVE_BUFFER: usize = 4 << 20;

    /// A node with an empty table. [`system_seed`](crate::system_seed) draws a seed that nobody can
    /// predict.
    #[must_use]
    pub fn new(config: Config, seed: Seed) -> Self {
        Self {
            config,
            seed,
            past: Past::None,
            store: None,
            observer: Box::new(Unobserved),
            receive_buffer: Self::RECEIVE_BUFFER,
        }
    }

    /// Lets it go on where another left off, `away` after the snapshot was taken.
    #[must_use]
    pub fn restore(mut self, snapshot: Snapshot, away: Duration) -> Self {
        self.past = Past::Restored(Box::new(snapshot), away);
        self
    }

    /// Lets it write down what must survive it, and answer for nothing before that is safe. What was
    /// written earlier, [`restore`](Self::restore) brings back.
    ///
    /// Stores are acknowledged once they are written; everything else never waits for that. While
    /// nothing can be written, stores are refused: [`Notice::Disk`](crate::Notice::Disk) tells when that
    /// begins and ends, and [`Handle::disk_stats`](crate::Handle::disk_stats) how it stands.
    #[must_use]
    pub fn durable(mut self, store: Box<dyn DurableStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Lets it go on from a database, if an earlier run left anything there, and write to it.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn stored_in(mut self, opened: crate::Opened) -> Self {
        let away = opened.away();
        if let Some(snapshot) = opened.snapshot {
            self = self.restore(snapshot, away);
        }
        self.durable(Box::new(opened.database))
    }

    /// Adds an observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Box<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Asks for a receive buffer of so many bytes. The system may grant less:
    /// [`SocketStats::receive_buffer`](crate::SocketStats) says how much it is.
    #[must_use]
    pub const fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = bytes;
        self
    }

    /// Makes the node, which is to be reached at that address. At a definite address it knows that
    /// for its own, unless the configuration names another.
    pub(crate) fn make(self, local_addr: SocketAddr, now: Instant) -> Result<Made, ConfigError> {
        let mut config = self.config;
        if self.store.is_some() {
            config.journal = Journal::On;
        }
        if !local_addr.ip().is_unspecified() {
            config.address = config.address.or(Some(local_addr));
        }
        let mut node = match self.past {
            Past::None => Node::new(config, self.seed, now),
            Past::Restored(snapshot, away) => {
                Node::restore(config, *snapshot, away, self.seed, now)
            }
        }?;
        let disk = self
            .store
            .map(|store| NewDisk::begin(store, &mut node, now));
        Ok(Made {
            node,
            observer: self.observer,
            disk,
        })
    }
}

/// A node that was made, and what belongs to it.
pub(crate) struct Made {
    pub(crate) node: Node,
    pub(crate) observer: Box<dyn Observer>,
    pub(crate) disk: Option<NewDisk>,
}

impl fmt::Debug for NewNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match self.past {
            Past::None => "new",
            Past::Restored(..) => "restored",
        };
        write!(f, "NewNode({from})")
    }
}

/// Why a node could not be added to a loop.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotAdded {
    /// Its configuration cannot work.
    Config(ConfigError),
    /// The loop is over.
    Gone,
    /// Its socket cannot be had.
    Socket(io::Error),
}

impl From<ConfigError> for NotAdded {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<Gone> for NotAdded {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<io::Error> for NotAdded {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Gone => Gone.fmt(f),
            Self::Socket(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotAdded {}
