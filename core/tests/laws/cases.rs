//! Single cases of the laws: what random scripts do not see, and what they found once.

use core::time::Duration;

use khashmir::wire::{Dialect, Message, Query, Reply};
use khashmir::{Command, Config, Event, Instant, Journal, Node, OpId, OwnStore, Seed, Snapshot};

use crate::world::{key, own_addr, own_id, peer, seconds, value};
use crate::written::written;

const DIALECT: Dialect = Dialect::Khashmir;

fn at(elapsed: Duration) -> Instant {
    Instant::since_origin(elapsed)
}

/// A node that knows so many peers.
fn node(config: Config, peers: u8) -> Node {
    let mut snapshot = Snapshot::new(own_id());
    for index in 0..peers {
        snapshot.add_contact(peer(index), Duration::ZERO);
    }
    let seed = Seed::from_number(1);
    Node::restore(config, snapshot, Duration::ZERO, seed, Instant::ORIGIN).expect("settings")
}

/// Which commands have ended, and how long each took.
fn ends(node: &mut Node) -> Vec<(OpId, Duration)> {
    let events = core::iter::from_fn(|| node.poll_event());
    let end = |event| {
        if let Event::Ended {
            op, query_stats, ..
        } = event
        {
            Some((op, query_stats.took))
        } else {
            None
        }
    };
    events.filter_map(end).collect()
}

fn datagrams(node: &mut Node) -> Vec<Vec<u8>> {
    let mut datagram = Vec::new();
    let mut all = Vec::new();
    while node.poll_transmit(&mut datagram).is_some() {
        all.push(datagram.clone());
    }
    all
}

/// Has the first peer store a value with this token; says whether that was acknowledged at once.
fn store(node: &mut Node, now: Instant, token: &[u8]) -> bool {
    let stored = value(0);
    let query = Query::StoreValue {
        key: key(0),
        token,
        value: stored.as_bytes(),
    };
    let query = written(|out| DIALECT.encode_query(b"store", &peer(0).id, &query, out));
    node.handle_datagram(now, peer(0).addr, None, &query);
    let reply = Reply::from(own_id());
    let acknowledgement = written(|out| DIALECT.encode_reply(b"store", &reply, out));
    datagrams(node).contains(&acknowledgement)
}

/// Asks the node for a token.
fn token(node: &mut Node, now: Instant) -> Vec<u8> {
    let query = Query::FindNode { target: key(0) };
    let query = written(|out| DIALECT.encode_query(b"token", &peer(0).id, &query, out));
    node.handle_datagram(now, peer(0).addr, None, &query);
    let token = |datagram: &Vec<u8>| {
        let Ok(Message::Reply { reply, .. }) = DIALECT.decode(datagram) else {
            return None;
        };
        reply.token.map(<[u8]>::to_vec)
    };
    datagrams(node).iter().find_map(token).expect("a token")
}

/// Checkpoints rotate the secrets of tokens, and a token outlives two rotations but not three.
#[test]
fn a_checkpoint_that_is_overdue_by_many_periods_comes_once() {
    let mut node = node(Config::adaptive(), 1);
    let token = token(&mut node, at(seconds(1)));
    for year in [1, 2] {
        node.handle_timeout(at(seconds(year * 365 * 24 * 3600)));
        let now = at(seconds(year * 365 * 24 * 3600 + 1));
        assert!(
            store(&mut node, now, &token),
            "after {year} jumps of a year"
        );
    }
    let now = at(seconds(3 * 365 * 24 * 3600));
    node.handle_timeout(now);
    assert!(!store(&mut node, now, &token));
}

#[test]
fn at_the_end_of_time_nothing_is_due_any_more() {
    let mut node = node(Config::adaptive(), 3);
    node.start(Instant::MAX, Command::FindClose).expect("room");
    for _ in 0..3 {
        node.handle_timeout(Instant::MAX);
        assert_eq!(node.poll_timeout(), None);
    }
}

#[test]
fn of_datagrams_that_nobody_polls_the_oldest_are_dropped() {
    let mut config = Config::adaptive();
    config.address = Some(own_addr());
    config.limits.max_datagrams = 2;
    let mut node = node(config, 0);
    let askers = [b"first", b"secnd", b"third"];
    for asker in askers {
        let query = written(|out| DIALECT.encode_query(asker, &peer(0).id, &Query::Ping, out));
        // It comes from the node's own address, so that nothing is asked in return.
        node.handle_datagram(at(seconds(1)), own_addr(), None, &query);
    }
    let reply = Reply::from(own_id());
    let answers =
        [askers[1], askers[2]].map(|asker| written(|out| DIALECT.encode_reply(asker, &reply, out)));
    assert_eq!(datagrams(&mut node), answers);
}

fn get(node: &mut Node, now: Instant) -> OpId {
    let get = Command::Get {
        key: key(0),
        retrieve: None,
        own_store: OwnStore::Include,
    };
    node.start(now, get).expect("room")
}

#[test]
fn who_shares_the_lookup_of_another_took_the_time_since_it_came() {
    let mut node = node(Config::early(), 1);
    let first = get(&mut node, at(seconds(1)));
    let second = get(&mut node, at(seconds(16)));
    node.handle_timeout(at(seconds(21)));
    assert_eq!(
        ends(&mut node),
        [(first, seconds(20)), (second, seconds(5))]
    );
}

#[test]
fn a_command_that_was_cancelled_counts_no_longer_though_others_share_its_lookup() {
    let mut config = Config::adaptive();
    config.limits.max_operations = 2;
    let mut node = node(config, 1);
    let first = get(&mut node, at(seconds(1)));
    get(&mut node, at(seconds(1)));
    assert!(node.cancel(at(seconds(1)), first));
    assert_eq!(node.status(at(seconds(1))).operations, 1);
    let again = node.start(at(seconds(1)), Command::FindClose);
    assert!(again.is_ok(), "there is room for two: {again:?}");
}

/// A value that was restored may have more life left than the settings give to one stored now.
#[test]
fn a_record_does_not_shorten_the_life_that_a_snapshot_gives_to_a_value() {
    let mut snapshot = Snapshot::new(own_id());
    let config = Config {
        journal: Journal::On,
        expiry: seconds(60),
        ..Config::adaptive()
    };
    snapshot.add_value(key(0), value(0), seconds(600));
    let (away, seed) = (Duration::ZERO, Seed::from_number(1));
    let node = Node::restore(config, snapshot.clone(), away, seed, Instant::ORIGIN);
    let mut node = node.expect("settings that can work");
    let token = token(&mut node, Instant::ORIGIN);
    store(&mut node, Instant::ORIGIN, &token);
    while let Some((_, record)) = node.poll_record() {
        snapshot.apply(record);
    }
    snapshot.advance(seconds(100));
    let now = at(seconds(100));
    assert_eq!(node.snapshot(now).values().count(), 1);
    assert_eq!(snapshot.values().count(), 1);
}
