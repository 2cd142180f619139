//! Two nodes in a program without the standard library: they join, store a value and find it.
#![no_std]
#![no_main]

extern crate alloc;

mod platform;

use alloc::vec::Vec;
use core::ffi::CStr;
use core::net::SocketAddr;
use core::time::Duration;

use khashmir::{Config, Event, Id, Instant, Node, OpId, Outcome, Seed, Value};

/// Time between two looks at the nodes.
const TURN: Duration = Duration::from_millis(10);

/// Turns that a command of two nodes on a perfect network never takes.
const PATIENCE: usize = 1000;

/// Where the two nodes are, as far as they know.
const ADDRESSES: [([u8; 4], u16); 2] = [([10, 0, 0, 1], 9977), ([10, 0, 0, 2], 9977)];

/// The program: the second node joins the first and stores a value, and both get it.
fn run() -> Result<(), &'static CStr> {
    let mut pair = Pair::new().ok_or(c"the default configuration is refused")?;
    let join = pair.nodes[1].join(pair.now, &[ADDRESSES[0].into()]);
    pair.outcome(1, join.ok())?;
    let [first, second] = pair.nodes.each_ref().map(Node::id);
    let known = pair.nodes.each_ref().map(Pair::known);
    if known != [[second], [first]] {
        return Err(c"the nodes do not know each other");
    }
    let key = Id::hash_of(b"greeting");
    let value = Value::new(*b"hello").map_err(|_| c"the value is too long")?;
    let put = pair.nodes[1].put(pair.now, key, value);
    pair.outcome(1, put.ok())?;
    for node in [0, 1] {
        let get = pair.nodes[node].get(pair.now, key);
        if pair.outcome(node, get.ok())?
            != (Outcome::Got {
                values: 1,
                missing: 0,
            })
        {
            return Err(c"the value was not found");
        }
    }
    Ok(())
}

/// Two nodes with a perfect network between them, and the time.
struct Pair {
    now: Instant,
    nodes: [Node; 2],
    datagram: Vec<u8>,
}

impl Pair {
    fn new() -> Option<Self> {
        let now = Instant::ORIGIN;
        let node = |seed| Node::new(Config::default(), Seed::from_number(seed), now).ok();
        Some(Self {
            now,
            nodes: [node(1)?, node(2)?],
            datagram: Vec::new(),
        })
    }

    fn known(node: &Node) -> Vec<Id> {
        node.contacts().map(|contact| contact.id).collect()
    }

    /// Lets time go by until a command of a node is over.
    fn outcome(&mut self, node: usize, started: Option<OpId>) -> Result<Outcome, &'static CStr> {
        let started = started.ok_or(c"a command was refused")?;
        for _ in 0..PATIENCE {
            while let Some(event) = self.nodes[node].poll_event() {
                if let Event::Ended { op, outcome, .. } = event
                    && op == started
                {
                    return Ok(outcome);
                }
            }
            self.turn();
        }
        Err(c"a command did not end")
    }

    /// Carries over what each node has to say to the other.
    fn turn(&mut self) {
        for (from, to) in [(0, 1), (1, 0)] {
            while let Some(khashmir::Transmit { to: addr, .. }) =
                self.nodes[from].poll_transmit(&mut self.datagram)
            {
                if addr == SocketAddr::from(ADDRESSES[to]) {
                    let sender = ADDRESSES[from].into();
                    self.nodes[to].handle_datagram(self.now, sender, None, &self.datagram);
                }
            }
        }
        self.now = self.now + TURN;
        for node in &mut self.nodes {
            node.handle_timeout(self.now);
        }
    }
}
