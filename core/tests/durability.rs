//! Stories of a node with a journal: what it acknowledges and serves when its disk is slow or fails.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod written;

use khashmir::wire::{Dialect, Query};
use khashmir::{Config, Event, Instant, Journal, Limits, Node, Outcome, RecordNo, Seed, Value};
use net::{addr, error, is_query, key, reply};
use written::written;

/// A node with a journal, and what it sends.
struct Journaled {
    node: Node,
    token: Vec<u8>,
}

impl Journaled {
    fn new(limits: Limits) -> Self {
        let config = Config {
            journal: Journal::On,
            limits,
            ..Config::default()
        };
        let node = Node::new(config, Seed::from_number(1), Instant::ORIGIN).expect("good settings");
        let mut journaled = Self {
            node,
            token: Vec::new(),
        };
        let target = key("any");
        let sent = journaled.ask(&Query::FindNode { target });
        journaled.token = reply(&sent[0]).token.expect("a token").to_vec();
        journaled.node.poll_record().expect("the identity");
        journaled
    }

    /// The answers that leave at once: probes are left out.
    fn ask(&mut self, query: &Query<'_>) -> Vec<Vec<u8>> {
        let query = written(|out| {
            Dialect::Khashmir.encode_query(&[7; 20], &key("asker"), query, out);
        });
        let now = Instant::ORIGIN;
        self.node.handle_datagram(now, addr(9), None, &query);
        self.answers()
    }

    fn store(&mut self, value: &[u8]) -> Vec<Vec<u8>> {
        let token = self.token.clone();
        self.ask(&Query::StoreValue {
            key: key("key"),
            token: &token,
            value,
        })
    }

    fn values(&mut self) -> Vec<Vec<u8>> {
        let key = key("key");
        let answers = self.ask(&Query::GetValue { key, num: 0 });
        let values = reply(&answers[0]).values.expect("values");
        values.iter().map(<[u8]>::to_vec).collect()
    }

    fn answers(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let mut datagram = Vec::new();
        while self.node.poll_transmit(&mut datagram).is_some() {
            all.push(datagram.clone());
        }
        all.retain(|datagram| !is_query(datagram));
        all
    }

    /// Polls all records, and gives the number of the last.
    fn poll(&mut self) -> RecordNo {
        let polled = std::iter::from_fn(|| self.node.poll_record());
        polled.last().expect("a record").0
    }
}

#[test]
fn a_value_that_could_not_be_saved_is_refused_and_taken_back() {
    let mut disk = Journaled::new(Limits::default());
    assert!(disk.store(b"first").is_empty(), "it waits for its record");
    assert!(disk.values().is_empty(), "it is not durable yet");
    let first = disk.poll();
    assert!(disk.store(b"second").is_empty());
    disk.node.handle_not_durable(Instant::ORIGIN, first);
    assert_eq!(error(&disk.answers()[0]).0, 201);
    assert_eq!(disk.node.status(Instant::ORIGIN).values, 1);
    let second = disk.poll();
    disk.node.handle_durable(Instant::ORIGIN, second);
    assert!(reply(&disk.answers()[0]).nodes.is_none(), "acknowledged");
    assert_eq!(disk.values(), [b"second"]);
}

#[test]
fn a_value_that_lived_before_outlives_the_failure_of_its_next_record() {
    let mut disk = Journaled::new(Limits::default());
    disk.store(b"value");
    let first = disk.poll();
    disk.node.handle_durable(Instant::ORIGIN, first);
    assert_eq!(disk.answers().len(), 1);
    disk.store(b"value");
    let again = disk.poll();
    disk.node.handle_not_durable(Instant::ORIGIN, again);
    assert_eq!(error(&disk.answers()[0]).0, 201);
    assert_eq!(disk.values(), [b"value"]);
}

#[test]
fn nothing_grows_behind_a_dead_disk() {
    let limits = Limits {
        max_records: 4,
        ..Limits::default()
    };
    let mut disk = Journaled::new(limits);
    for n in 0..20u8 {
        let answers = disk.store(&[n]);
        // The identity of the node is the first of the four.
        assert_eq!(answers.is_empty(), n < 3, "store {n}");
        assert!(answers.is_empty() || error(&answers[0]).0 == 201);
        while disk.node.poll_record().is_some() {}
    }
    assert_eq!(disk.node.status(Instant::ORIGIN).values, 3);
}

#[test]
fn a_put_whose_own_copy_could_not_be_saved_does_not_count_it() {
    let mut disk = Journaled::new(Limits::default());
    let value = Value::new(*b"own").expect("short");
    let now = Instant::ORIGIN;
    disk.node.put(now, key("key"), value).expect("accepted");
    let record = disk.poll();
    disk.node.handle_not_durable(now, record);
    let ended = std::iter::from_fn(|| disk.node.poll_event()).find_map(|event| match event {
        Event::Ended { outcome, .. } => Some(outcome),
        _ => None,
    });
    assert_eq!(ended, Some(Outcome::Stored(Vec::new())));
    assert_eq!(disk.node.status(now).values, 0);
}
