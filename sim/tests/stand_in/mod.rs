//! A node with something changed on its way in or out, for the tests that want nodes to misbehave.

use std::net::SocketAddr;

use khashmir::{Command, Event, Instant, Node, OpId, Record, RecordNo, Refused};
use khashmir_sim::experiment::MachineFactory;
use khashmir_sim::world::Machine;

/// Changes the commands that a node is given.
type Orders = fn(Command) -> Command;

/// Changes the datagrams that a node sends.
type Speech = fn(&mut Vec<u8>);

/// A node with other commands than its user's, and other words than its own.
pub(crate) struct StandIn {
    node: Node,
    orders: Orders,
    speech: Speech,
}

impl StandIn {
    /// Every node is such a one.
    pub(crate) fn factory(orders: Orders, speech: Speech) -> MachineFactory {
        MachineFactory::new(move |_, node| {
            Box::new(Self {
                node,
                orders,
                speech,
            })
        })
    }
}

impl Machine for StandIn {
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.node.handle_datagram(now, from, None, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.node.handle_timeout(now);
    }

    fn handle_durable(&mut self, now: Instant, up_to: RecordNo) {
        self.node.handle_durable(now, up_to);
    }

    fn start(&mut self, now: Instant, command: Command) -> Result<OpId, Refused> {
        self.node.start(now, (self.orders)(command))
    }

    fn leave(&mut self, now: Instant) {
        self.node.leave(now);
    }

    fn poll_record(&mut self) -> Option<(RecordNo, Record)> {
        self.node.poll_record()
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        let to = self.node.poll_transmit(datagram)?.to;
        (self.speech)(datagram);
        Some(to)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.node.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }

    fn node(&self) -> &Node {
        &self.node
    }
}
