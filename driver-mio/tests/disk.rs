//! A node whose disk is slow, hangs, fails, and works again.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

#[allow(dead_code)]
mod asker;

use std::net::UdpSocket;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use asker::{Asker, Stored};
use khashmir::{Config, Id, Record, Seed};
use khashmir_mio::{
    Change, DiskState, Driver, DurableStore, Handle, Moment, NewNode, NotWritten, Notice,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a planted disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Works,
    Fails,
    Hangs,
}

/// A disk that does as it is told, and tells what it was given.
#[derive(Clone)]
struct Planted(Arc<(Mutex<State>, Condvar)>);

struct State {
    mood: Mood,
    /// The values of each batch that was written.
    batches: Vec<Vec<Vec<u8>>>,
    wrote_all: usize,
}

impl Planted {
    fn new() -> Self {
        let state = State {
            mood: Mood::Works,
            batches: Vec::new(),
            wrote_all: 0,
        };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("nobody panics with it")
    }

    fn set(&self, mood: Mood) {
        self.state().mood = mood;
        self.0.1.notify_all();
    }

    fn written(&self) -> Vec<Vec<u8>> {
        self.state().batches.concat()
    }
}

impl DurableStore for Planted {
    fn begin(&mut self, _now: khashmir::Instant) {}

    fn write(&mut self, _moment: Moment, changes: &[Change]) -> Result<(), NotWritten> {
        let hangs = |state: &mut State| state.mood == Mood::Hangs;
        let mut state = self.0.1.wait_while(self.state(), hangs).expect("as above");
        if state.mood == Mood::Fails {
            return Err(NotWritten("the planted disk fails".to_owned()));
        }
        let value = |change: &Change| match change {
            Change::Record(Record::Stored { value, .. }) => Some(value.as_bytes().to_vec()),
            _ => None,
        };
        let batch = changes.iter().filter_map(value).collect();
        let is_all = |change: &&Change| matches!(change, Change::AllButValues { .. });
        state.wrote_all += changes.iter().filter(is_all).count();
        state.batches.push(batch);
        Ok(())
    }
}

/// A node with such a disk.
struct Node {
    disk: Planted,
    handle: Handle,
    notices: Receiver<Notice>,
    asker: Asker,
    token: Vec<u8>,
    running: JoinHandle<std::io::Result<()>>,
}

impl Node {
    fn start(mood: Mood) -> Self {
        let disk = Planted::new();
        disk.set(mood);
        let mut driver = Driver::new().expect("a loop");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let new = NewNode::new(Config::default(), Seed::from_number(1));
        let new = new.durable(Box::new(disk.clone()));
        let handle = driver.add_at(socket, new).expect("sound");
        let running = driver.spawn().expect("a thread");
        let (tell, notices) = mpsc::channel();
        let tell = move |notice| drop(tell.send(notice));
        handle.subscribe(tell).expect("it runs");
        let mut asker = Asker::new(handle.local_addr());
        let token = asker.token().expect("it answers");
        Self {
            disk,
            handle,
            notices,
            asker,
            token,
            running,
        }
    }

    fn store(&mut self, value: &[u8]) -> Stored {
        let key = Id::hash_of(value);
        self.asker.store(&self.token, key, value)
    }

    fn disk_state(&self) -> DiskState {
        let stats = self.handle.disk_stats().expect("it runs");
        stats.expect("it has a disk").state
    }

    /// The next change of the disk that is told.
    fn news(&self) -> DiskState {
        loop {
            let notice = self.notices.recv_timeout(PATIENCE).expect("a notice");
            if let Notice::Disk(state) = notice {
                return state;
            }
        }
    }

    fn stop(self) {
        self.handle.shutdown().expect("it runs");
        let ended = self.running.join().expect("it does not panic");
        ended.expect("nothing failed");
    }
}

/// The protocol's server error.
const SERVER_ERROR: i64 = 201;

#[test]
fn a_disk_that_fails_refuses_stores_and_recovers_by_itself() {
    let mut node = Node::start(Mood::Works);
    assert_eq!(node.store(b"before"), Stored::Acknowledged);
    node.disk.set(Mood::Fails);
    for _ in 0..3 {
        assert_eq!(node.store(b"refused"), Stored::Refused(SERVER_ERROR));
    }
    assert!(matches!(node.news(), DiskState::Failing(why) if why.0.contains("planted")));
    assert!(matches!(node.disk_state(), DiskState::Failing(_)));
    let refused = Id::hash_of(b"refused");
    assert_eq!(node.asker.values(refused), Some(vec![]), "it is not served");
    assert!(node.asker.pings());

    // Nothing is stored meanwhile: it finds out by itself.
    node.disk.set(Mood::Works);
    assert_eq!(node.news(), DiskState::Writing);
    assert_eq!(node.disk_state(), DiskState::Writing);
    assert!(node.disk.state().wrote_all > 0, "what was lost is written");
    assert_eq!(node.store(b"after"), Stored::Acknowledged);
    assert_eq!(node.disk.written(), [&b"before"[..], b"after"]);
    let stats = node.handle.disk_stats().expect("it runs");
    assert_eq!(stats.expect("it has a disk").lost_records, 3);
    node.stop();
}

#[test]
fn a_node_starts_on_a_disk_that_fails() {
    let mut node = Node::start(Mood::Fails);
    assert!(matches!(node.disk_state(), DiskState::Failing(_)));
    assert_eq!(node.store(b"refused"), Stored::Refused(SERVER_ERROR));
    node.disk.set(Mood::Works);
    // The first store that can be written is, and all else with it.
    assert_eq!(node.store(b"stored"), Stored::Acknowledged);
    assert_eq!(node.news(), DiskState::Writing);
    assert!(node.disk.state().wrote_all > 0, "its identity is written");
    node.stop();
}

#[test]
fn only_stores_wait_for_a_disk_that_hangs_and_many_are_written_at_once() {
    let mut node = Node::start(Mood::Works);
    node.disk.set(Mood::Hangs);
    let before = node.disk.state().batches.len();
    let (addr, token) = (node.handle.local_addr(), node.token.clone());
    node.asker.patience(Duration::from_millis(50));
    assert_eq!(node.store(b"waits"), Stored::Silence);
    node.asker.patience(PATIENCE);
    // Many more, of which none waits for the one before.
    for number in 0..1000u32 {
        let value = number.to_be_bytes();
        node.asker.send_store(&token, Id::hash_of(&value), &value);
    }
    let since = Instant::now();
    assert!(node.asker.pings() && node.asker.token().is_some());
    assert!(since.elapsed() < Duration::from_secs(5));
    assert_eq!(node.asker.values(Id::hash_of(b"waits")), Some(vec![]));
    let mut other = Asker::new(addr);
    let slow = thread::spawn(move || {
        let token = other.token().expect("it answers");
        other.patience(PATIENCE);
        other.store(&token, Id::hash_of(b"last"), b"last")
    });
    thread::sleep(Duration::from_millis(50));
    assert!(!slow.is_finished());
    node.disk.set(Mood::Works);
    let stored = slow.join().expect("it does not panic");
    assert_eq!(stored, Stored::Acknowledged);
    assert_eq!(node.disk.written().len(), 1002);
    let commits = node.disk.state().batches.len() - before;
    assert!(commits < 10, "{commits} commits");
    node.stop();
}

#[test]
fn a_node_that_is_shut_down_writes_and_acknowledges_what_it_was_given() {
    let mut node = Node::start(Mood::Works);
    node.disk.set(Mood::Hangs);
    let (token, value) = (node.token.clone(), b"last");
    let mut asker = Asker::new(node.handle.local_addr());
    let token_of_asker = asker.token().expect("it answers");
    let storing = thread::spawn(move || asker.store(&token_of_asker, Id::hash_of(value), value));
    thread::sleep(Duration::from_millis(100));
    assert!(node.asker.token().is_some_and(|again| again == token));
    node.handle.shutdown().expect("it runs");
    thread::sleep(Duration::from_millis(100));
    assert!(!node.running.is_finished(), "it waits for its disk");
    node.disk.set(Mood::Works);
    let stored = storing.join().expect("it does not panic");
    assert_eq!(stored, Stored::Acknowledged);
    let ended = node.running.join().expect("it does not panic");
    ended.expect("nothing failed");
    assert_eq!(node.disk.written(), [value]);
}

#[test]
fn a_disk_that_hangs_for_ever_does_not_keep_a_node_from_refusing() {
    let config = Config {
        limits: khashmir::Limits {
            max_records: 4,
            ..khashmir::Limits::default()
        },
        ..Config::default()
    };
    let disk = Planted::new();
    let mut driver = Driver::new().expect("a loop");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let new = NewNode::new(config, Seed::from_number(1)).durable(Box::new(disk.clone()));
    let handle = driver.add_at(socket, new).expect("sound");
    let running = driver.spawn().expect("a thread");
    let mut asker = Asker::new(handle.local_addr());
    let token = asker.token().expect("it answers");
    disk.set(Mood::Hangs);
    for number in 0..4u8 {
        asker.send_store(&token, Id::hash_of(&[number]), &[number]);
    }
    let refused = asker.store(&token, Id::hash_of(b"more"), b"more");
    assert_eq!(refused, Stored::Refused(SERVER_ERROR));
    disk.set(Mood::Works);
    handle.shutdown().expect("it runs");
    let ended = running.join().expect("it does not panic");
    ended.expect("nothing failed");
    assert_eq!(disk.written().len(), 4);
}
