//! What can run on a host: a node, or a stand-in for one.

use std::net::SocketAddr;

use khashmir::{Command, Event, Instant, Node, OpId, Record, RecordNo, Refused};

/// Something that runs on a host: the calls by which a driver drives a [`Node`].
///
/// A machine of another kind is how an experiment puts something else in a node's place: one with a
/// fault planted in it, to see whether the checks find it, or one that means harm. Times are those
/// of the host's own clock. A modelled host has one address, so that local addresses need no mention.
pub trait Machine: Send {
    /// As [`Node::handle_datagram`].
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]);
    /// As [`Node::handle_timeout`].
    fn handle_timeout(&mut self, now: Instant);
    /// As [`Node::handle_durable`].
    fn handle_durable(&mut self, now: Instant, up_to: RecordNo);
    /// As [`Node::start`].
    ///
    /// # Errors
    /// [`Refused`] when nothing was started.
    fn start(&mut self, now: Instant, command: Command) -> Result<OpId, Refused>;
    /// As [`Node::leave`].
    fn leave(&mut self, now: Instant);
    /// As [`Node::poll_record`].
    fn poll_record(&mut self) -> Option<(RecordNo, Record)>;
    /// As [`Node::poll_transmit`]; gives where the datagram goes.
    fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<SocketAddr>;
    /// As [`Node::shrink`], if there is anything to give back.
    fn shrink(&mut self) {}
    /// As [`Node::poll_event`].
    fn poll_event(&mut self) -> Option<Event>;
    /// As [`Node::poll_timeout`].
    fn poll_timeout(&self) -> Option<Instant>;
    /// The node that this is, or that is inside.
    fn node(&self) -> &Node;
}

impl Machine for Node {
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        Self::handle_datagram(self, now, from, None, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn handle_durable(&mut self, now: Instant, up_to: RecordNo) {
        Self::handle_durable(self, now, up_to);
    }

    fn start(&mut self, now: Instant, command: Command) -> Result<OpId, Refused> {
        Self::start(self, now, command)
    }

    fn leave(&mut self, now: Instant) {
        Self::leave(self, now);
    }

    fn poll_record(&mut self) -> Option<(RecordNo, Record)> {
        Self::poll_record(self)
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        Some(Self::poll_transmit(self, datagram)?.to)
    }

    fn shrink(&mut self) {
        Self::shrink(self);
    }

    fn poll_event(&mut self) -> Option<Event> {
        Self::poll_event(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn node(&self) -> &Node {
        self
    }
}

impl From<Node> for Box<dyn Machine> {
    fn from(node: Node) -> Self {
        Box::new(node)
    }
}
