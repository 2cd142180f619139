//! Stories of a node with a journal: what it acknowledges and serves when its disk is slow or fails.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod written;

use core::time::Duration;

use khashmir::wire::{Dialect, Query};
use khashmir::{
    Abort, Command, Config, Event, Instant, Journal, Keep, Limits, Node, Outcome, Record, RecordNo,
    Refused, Seed, Snapshot, Value,
};
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
        journaled.node.poll_record().expect("the secrets");
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
        // The identity of the node and its secrets are the first of the four.
        assert_eq!(answers.is_empty(), n < 2, "store {n}");
        assert!(answers.is_empty() || error(&answers[0]).0 == 201);
        while disk.node.poll_record().is_some() {}
    }
    assert_eq!(disk.node.status(Instant::ORIGIN).values, 2);
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

/// A node with a journal that is written at once, and what a disk has of it.
struct OnDisk {
    node: Node,
    disk: Snapshot,
    now: Instant,
}

impl OnDisk {
    fn new() -> Self {
        let now = Instant::ORIGIN;
        let node = Node::new(Self::config(), Seed::from_number(1), now).expect("good settings");
        let disk = Snapshot::new(node.id());
        let mut node = Self { node, disk, now };
        node.write();
        node
    }

    fn config() -> Config {
        Config {
            journal: Journal::On,
            ..Config::default()
        }
    }

    /// Writes all that was recorded.
    fn write(&mut self) {
        while let Some((number, record)) = self.node.poll_record() {
            self.disk.apply(record);
            self.node.handle_durable(self.now, number);
        }
    }

    /// Lets time go by, and does what is due, of which nothing is written.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.node.poll_timeout().filter(|due| *due <= end) {
            self.pass(due.since(self.now));
            self.node.handle_timeout(self.now);
        }
        self.pass(end.since(self.now));
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.disk.advance(time);
    }

    /// Ends the node at once, and starts another with what is on the disk, that much later.
    fn crash(&mut self, away: Duration) {
        let (disk, seed) = (self.disk.clone(), Seed::from_number(2));
        let restored = Node::restore(Self::config(), disk, away, seed, Instant::ORIGIN);
        self.node = restored.expect("good settings");
        self.disk.advance(away);
        self.now = Instant::ORIGIN;
        self.write();
    }

    fn ask(&mut self, query: &Query<'_>) -> Vec<u8> {
        let query = written(|out| {
            Dialect::Khashmir.encode_query(&[7; 20], &key("asker"), query, out);
        });
        self.node.handle_datagram(self.now, addr(9), None, &query);
        self.write();
        let mut datagram = Vec::new();
        while self.node.poll_transmit(&mut datagram).is_some() {
            if !is_query(&datagram) {
                return datagram;
            }
        }
        panic!("no answer to {query:?}");
    }

    fn token(&mut self) -> Vec<u8> {
        let target = key("any");
        let answer = self.ask(&Query::FindNode { target });
        reply(&answer).token.expect("a token").to_vec()
    }

    fn accepts(&mut self, token: &[u8]) -> bool {
        let answer = self.ask(&Query::StoreValue {
            key: key("key"),
            token,
            value: b"value",
        });
        // An error says nothing of an identity.
        !matches!(
            Dialect::Khashmir.decode(&answer),
            Ok(khashmir::wire::Message::Error { .. })
        )
    }

    fn keep(&mut self, text: &str) -> Result<khashmir::OpId, Refused> {
        let put = Command::Put {
            key: key(text),
            value: net::value(text),
            keep: Keep::UntilCancelled,
        };
        self.node.start(self.now, put)
    }

    fn kept(&self) -> Vec<String> {
        let kept = self.node.kept_puts();
        let text = |value: &Value| String::from_utf8_lossy(value.as_bytes()).into_owned();
        kept.map(|(_, _, value)| text(value)).collect()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn tokens_given_before_a_crash_hold_also_those_of_a_secret_that_was_just_changed() {
    let mut node = OnDisk::new();
    let first = node.token();
    node.crash(Duration::from_secs(10));
    assert!(node.accepts(&first));
    assert_eq!(node.token(), first, "the secret is not older than it was");
    // The checkpoint changes the secret, and nothing is written of it any more.
    node.run(MINUTE);
    let datagram = written(|out| {
        let find = Query::FindNode { target: key("any") };
        Dialect::Khashmir.encode_query(&[7; 20], &key("asker"), &find, out);
    });
    node.node
        .handle_datagram(node.now, addr(9), None, &datagram);
    let mut answer = Vec::new();
    while node.node.poll_transmit(&mut answer).is_some() && is_query(&answer) {}
    let second = reply(&answer).token.expect("a token").to_vec();
    assert_ne!(second, first);
    node.crash(Duration::from_secs(10));
    assert!(node.accepts(&second) && node.accepts(&first));
}

#[test]
fn tokens_grow_old_while_a_node_is_away() {
    for (minutes, holds) in [(4, true), (9, true), (14, true), (21, false), (600, false)] {
        let mut node = OnDisk::new();
        let token = node.token();
        node.crash(MINUTE * minutes);
        assert_eq!(node.accepts(&token), holds, "after {minutes} minutes");
    }
    // Nor does a node that crashes again and again keep one for ever.
    let mut node = OnDisk::new();
    let token = node.token();
    for _ in 0..50 {
        node.run(MINUTE / 2);
        node.write();
        node.crash(Duration::ZERO);
    }
    assert!(!node.accepts(&token));
}

#[test]
fn a_kept_put_outlives_a_crash_and_leaving_but_not_its_cancelling() {
    let mut node = OnDisk::new();
    let kept = node.keep("kept").expect("accepted");
    node.keep("cancelled").expect("accepted");
    node.write();
    node.crash(MINUTE);
    let mut found = node.kept();
    found.sort();
    assert_eq!(found, ["cancelled", "kept"]);
    assert_eq!(node.keep("kept"), Err(Refused::AlreadyKept));
    let (cancelled, ..) = node
        .node
        .kept_puts()
        .find(|(_, _, value)| value.as_bytes() == b"cancelled")
        .expect("it is there");
    assert_ne!(cancelled, kept);
    assert!(node.node.cancel(node.now, cancelled));
    node.write();
    node.node.leave(node.now);
    assert!(node.kept().is_empty());
    node.write();
    node.crash(MINUTE);
    assert_eq!(node.kept(), ["kept"]);
}

#[test]
fn a_kept_put_ends_once_it_is_written_down_or_is_not_kept() {
    let mut node = OnDisk::new();
    let outcomes = |node: &mut OnDisk| -> Vec<Outcome> {
        std::iter::from_fn(|| node.node.poll_event())
            .filter_map(|event| match event {
                Event::Ended { outcome, .. } => Some(outcome),
                _ => None,
            })
            .collect()
    };
    for (text, works) in [("safe", true), ("lost", false)] {
        node.keep(text).expect("accepted");
        assert_eq!(outcomes(&mut node), [], "it waits");
        let mut last = None;
        while let Some((number, _)) = node.node.poll_record() {
            last = Some(number);
        }
        let last = last.expect("two records");
        if works {
            node.node.handle_durable(node.now, last);
            assert!(matches!(outcomes(&mut node)[..], [Outcome::Stored(_)]));
        } else {
            node.node.handle_not_durable(node.now, last);
            let aborted = Outcome::Aborted(Abort::NotSaved);
            assert_eq!(outcomes(&mut node), [aborted]);
        }
        assert_eq!(node.kept(), ["safe"]);
    }
}

#[test]
fn what_cannot_be_refused_is_recorded_as_soon_as_there_is_room() {
    let config = Config {
        limits: Limits {
            max_records: 3,
            ..Limits::default()
        },
        ..OnDisk::config()
    };
    let now = Instant::ORIGIN;
    let mut node = OnDisk::new();
    node.node = Node::new(config, Seed::from_number(1), now).expect("good settings");
    // Identity, secrets, and this.
    let kept = node.keep("kept").expect("there is room");
    assert_eq!(node.keep("more"), Err(Refused::Busy));
    assert!(node.node.cancel(now, kept));
    node.run(MINUTE * 30);
    let mut last = None;
    while let Some((number, _)) = node.node.poll_record() {
        last = Some(number);
    }
    assert_eq!(last.map(RecordNo::number), Some(3));
    assert_eq!(node.keep("more"), Err(Refused::Busy), "all three are open");
    node.node.handle_durable(node.now, last.expect("three"));
    assert!(
        node.keep("more").is_ok(),
        "what was owed leaves room for one"
    );
    let owed: Vec<Record> = std::iter::from_fn(|| node.node.poll_record())
        .map(|(_, record)| record)
        .collect();
    assert!(
        matches!(
            owed[..],
            [
                Record::KeptNoLonger { .. },
                Record::TokenSecrets { .. },
                Record::Kept { .. }
            ]
        ),
        "{owed:?}"
    );
}
