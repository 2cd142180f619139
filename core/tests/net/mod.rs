//! A few nodes on a network without loss, for stories: every datagram takes the same time.
// Each test file uses its own part of it, and a story is about one kind of thing.
#![allow(dead_code, clippy::wildcard_enum_match_arm)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Method, Query, Reply};
use khashmir::{
    Command, Config, Event, Id, Instant, Keep, Node, OpId, Outcome, OwnStore, Place, Seed, Value,
};

/// A world of nodes at 10.0.0.1, 10.0.0.2 and so on.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) delay: Duration,
    nodes: BTreeMap<SocketAddr, Node>,
    flying: BTreeMap<(Instant, u64), Flying>,
    sent: u64,
    events: BTreeMap<SocketAddr, Vec<Event>>,
    /// Every datagram that was sent, in order.
    pub(crate) log: Vec<Flying>,
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flying {
    pub(crate) at: Instant,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn addr(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 9977).into()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn value(text: &str) -> Value {
    Value::new(text.as_bytes()).expect("short")
}

pub(crate) fn key(text: &str) -> Id {
    Id::hash_of(text.as_bytes())
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::ORIGIN,
            delay: Duration::from_millis(10),
            nodes: BTreeMap::new(),
            flying: BTreeMap::new(),
            sent: 0,
            events: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    /// Nodes 1 to `count`, joined through the first.
    pub(crate) fn joined(count: u8, config: &Config) -> Self {
        let mut net = Self::new();
        for number in 1..=count {
            net.add(number, config.clone());
        }
        for number in 2..=count {
            net.command(
                number,
                Command::Join {
                    bootstrap: vec![addr(1)],
                },
            );
            net.run(seconds(30));
        }
        net.forget();
        net
    }

    pub(crate) fn add(&mut self, number: u8, config: Config) {
        let seed = Seed::from_number(u64::from(number));
        let node = Node::new(config, seed, self.now).expect("settings that work");
        self.put_back(number, node);
    }

    pub(crate) fn put_back(&mut self, number: u8, node: Node) {
        self.nodes.insert(addr(number), node);
        self.events.insert(addr(number), Vec::new());
    }

    /// Takes a node off the network: what is sent to it is lost.
    pub(crate) fn kill(&mut self, number: u8) -> Node {
        self.nodes.remove(&addr(number)).expect("it is there")
    }

    pub(crate) fn node(&mut self, number: u8) -> &mut Node {
        self.nodes.get_mut(&addr(number)).expect("it is there")
    }

    pub(crate) fn contacts(&mut self, number: u8) -> BTreeSet<SocketAddr> {
        self.node(number)
            .contacts()
            .map(|contact| contact.addr)
            .collect()
    }

    pub(crate) fn command(&mut self, number: u8, command: Command) -> OpId {
        let now = self.now;
        let op = self.node(number).start(now, command).expect("accepted");
        self.drain(addr(number));
        op
    }

    /// Runs a command to its end, and gives what it came to.
    pub(crate) fn outcome(&mut self, number: u8, command: Command) -> Outcome {
        let op = self.command(number, command);
        self.end_of(number, op)
    }

    /// Runs until an operation is over.
    pub(crate) fn end_of(&mut self, number: u8, op: OpId) -> Outcome {
        let limit = self.now + self.node(number).config().longest_operation();
        loop {
            let ended = self.events(number).iter().find_map(|event| match event {
                Event::Ended {
                    op: ended, outcome, ..
                } if *ended == op => Some(outcome.clone()),
                _ => None,
            });
            if let Some(outcome) = ended {
                return outcome;
            }
            assert!(self.step(limit), "{op} never ended");
        }
    }

    /// The values that a get brought, in the order in which they came.
    pub(crate) fn got(&mut self, number: u8, op: OpId) -> Vec<Value> {
        let values = self.events(number).iter().filter_map(|event| match event {
            Event::Values { op: of, values, .. } if *of == op => Some(values.clone()),
            _ => None,
        });
        values.flatten().collect()
    }

    pub(crate) fn events(&mut self, number: u8) -> &Vec<Event> {
        self.drain(addr(number));
        &self.events[&addr(number)]
    }

    /// Forgets the events and datagrams so far.
    pub(crate) fn forget(&mut self) {
        let all: Vec<SocketAddr> = self.nodes.keys().copied().collect();
        for addr in all {
            self.drain(addr);
        }
        self.log.clear();
        self.events.values_mut().for_each(Vec::clear);
    }

    /// Lets so much time go by.
    pub(crate) fn run(&mut self, time: Duration) {
        let limit = self.now + time;
        while self.step(limit) {}
        self.now = limit;
    }

    /// Sends a datagram from an address where no node is.
    pub(crate) fn send(&mut self, from: SocketAddr, number: u8, bytes: &[u8]) {
        self.fly(from, addr(number), bytes.to_vec());
    }

    /// Asks a node from such an address, and gives the datagram that it answers with.
    pub(crate) fn ask(
        &mut self,
        from: SocketAddr,
        number: u8,
        query: &Query<'_>,
    ) -> Option<Vec<u8>> {
        let tid = [7; 20];
        let asker = Id::hash_of(from.to_string().as_bytes());
        let mut bytes = Vec::new();
        Dialect::Khashmir.encode_query(&tid, &asker, query, &mut bytes);
        let before = self.log.len();
        self.send(from, number, &bytes);
        self.run(self.delay * 3);
        let answers = self.log[before..].iter().filter(|flying| flying.to == from);
        let mut answers = answers.filter(|flying| !is_query(&flying.bytes));
        answers.next().map(|flying| flying.bytes.clone())
    }

    /// A write token that a node gives to such an address.
    pub(crate) fn token(&mut self, from: SocketAddr, number: u8) -> Vec<u8> {
        let answer = self.ask(from, number, &Query::FindNode { target: key("any") });
        reply(&answer.expect("an answer"))
            .token
            .expect("a token")
            .to_vec()
    }

    /// Does the next thing that happens no later than `limit`. False when nothing does.
    pub(crate) fn step(&mut self, limit: Instant) -> bool {
        let all: Vec<SocketAddr> = self.nodes.keys().copied().collect();
        for addr in &all {
            self.drain(*addr);
        }
        let timers = self
            .nodes
            .iter()
            .filter_map(|(at, node)| Some((node.poll_timeout()?, *at)));
        let timer = timers.min();
        let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
        match (arrival, timer) {
            (Some(at), timer) if at <= limit && timer.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                let (_, flying) = self.flying.pop_first().expect("it was there");
                if let Some(node) = self.nodes.get_mut(&flying.to) {
                    node.handle_datagram(self.now, flying.from, None, &flying.bytes);
                }
                true
            }
            (_, Some((due, addr))) if due <= limit => {
                self.now = self.now.max(due);
                self.nodes
                    .get_mut(&addr)
                    .expect("it is there")
                    .handle_timeout(self.now);
                true
            }
            _ => false,
        }
    }

    fn drain(&mut self, from: SocketAddr) {
        let Some(node) = self.nodes.get_mut(&from) else {
            return;
        };
        let mut sent = Vec::new();
        let mut bytes = Vec::new();
        while let Some(khashmir::Transmit { to, .. }) = node.poll_transmit(&mut bytes) {
            sent.push((to, bytes.clone()));
        }
        let events = self.events.get_mut(&from).expect("it is there");
        while let Some(event) = node.poll_event() {
            events.push(event);
        }
        for (to, bytes) in sent {
            self.fly(from, to, bytes);
        }
    }

    fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        let flying = Flying {
            at: self.now,
            from,
            to,
            bytes,
        };
        self.log.push(flying.clone());
        self.flying
            .insert((self.now + self.delay, self.sent), flying);
    }
}

/// A put that is not kept.
pub(crate) fn put(text: &str, stored: &str) -> Command {
    let (key, value) = (key(text), value(stored));
    Command::Put {
        key,
        value,
        keep: Keep::Once,
    }
}

/// A get as configured, our own store included.
pub(crate) fn get(text: &str) -> Command {
    let (key, own_store) = (key(text), OwnStore::Include);
    Command::Get {
        key,
        retrieve: None,
        own_store,
    }
}

/// Where a put says that its value is stored.
pub(crate) fn stored_at(outcome: Outcome) -> Vec<Place> {
    match outcome {
        Outcome::Stored(places) => places,
        other => panic!("not a put: {other:?}"),
    }
}

/// Whether a datagram asks this.
pub(crate) fn asks(bytes: &[u8], method: Method) -> bool {
    matches!(message(bytes), Message::Query { query, .. } if query.method() == method)
}

pub(crate) fn message(bytes: &[u8]) -> Message<'_> {
    Dialect::Khashmir.decode(bytes).expect("well-formed")
}

pub(crate) fn is_query(bytes: &[u8]) -> bool {
    matches!(message(bytes), Message::Query { .. })
}

pub(crate) fn reply(bytes: &[u8]) -> Reply<'_> {
    match message(bytes) {
        Message::Reply { reply, .. } => reply,
        other => panic!("not a reply: {other:?}"),
    }
}

/// The code and text of an error.
pub(crate) fn error(bytes: &[u8]) -> (i64, String) {
    match message(bytes) {
        Message::Error { code, text, .. } => (code, String::from_utf8_lossy(text).into_owned()),
        other => panic!("not an error: {other:?}"),
    }
}
