//! Observers of a node at work: they see every datagram, operation and mishap.

use std::io;
use std::net::SocketAddr;

use khashmir::{Command, Event, OpId};

use crate::resolve::Resolved;

/// Watches one node. Its methods are called on the loop's thread, which waits for them: they should
/// be quick. All do nothing unless they are written.
pub trait Observer: Send {
    /// A datagram was sent.
    fn sent(&mut self, to: SocketAddr, datagram: &[u8]) {
        let _ = (to, datagram);
    }

    /// A datagram arrived.
    fn received(&mut self, from: SocketAddr, datagram: &[u8]) {
        let _ = (from, datagram);
    }

    /// A command was accepted.
    fn started(&mut self, op: OpId, command: &Command) {
        let _ = (op, command);
    }

    /// The node reported something.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// A name was resolved, or could not be.
    fn resolved(&mut self, resolved: &Resolved) {
        let _ = resolved;
    }

    /// The socket reported something, and goes on.
    fn trouble(&mut self, error: &io::Error) {
        let _ = error;
    }
}

/// No observer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
