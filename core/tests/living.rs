//! Stories of nodes that live for long: alone and online again, keeping, refreshing, coming back, and
//! what they write down and count.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;

use std::collections::BTreeSet;

use khashmir::wire::{Method, Query};
use khashmir::{
    Command, Config, Event, Id, Instant, Journal, Keep, Node, Outcome, Refused, Role, Seed,
    Snapshot, StoreLimits, Value,
};
use net::{Net, addr, asks, error, get, is_query, key, put, reply, seconds, stored_at, value};

#[test]
fn whoever_finds_nobody_says_so_and_tries_again_ever_more_slowly() {
    let mut net = Net::new();
    net.add(1, Config::default());
    let Outcome::Join(joined) = net.outcome(
        1,
        Command::Join {
            bootstrap: vec![addr(2)],
        },
    ) else {
        panic!("not a join");
    };
    assert_eq!(joined.contacts, 0);
    net.forget();
    net.run(seconds(3600));
    let mut tries: Vec<_> = net
        .log
        .iter()
        .map(|flying| flying.at.as_nanos() / 1_000_000_000)
        .collect();
    tries.dedup_by(|later, earlier| *later - *earlier < 15);
    let waits: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits[1] > waits[0] && waits[2] > waits[1], "{waits:?}");
    assert!(waits.iter().all(|wait| *wait < 600 + 150 + 20), "{waits:?}");
    assert!(tries.len() >= 7, "{tries:?}");
    assert!(net.events(1).contains(&Event::Alone));

    net.add(2, Config::default());
    net.run(seconds(800));
    assert!(
        net.events(1)
            .iter()
            .any(|event| matches!(event, Event::Online { .. }))
    );
    assert_eq!(net.contacts(1), BTreeSet::from([addr(2)]));
}

#[test]
fn a_first_node_stands_alone_without_fuss() {
    let mut net = Net::new();
    net.add(1, Config::default());
    let Outcome::Join(joined) = net.outcome(1, Command::Join { bootstrap: vec![] }) else {
        panic!("not a join");
    };
    assert_eq!(joined.contacts, 0);
    net.run(seconds(7200));
    assert!(net.log.is_empty(), "it has nobody to write to");
}

#[test]
fn losing_the_last_contact_leads_back_through_the_bootstrap() {
    let mut net = Net::joined(2, &Config::default());
    let other = net.kill(1);
    for _ in 0..3 {
        net.outcome(2, Command::FindClose);
        net.run(seconds(20));
    }
    assert!(net.events(2).contains(&Event::Alone));
    assert!(net.contacts(2).is_empty());
    net.put_back(1, other);
    net.run(seconds(900));
    assert_eq!(net.contacts(2), BTreeSet::from([addr(1)]));
}

#[test]
fn a_kept_value_is_stored_again_at_five_sixths_of_its_life_until_cancelled() {
    let config = Config {
        expiry: seconds(600),
        ..Config::default()
    };
    let mut net = Net::joined(3, &config);
    let keep = Command::Put {
        key: key("key"),
        value: value("kept"),
        keep: Keep::UntilCancelled,
    };
    let op = net.command(1, keep.clone());
    net.end_of(1, op);
    let now = net.now;
    assert_eq!(net.node(1).start(now, keep), Err(Refused::AlreadyKept));
    net.forget();
    net.run(seconds(499));
    let stores = |net: &Net| {
        net.log
            .iter()
            .filter(|f| asks(&f.bytes, Method::StoreValue))
            .count()
    };
    assert_eq!(stores(&net), 0);
    net.run(seconds(2));
    assert_eq!(stores(&net), 2);
    net.run(seconds(3600));
    assert_eq!(
        net.outcome(2, get("key")),
        Outcome::Got {
            values: 1,
            missing: 0
        }
    );
    let now = net.now;
    assert!(net.node(1).cancel(now, op));
    assert!(!net.node(1).cancel(now, op));
    net.run(seconds(601));
    assert_eq!(
        net.outcome(2, get("key")),
        Outcome::Got {
            values: 0,
            missing: 0
        }
    );
}

#[test]
fn a_kept_value_that_found_no_place_is_tried_again_soon() {
    let mut net = Net::new();
    net.add(
        1,
        Config {
            role: Role::Client,
            ..Config::default()
        },
    );
    net.add(2, Config::default());
    let keep = Command::Put {
        key: key("key"),
        value: value("kept"),
        keep: Keep::UntilCancelled,
    };
    assert!(stored_at(net.outcome(1, keep)).is_empty());
    net.outcome(
        1,
        Command::Join {
            bootstrap: vec![addr(2)],
        },
    );
    net.run(seconds(61));
    assert_eq!(
        net.outcome(2, get("key")),
        Outcome::Got {
            values: 1,
            missing: 0
        }
    );
}

#[test]
fn stale_buckets_are_refreshed_after_an_hour() {
    let mut net = Net::joined(3, &Config::default());
    net.run(seconds(3000));
    net.forget();
    net.run(seconds(1200));
    let asked = net
        .log
        .iter()
        .any(|f| f.from == addr(1) && asks(&f.bytes, Method::FindNode));
    assert!(asked);
}

#[test]
fn a_node_that_was_away_for_a_moment_stands_where_it_stood() {
    let mut net = Net::joined(5, &Config::default());
    net.outcome(2, put("key", "kept"));
    let now = net.now;
    let snapshot = net.kill(2).snapshot(now);
    let bytes = snapshot.to_bytes();
    let snapshot = Snapshot::from_bytes(&bytes).expect("our own");
    let restore = |away| {
        let seed = Seed::from_number(77);
        Node::restore(
            Config::default(),
            snapshot.clone(),
            seconds(away),
            seed,
            now,
        )
        .expect("works")
    };
    let soon = restore(600);
    assert_eq!(soon.id(), snapshot.id());
    assert_eq!((soon.status(now).contacts, soon.status(now).values), (4, 1));
    let late = restore(1000);
    assert_eq!((late.status(now).contacts, late.status(now).values), (0, 1));
    let too_late = restore(4 * 3600);
    assert_eq!(too_late.status(now).values, 0);

    net.put_back(2, late);
    net.run(seconds(60));
    assert_eq!(
        net.contacts(2).len(),
        4,
        "old contacts are asked, and enter when they answer"
    );
}

#[test]
fn nobody_comes_back_without_an_identity() {
    let (seed, now) = (Seed::from_number(1), Instant::ORIGIN);
    let nobody = Snapshot::new(Id::new([0; 20]));
    assert!(Snapshot::from_bytes(&nobody.to_bytes()).is_err());
    let node = Node::restore(Config::default(), nobody, seconds(0), seed, now);
    let error = node.expect_err("refused");
    assert_eq!(error.to_string(), "id must not be all zero");
}

#[test]
fn a_restored_node_does_not_refresh_what_is_fresh() {
    let mut net = Net::joined(3, &Config::default());
    let now = net.now;
    let snapshot = net.kill(2).snapshot(now);
    let node = Node::restore(
        Config::default(),
        snapshot,
        seconds(60),
        Seed::from_number(1),
        now,
    );
    net.put_back(2, node.expect("works"));
    net.forget();
    net.run(seconds(1800));
    assert!(
        !net.log
            .iter()
            .any(|f| f.from == addr(2) && is_query(&f.bytes))
    );
}

#[test]
fn an_acknowledgement_waits_until_its_record_is_safe() {
    let mut net = Net::new();
    net.add(
        1,
        Config {
            journal: Journal::On,
            ..Config::default()
        },
    );
    let token = net.token(addr(9), 1);
    let store = Query::StoreValue {
        key: key("key"),
        token: &token,
        value: b"hello",
    };
    assert_eq!(net.ask(addr(9), 1, &store), None);
    assert!(
        net.ask(addr(9), 1, &Query::Ping).is_some(),
        "everything else passes"
    );
    let (now, mut last) = (net.now, None);
    while let Some((number, _)) = net.node(1).poll_record() {
        last = Some(number);
    }
    net.log.clear();
    net.node(1)
        .handle_durable(now, last.expect("an identity and a store"));
    net.run(seconds(1));
    assert_eq!(
        net.log
            .iter()
            .filter(|f| f.to == addr(9) && !is_query(&f.bytes))
            .count(),
        1
    );
}

#[test]
fn our_own_store_counts_once_its_record_is_safe() {
    let mut net = Net::new();
    net.add(
        1,
        Config {
            journal: Journal::On,
            ..Config::default()
        },
    );
    let op = net.command(1, put("key", "hello"));
    net.run(seconds(5));
    assert!(!net.events(1).iter().any(|event| event.ends() == Some(op)));
    let (now, mut last) = (net.now, None);
    while let Some((number, _)) = net.node(1).poll_record() {
        last = Some(number);
    }
    net.node(1)
        .handle_durable(now, last.expect("an identity and a store"));
    assert_eq!(stored_at(net.end_of(1, op)).len(), 1);
}

#[test]
fn snapshot_and_journal_together_are_the_state() {
    let mut net = Net::new();
    net.add(
        1,
        Config {
            journal: Journal::On,
            ..Config::default()
        },
    );
    let token = net.token(addr(9), 1);
    let mut snapshot = Snapshot::new(key("nobody"));
    let mut last = net.now;
    for text in ["a", "b"] {
        let store = Query::StoreValue {
            key: key("key"),
            token: &token,
            value: text.as_bytes(),
        };
        net.ask(addr(9), 1, &store);
        snapshot.advance(net.now.since(last));
        last = net.now;
        while let Some((_, record)) = net.node(1).poll_record() {
            snapshot.apply(record);
        }
        net.run(seconds(50));
    }
    snapshot.advance(net.now.since(last));
    let now = net.now;
    let truth = net.node(1).snapshot(now);
    let values = |s: &Snapshot| {
        s.values()
            .map(|v| (*v.key, v.value.clone()))
            .collect::<Vec<(_, Value)>>()
    };
    assert_eq!(
        (values(&snapshot), snapshot.id()),
        (values(&truth), truth.id())
    );
    let late = |saved: khashmir::SavedValue<'_>| saved.remaining.as_secs();
    assert!(
        snapshot
            .values()
            .map(late)
            .zip(truth.values().map(late))
            .all(|(a, b)| a.abs_diff(b) <= 1)
    );
}

#[test]
fn the_counters_are_those_of_the_original() {
    let mut net = Net::joined(2, &Config::default());
    net.outcome(1, put("key", "hello"));
    net.outcome(1, get("key"));
    let now = net.now;
    let (stats, status) = (net.node(1).stats().clone(), net.node(1).status(now));
    let store = stats.method(Method::StoreValue);
    assert_eq!(
        (
            store.started,
            store.sent,
            store.successful,
            store.failed,
            store.completed
        ),
        (1, 1, 1, 0, 1)
    );
    let find = stats.method(Method::FindValue);
    assert_eq!(
        (find.started, find.sent, find.successful, find.completed),
        (1, 1, 1, 1)
    );
    assert_eq!(find.mean_successful_delay(), net.delay * 2);
    assert_eq!(find.mean_total_delay(), net.delay * 2);
    assert_eq!(store.mean_total_delay(), net.delay * 2);
    assert_eq!(stats.method(Method::Join).received, 1);
    assert!(stats.bytes_out > 40 * stats.datagrams_out && stats.datagrams_in > 0);
    assert_eq!(
        (
            status.contacts,
            status.estimated_nodes,
            status.keys,
            status.values
        ),
        (1, 8, 1, 1)
    );
    assert_eq!(status.reachable, khashmir::Reachable::Yes);
    assert_eq!(status.uptime, net.now.since(Instant::ORIGIN));
    net.outcome(1, Command::Ping { addr: addr(2) });
    let ping = net.node(1).stats().method(Method::Ping).clone();
    assert!(ping.completed > 0);
    assert_eq!(ping.mean_total_delay(), net.delay * 2);
}

#[test]
fn pings_of_upkeep_count_as_actions() {
    let mut net = Net::new();
    net.add(1, Config::default());
    net.add(2, Config::default());
    let pings = |net: &mut Net| {
        let pings = net.node(1).stats().method(Method::Ping).clone();
        let counts = (pings.started, pings.successful, pings.failed);
        (counts, pings.completed, pings.completed_time)
    };
    let bootstrap = vec![addr(1)];
    net.outcome(2, Command::Join { bootstrap });
    net.run(seconds(1));
    let round_trip = net.delay * 2;
    assert_eq!(pings(&mut net), ((1, 1, 0), 1, round_trip));
    net.ask(addr(9), 1, &Query::Ping);
    net.run(seconds(1));
    assert_eq!(pings(&mut net), ((2, 1, 0), 1, round_trip));
    net.run(seconds(20));
    assert_eq!(pings(&mut net), ((2, 1, 1), 2, round_trip));
}

#[test]
fn an_expired_value_takes_no_room_before_the_checkpoint_clears_it_up() {
    let limits = StoreLimits {
        max_values_per_key: 1,
        max_keys: 2,
        ..StoreLimits::default()
    };
    let mut net = Net::new();
    let config = Config {
        store: limits,
        expiry: seconds(100),
        id: Some(Id::new([1; 20])),
        ..Config::default()
    };
    net.add(1, config);
    let store = |net: &mut Net, key, value: &[u8]| {
        let token = &net.token(addr(9), 1);
        let store = Query::StoreValue { key, token, value };
        net.ask(addr(9), 1, &store).expect("an answer")
    };
    let holds = |net: &mut Net, key, value: &[u8]| {
        let answer = net.ask(addr(9), 1, &Query::GetValue { key, num: 0 });
        reply(&answer.expect("an answer")).values == Some((&[value]).into())
    };
    net.run(seconds(70));
    let at = |byte: u8| Id::new([byte; 20]);
    reply(&store(&mut net, at(3), b"old"));
    reply(&store(&mut net, at(5), b"old"));
    net.run(seconds(60));
    reply(&store(&mut net, at(5), b"old"));
    assert_eq!(
        error(&store(&mut net, at(3), b"new")),
        (201, "store is full".into())
    );
    net.run(seconds(40));
    reply(&store(&mut net, at(3), b"new"));
    assert!(holds(&mut net, at(3), b"new"), "the key has room");
    net.run(seconds(61));
    reply(&store(&mut net, at(0x80), b"far"));
    assert!(holds(&mut net, at(3), b"new"));
    assert!(holds(&mut net, at(0x80), b"far"));
}

#[test]
fn a_token_is_good_for_its_address_until_the_third_checkpoint() {
    let mut net = Net::new();
    net.add(1, Config::default());
    let token = net.token(addr(9), 1);
    let store = Query::StoreValue {
        key: key("key"),
        token: &token,
        value: b"hello",
    };
    assert_eq!(
        error(&net.ask(addr(8), 1, &store).expect("an answer")).0,
        205
    );
    reply(&net.ask(addr(9), 1, &store).expect("an answer"));
    net.run(seconds(60 + 330));
    reply(
        &net.ask(addr(9), 1, &store)
            .expect("still good after two checkpoints"),
    );
    net.run(seconds(330));
    let (code, text) = error(&net.ask(addr(9), 1, &store).expect("an answer"));
    assert_eq!(
        (code, text.as_str()),
        (205, "token is invalid, do a find_nodes to get a fresh one")
    );
}
