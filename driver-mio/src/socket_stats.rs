//! What a socket has gone through: sends that the system refused, and datagrams that it dropped.

use std::io;
use std::sync::Arc;

/// What the socket of a node has gone through since it was added to its loop.
///
/// The node's own [statistics](khashmir::Stats) count what it was given and what it wanted sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SocketStats {
    /// Datagrams that the system took.
    pub sent: u64,
    /// Datagrams that the system refused: they are lost.
    pub refused: u64,
    /// Why it refused the last one of them.
    pub last_refusal: Option<Arc<io::Error>>,
    /// The receive buffer that the system grants, in bytes as the system counts them, if it says so.
    pub receive_buffer: Option<usize>,
    /// Datagrams for this socket that the system dropped, because the receive buffer was full.
    /// `None` where the system does not count that for each socket (all but Linux).
    pub dropped_by_system: Option<u64>,
}

impl SocketStats {
    /// Why nothing could be sent, if the system refused every datagram.
    #[must_use]
    pub fn refuses_all(&self) -> Option<&io::Error> {
        self.last_refusal.as_deref().filter(|_| self.sent == 0)
    }
}

/// Counts what becomes of datagrams that are to be sent.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    sent: u64,
    refused: u64,
    last_refusal: Option<Arc<io::Error>>,
}

impl Sends {
    pub(crate) const fn succeeded(&mut self) {
        self.sent += 1;
    }

    pub(crate) fn failed(&mut self, why: io::Error) {
        self.refused += 1;
        self.last_refusal = Some(Arc::new(why));
    }

    pub(crate) fn stats(&self, receive_buffer: Option<usize>) -> SocketStats {
        SocketStats {
            sent: self.sent,
            refused: self.refused,
            last_refusal: self.last_refusal.clone(),
            receive_buffer,
            dropped_by_system: None,
        }
    }
}
