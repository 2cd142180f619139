//! Commands in short: one method for each, over [`Node::start`].

use core::net::SocketAddr;

use super::{Buckets, Command, Keep, Node, OpId, OwnStore, Refused};
use crate::id::Id;
use crate::time::Instant;
use crate::value::Value;

impl Node {
    /// [`Command::Ping`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn ping(&mut self, now: Instant, addr: SocketAddr) -> Result<OpId, Refused> {
        self.start(now, Command::Ping { addr })
    }

    /// [`Command::Join`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn join(&mut self, now: Instant, bootstrap: &[SocketAddr]) -> Result<OpId, Refused> {
        self.start(
            now,
            Command::Join {
                bootstrap: bootstrap.to_vec(),
            },
        )
    }

    /// [`Command::FindNode`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn find_node(&mut self, now: Instant, target: Id) -> Result<OpId, Refused> {
        self.start(now, Command::FindNode { target })
    }

    /// [`Command::Get`], as configured, our own store included.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn get(&mut self, now: Instant, key: Id) -> Result<OpId, Refused> {
        self.start(
            now,
            Command::Get {
                key,
                retrieve: None,
                own_store: OwnStore::Include,
            },
        )
    }

    /// [`Command::Put`], once.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn put(&mut self, now: Instant, key: Id, value: Value) -> Result<OpId, Refused> {
        self.start(
            now,
            Command::Put {
                key,
                value,
                keep: Keep::Once,
            },
        )
    }

    /// [`Command::AddContact`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn add_contact(&mut self, now: Instant, addr: SocketAddr) -> Result<OpId, Refused> {
        self.start(now, Command::AddContact { addr })
    }

    /// [`Command::FindClose`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn find_close(&mut self, now: Instant) -> Result<OpId, Refused> {
        self.start(now, Command::FindClose)
    }

    /// [`Command::FindValue`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn find_value(&mut self, now: Instant, key: Id) -> Result<OpId, Refused> {
        self.start(now, Command::FindValue { key })
    }

    /// [`Command::Put`], until it is [cancelled](Self::cancel).
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn keep(&mut self, now: Instant, key: Id, value: Value) -> Result<OpId, Refused> {
        self.start(
            now,
            Command::Put {
                key,
                value,
                keep: Keep::UntilCancelled,
            },
        )
    }

    /// [`Command::Refresh`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn refresh(&mut self, now: Instant, buckets: Buckets) -> Result<OpId, Refused> {
        self.start(now, Command::Refresh { buckets })
    }
}
