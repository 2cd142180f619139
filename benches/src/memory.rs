//! How much memory a node takes: built as it would be in a network of a million, and counted.

use std::sync::Arc;
use std::time::Duration;

use khashmir::wire::Query;
use khashmir::{Config, Contact, Id, Node, Seed, Snapshot, Value};
use khashmir_sim::host::HostId;
use khashmir_sim::truth::Truth;
use khashmir_sim::warm;

use crate::{DIALECT, NOW, TID, VALUE, sharing, stranger};

/// Nodes in the network.
const NETWORK: u32 = 1_000_000;

/// Nodes of it that are measured, so that no single table decides.
const MEASURED: u32 = 16;

/// Bytes that nodes take, heap and own size together unless something else is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// A node's own size.
    pub own: usize,
    /// A node whose table is empty.
    pub empty: usize,
    /// Idle nodes with nobody waiting for a place in their tables.
    pub idle: Crowd,
    /// Idle nodes with as many waiting as may.
    pub full: Crowd,
    /// What a call in flight adds.
    pub call: usize,
    /// What a command under way adds, with the one call that it makes.
    pub command: usize,
    /// What is left on the heap when many commands are over.
    pub left: usize,
    /// What a stored value adds beside its own bytes, under a key of its own.
    pub value: usize,
    /// The same when many are under one key.
    pub value_beside_others: usize,
}

/// Nodes of one kind: means over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crowd {
    /// Contacts in the table.
    pub contacts: f64,
    /// Buckets that these are in.
    pub buckets: f64,
    /// Candidates for their places.
    pub candidates: f64,
    /// Bytes.
    pub bytes: f64,
    /// Bytes of the largest of them.
    pub most: usize,
}

/// Measures nodes with an allocator that tells how many bytes are allocated at the moment.
///
/// # Panics
/// When the default settings do not work.
#[must_use]
pub fn measure(live: impl Fn() -> usize) -> Footprint {
    let config = Arc::new(Config::default());
    let truth = Truth::new((0..NETWORK).map(|number| (id(number), HostId::new(number))));
    let (mut idle, mut full) = (Crowd::default(), Crowd::default());
    for host in (0..MEASURED).map(HostId::new) {
        let id = id(host.number());
        let before = live();
        let mut node = restored(&config, warm::snapshot(1, host, id, &truth, &config));
        idle.add(&node, live() - before);
        fill_waiting(&mut node);
        full.add(&node, live() - before);
    }
    let before = live();
    let node = restored(&config, Snapshot::new(id(0)));
    let empty = live() - before + size_of::<Node>();
    drop(node);
    let (call, command, left) = calls(&config, &live);
    Footprint {
        own: size_of::<Node>(),
        empty,
        idle,
        full,
        call,
        command,
        left,
        value: values(&config, &live, |number| id(number.into())),
        value_beside_others: values(&config, &live, |_| id(0)),
    }
}

impl Crowd {
    fn add(&mut self, node: &Node, heap: usize) {
        let bytes = heap + size_of::<Node>();
        let share = |count: usize| count as f64 / f64::from(MEASURED);
        let status = node.status(NOW);
        self.contacts += share(status.contacts);
        self.buckets += share(node.buckets().count());
        self.candidates += share(status.candidates);
        self.bytes += share(bytes);
        self.most = self.most.max(bytes);
    }
}

fn id(number: u32) -> Id {
    Id::hash_of(&number.to_be_bytes())
}

/// A node, all that it has to say polled.
fn restored(config: &Arc<Config>, snapshot: Snapshot) -> Node {
    let seed = Seed::from_number(1);
    let mut node = Node::restore(Arc::clone(config), snapshot, Duration::ZERO, seed, NOW)
        .expect("the default settings work");
    poll(&mut node);
    node
}

fn poll(node: &mut Node) {
    let mut datagram = Vec::new();
    while node.poll_event().is_some() || node.poll_transmit(&mut datagram).is_some() {}
}

/// Lets strangers ask until nobody else may wait for any bucket that is full for good.
fn fill_waiting(node: &mut Node) {
    let (own, k) = (node.id(), node.config().k);
    let buckets: Vec<usize> = node.buckets().map(|contacts| contacts.len()).collect();
    let (_, far) = buckets.split_last().expect("there is always one");
    for (bits, _) in far.iter().enumerate().filter(|(_, len)| **len == k) {
        for number in 0..k {
            let number = bits * k + number;
            let addr = stranger(u16::try_from(number).expect("few")).addr;
            let asker = Contact::new(sharing(&own, bits, number), addr);
            let mut query = Vec::new();
            DIALECT.encode_query(&TID, &asker.id, &Query::Ping, &mut query);
            node.handle_datagram(NOW, asker.addr, None, &query);
        }
    }
    poll(node);
}

/// What a call takes, what a command takes, and what is left on the heap when commands are over.
fn calls(config: &Arc<Config>, live: &impl Fn() -> usize) -> (usize, usize, usize) {
    let (probes, commands) = (config.limits.max_probes, 128);
    let mut node = restored(config, Snapshot::new(id(0)));
    let before = live();
    for number in 0..u16::try_from(probes).expect("few") {
        // A stranger that asks is asked whether it is there.
        let asker = stranger(number);
        let mut query = Vec::new();
        DIALECT.encode_query(&TID, &asker.id, &Query::Ping, &mut query);
        node.handle_datagram(NOW, asker.addr, None, &query);
    }
    poll(&mut node);
    assert_eq!(node.status(NOW).calls, probes);
    let call = (live() - before) / probes;
    drop(node);
    let mut node = restored(config, Snapshot::new(id(0)));
    let before = live();
    for number in 0..commands {
        let started = node.ping(NOW, stranger(number).addr);
        started.expect("there is room");
    }
    poll(&mut node);
    let command = (live() - before) / usize::from(commands);
    while node.status(NOW).calls > 0
        && let Some(next) = node.poll_timeout()
    {
        node.handle_timeout(next);
        poll(&mut node);
    }
    (call, command, live() - before)
}

/// What each of many values takes beside its own bytes.
fn values(config: &Arc<Config>, live: &impl Fn() -> usize, key: impl Fn(u16) -> Id) -> usize {
    const COUNT: u16 = 500;
    let before = live();
    let empty = restored(config, Snapshot::new(id(0)));
    let of_node = live() - before;
    drop(empty);
    let mut snapshot = Snapshot::new(id(0));
    for number in 0..COUNT {
        let mut bytes = VALUE.to_vec();
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        let value = Value::new(bytes).expect("short");
        snapshot.add_value(key(number), value, config.expiry);
    }
    let node = restored(config, snapshot);
    let of_values = live() - before - of_node;
    assert_eq!(node.status(NOW).values, usize::from(COUNT));
    of_values / usize::from(COUNT) - VALUE.len()
}
