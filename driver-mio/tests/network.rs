//! Twenty nodes over real UDP: what any of them stores, any other retrieves.

#[allow(dead_code)]
mod common;

use common::{Nodes, get, put, run};
use khashmir::{Command, Config, Id, Outcome, OwnStore, Value};

const NODES: usize = 20;

/// The node that is meant by the `n`-th choice: the same in every run, and all over the place.
fn choice(n: usize) -> usize {
    (n * 7919 + n * n * 31) % NODES
}

#[test]
fn a_network_of_twenty_finds_all_that_was_stored() {
    let nodes = Nodes::start((0..NODES).map(|_| Config::default()));
    let all = &nodes.handles;
    // Each adds three contacts: the next one, which keeps the network in one piece, and two others.
    for (number, node) in all.iter().enumerate() {
        for step in [1, 5, 12] {
            let addr = all[(number + step) % NODES].local_addr();
            let over = run(node, Command::AddContact { addr });
            assert!(matches!(over.outcome, Outcome::Ping(Ok(_))), "{over:?}");
        }
    }
    for _ in 0..2 {
        for node in all {
            let over = run(node, Command::FindClose);
            let Outcome::Found(found) = over.outcome else {
                panic!("a find ends as a find: {over:?}");
            };
            assert_eq!(found.len(), Config::default().k, "{node:?}");
        }
    }
    let mut reads = 0;
    for number in 0..10 {
        let key = Id::hash_of(format!("key {number}").as_bytes());
        let value = Value::new(format!("value {number}")).expect("short");
        for time in 0..3 {
            let stored = put(&all[choice(number * 3 + time)], key, &value);
            assert_eq!(stored.len(), Config::default().redundancy);
            for _ in 0..3 {
                reads += 1;
                let reader = &all[choice(reads * 13)];
                let found = get(reader, key, OwnStore::LeaveOut);
                // Six nodes hold it, so that somebody else does even if the reader is one of them.
                assert_eq!(
                    found,
                    std::slice::from_ref(&value),
                    "read {reads} by {reader:?}"
                );
            }
        }
    }
    assert_eq!(reads, 90);
    nodes.stop();
}
