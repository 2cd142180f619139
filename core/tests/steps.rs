//! A full store is worked through in steps: neither the end of its values nor a snapshot holds up a
//! node for long.

use std::time::Duration;

use khashmir::{Config, Id, Instant, Node, Seed, Snapshot, StoreLimits, Value};

/// A node that holds so many values, of which each key has two, until `lives` after the beginning.
fn full(values: usize, lives: Duration) -> Node {
    let mut snapshot = Snapshot::new(Id::hash_of(b"own"));
    for number in 0..values {
        let key = Id::hash_of(format!("key {}", number / 2).as_bytes());
        let value = Value::new(number.to_be_bytes()).expect("short");
        snapshot.add_value(key, value, lives);
    }
    let store = StoreLimits {
        max_bytes: usize::MAX,
        ..StoreLimits::default()
    };
    let config = Config {
        store,
        ..Config::default()
    };
    let seed = Seed::from_number(1);
    Node::restore(config, snapshot, Duration::ZERO, seed, Instant::ORIGIN).expect("sound")
}

/// More than one step may drop.
const MOST_PER_STEP: usize = 1002;

#[test]
fn many_values_that_end_together_are_dropped_in_steps() {
    let mut node = full(20_000, Duration::from_secs(60));
    let mut held = node.status(Instant::ORIGIN).values;
    assert_eq!(held, 20_000);
    let mut steps = 0;
    let mut now = Instant::ORIGIN;
    while held > 0 {
        now = node.poll_timeout().expect("there is more to do");
        node.handle_timeout(now);
        assert!(node.poll_timeout().is_none_or(|next| next > now));
        let left = node.status(now).values;
        assert!(held - left <= MOST_PER_STEP, "{held} to {left}");
        steps += usize::from(left < held);
        held = left;
    }
    assert!(steps >= 19, "{steps}");
    let checkpoint = node.config().first_checkpoint * 11 / 10;
    let took = now.since(Instant::ORIGIN + checkpoint);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let next = node.poll_timeout().expect("the next checkpoint");
    assert!(next.since(now) > Duration::from_secs(60), "it is at rest");
}

#[test]
fn a_snapshot_in_parts_is_the_snapshot() {
    let node = full(5001, Duration::from_secs(3600));
    let whole = node.snapshot(Instant::ORIGIN);
    assert_eq!(whole.values().count(), 5001);
    let mut parts = node.contacts_snapshot(Instant::ORIGIN);
    let (mut after, mut seen) = (None, 0);
    loop {
        after = node.snapshot_values(Instant::ORIGIN, &mut parts, after, 1000);
        let now_seen = parts.values().count();
        assert!(now_seen - seen <= MOST_PER_STEP);
        seen = now_seen;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(parts, whole);
}
