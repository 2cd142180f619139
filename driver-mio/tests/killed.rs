//! A node that is killed again and again while others store at it: what it acknowledged is there, it is
//! who it was, its tokens hold, and it finds its network without being told where that is.
//!
//! `KHASHMIR_KILLS=50` says how often; five times unless it is given.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

#[allow(dead_code)]
mod asker;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod scratch;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use asker::{Asker, Stored};
use khashmir::Id;
use process::Node;
use scratch::Scratch;

/// One who stores, and what was acknowledged to it.
struct Client {
    number: usize,
    asker: Asker,
    token: Vec<u8>,
    acknowledged: Vec<(Id, Vec<u8>)>,
}

impl Client {
    fn new(number: usize, node: &Node) -> Self {
        let mut asker = Asker::new(node.addr.parse().expect("an address"));
        asker.patience(Duration::from_millis(300));
        let token = asker.token().expect("the node answers");
        Self {
            number,
            asker,
            token,
            acknowledged: Vec::new(),
        }
    }

    /// Stores one value after the other until the node is killed, all with the token of the beginning.
    fn store_until(&mut self, killed: &AtomicBool) {
        while !killed.load(Ordering::Relaxed) {
            let value = format!("value {} of {}", self.acknowledged.len(), self.number);
            let key = Id::hash_of(value.as_bytes());
            match self.asker.store(&self.token, key, value.as_bytes()) {
                Stored::Acknowledged => self.acknowledged.push((key, value.into_bytes())),
                Stored::Silence => {}
                Stored::Refused(code) => panic!("client {}: error {code}", self.number),
            }
        }
    }

    fn assert_all_are_there(&mut self, from: usize) {
        for (key, value) in &self.acknowledged[from..] {
            let values = self.asker.values(*key).expect("the node answers");
            assert!(values.contains(value), "{value:?} is lost");
        }
    }
}

/// From 0 to `below`-1, another number each time.
fn any(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

#[test]
fn a_node_that_is_killed_keeps_what_it_has_promised() {
    let kills = std::env::var("KHASHMIR_KILLS").map_or(5, |kills| kills.parse().expect("a number"));
    let scratch = Scratch::new();
    let dir = scratch.of("node");
    let contact = Node::start(&["--alone"]);
    let first = ["--data", &dir, "--bootstrap", &contact.addr];
    let mut node = Node::start_at("127.0.0.1:0", &first);
    let (addr, id) = (node.addr.clone(), node.id.clone());
    assert!(node.line().starts_with("joined "));
    let mut clients: Vec<Client> = (0..3).map(|number| Client::new(number, &node)).collect();
    let mut checked = [0; 3];
    for kill in 0..kills {
        let killed = AtomicBool::new(false);
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.store_until(&killed));
            }
            thread::sleep(Duration::from_millis(100 + any(300)));
            node.end_by("KILL");
            killed.store(true, Ordering::Relaxed);
        });
        node = Node::start_at(&addr, &["--data", &dir]);
        assert_eq!(node.id, id, "after kill {kill}");
        assert_eq!(node.line(), "joined 1 contacts", "after kill {kill}");
        for (client, checked) in clients.iter_mut().zip(&mut checked) {
            client.assert_all_are_there(*checked);
            assert!(*checked < client.acknowledged.len(), "it stored something");
            *checked = client.acknowledged.len();
        }
    }
    for client in &mut clients {
        client.assert_all_are_there(0);
    }
    assert_eq!(node.end_by("TERM").code(), Some(0));
    assert!(!node.complained_again());
}
