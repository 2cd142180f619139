//! The node under test with a clock of the test's own.

use std::net::SocketAddr;
use std::time::Duration;

use khashmir::{Command, Event, Instant, Node, OpId, Refused};

/// The node under test. Everything that it sends and says is kept until it is taken.
pub(crate) struct Subject {
    node: Node,
    now: Instant,
    sent: Vec<Sent>,
    events: Vec<Event>,
}

/// A datagram that the node sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Subject {
    /// A node whose clock stands at the origin.
    pub(crate) fn new(node: Node) -> Self {
        let mut subject = Self {
            node,
            now: Instant::ORIGIN,
            sent: Vec::new(),
            events: Vec::new(),
        };
        subject.drain();
        subject
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.node.handle_datagram(self.now, from, None, datagram);
        self.drain();
    }

    pub(crate) fn start(&mut self, command: Command) -> Result<OpId, Refused> {
        let started = self.node.start(self.now, command);
        self.drain();
        started
    }

    /// Lets time pass, and everything happen that falls due meanwhile.
    pub(crate) fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Lets time pass until then.
    pub(crate) fn run_until(&mut self, end: Instant) {
        while self.node.poll_timeout().is_some_and(|due| due <= end) {
            self.do_next();
        }
        self.now = self.now.max(end);
    }

    /// Lets time pass until the node says this, which is to happen within an hour.
    pub(crate) fn run_until_event(&mut self, is_it: impl Fn(&Event) -> bool) {
        let end = self.now + Duration::from_secs(3600);
        while !self.events.iter().any(&is_it) {
            assert!(self.now < end, "nothing of that kind within an hour");
            self.do_next();
        }
    }

    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn do_next(&mut self) {
        let due = self.node.poll_timeout().expect("checkpoints never end");
        self.now = self.now.max(due);
        self.node.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        let mut bytes = Vec::new();
        while let Some(khashmir::Transmit { to, .. }) = self.node.poll_transmit(&mut bytes) {
            self.sent.push(Sent {
                at: self.now,
                to,
                bytes: bytes.clone(),
            });
        }
        while let Some(event) = self.node.poll_event() {
            self.events.push(event);
        }
    }
}
