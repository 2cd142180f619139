//! Stories of one node and those who ask it: what it answers, to whom, and what it keeps.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod written;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use khashmir::wire::{Dialect, MAX_DATAGRAM, Malformed, Method, Query};
use khashmir::{
    BadAddress, Command, Config, DropCause, Id, Instant, Node, Outcome, PrivateAddresses, Refused,
    Role, Seed, StoreLimits, Value,
};
use net::{Net, addr, error, is_query, key, reply, seconds};
use written::written;

fn one(config: Config) -> Net {
    let mut net = Net::new();
    net.add(1, config);
    net
}

fn store(net: &mut Net, key: Id, value: &[u8]) -> Vec<u8> {
    let token = net.token(addr(9), 1);
    let query = Query::StoreValue {
        key,
        token: &token,
        value,
    };
    net.ask(addr(9), 1, &query).expect("an answer")
}

fn values(net: &mut Net, key: Id, num: i64) -> Vec<Vec<u8>> {
    let answer = net
        .ask(addr(9), 1, &Query::GetValue { key, num })
        .expect("an answer");
    assert!(answer.len() <= MAX_DATAGRAM);
    reply(&answer)
        .values
        .expect("values")
        .iter()
        .map(<[u8]>::to_vec)
        .collect()
}

#[test]
fn values_that_do_not_fit_are_chosen_anew_each_time() {
    let mut net = one(Config::default());
    let all: BTreeSet<Vec<u8>> = (0..100)
        .map(|n| format!("value number {n:08}").into_bytes())
        .collect();
    for value in &all {
        store(&mut net, key("key"), value);
    }
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        let some = values(&mut net, key("key"), 0);
        assert_eq!(some.len(), 58, "as many as fit");
        seen.extend(some);
    }
    assert_eq!(seen, all);
}

#[test]
fn values_that_fit_come_in_the_order_of_their_base64_texts() {
    let mut net = one(Config::default());
    for value in [&b"b"[..], b"a", b"\xff", b"", b"ab"] {
        store(&mut net, key("key"), value);
    }
    let expected: [&[u8]; 5] = [b"", b"\xff", b"a", b"ab", b"b"];
    assert_eq!(values(&mut net, key("key"), 0), expected);
}

#[test]
fn a_number_asks_for_so_many_and_a_negative_one_for_all_but_so_many() {
    let mut net = one(Config::default());
    for value in [b"a", b"b", b"c", b"d"] {
        store(&mut net, key("key"), value);
    }
    for (num, count) in [
        (0, 4),
        (1, 1),
        (3, 3),
        (9, 4),
        (-1, 3),
        (-4, 0),
        (-9, 0),
        (i64::MIN, 0),
    ] {
        assert_eq!(values(&mut net, key("key"), num).len(), count, "{num}");
    }
}

#[test]
fn those_who_ask_for_a_few_values_often_enough_see_all() {
    let mut net = one(Config::default());
    for value in [b"a", b"b", b"c", b"d"] {
        store(&mut net, key("key"), value);
    }
    for num in [1, -2] {
        let mut seen = BTreeSet::new();
        for _ in 0..40 {
            seen.extend(values(&mut net, key("key"), num));
        }
        assert_eq!(seen.len(), 4, "{num}");
    }
}

#[test]
fn a_value_too_large_for_a_long_transaction_id_hides_no_other() {
    let mut net = one(Config::default());
    store(&mut net, key("key"), &vec![0; Value::MAX_LEN]);
    store(&mut net, key("key"), b"small");
    let query = Query::GetValue {
        key: key("key"),
        num: 0,
    };
    let bytes = written(|out| Dialect::Khashmir.encode_query(&[1; 64], &key("asker"), &query, out));
    net.forget();
    net.send(addr(9), 1, &bytes);
    net.run(seconds(1));
    let answer = net
        .log
        .iter()
        .find(|f| f.to == addr(9) && !is_query(&f.bytes))
        .expect("an answer");
    assert_eq!(reply(&answer.bytes).values, Some((&[&b"small"[..]]).into()));
}

#[test]
fn a_value_that_could_never_be_fetched_is_refused() {
    let mut net = one(Config::default());
    let answer = store(&mut net, key("key"), &vec![0; Value::MAX_LEN + 1]);
    assert_eq!(error(&answer), (201, "value too long".into()));
    reply(&store(&mut net, key("key"), &vec![0; Value::MAX_LEN]));
    assert_eq!(values(&mut net, key("key"), 0).len(), 1);
}

#[test]
fn a_value_expires_unless_it_is_stored_again() {
    let mut net = one(Config {
        expiry: seconds(600),
        ..Config::default()
    });
    store(&mut net, key("key"), b"once");
    store(&mut net, key("key"), b"twice");
    net.run(seconds(500));
    store(&mut net, key("key"), b"twice");
    net.run(seconds(101));
    assert_eq!(values(&mut net, key("key"), 0), [b"twice"]);
    net.run(seconds(600));
    assert!(values(&mut net, key("key"), 0).is_empty());
    let now = net.now;
    net.run(seconds(330));
    assert_eq!(
        net.node(1).status(now).values,
        0,
        "the checkpoint cleared up"
    );
}

#[test]
fn a_full_store_refuses_the_farthest() {
    let limits = StoreLimits {
        max_keys: 2,
        max_values_per_key: 2,
        ..StoreLimits::default()
    };
    let mut net = one(Config {
        store: limits,
        id: Some(Id::new([0x81; 20])),
        ..Config::default()
    });
    let at = |byte: u8| Id::new([byte; 20]);
    reply(&store(&mut net, at(0x83), b"x"));
    reply(&store(&mut net, at(0x85), b"x"));
    assert_eq!(
        error(&store(&mut net, at(0), b"x")),
        (201, "store is full".into())
    );
    reply(&store(&mut net, at(0x82), b"x"));
    assert!(
        values(&mut net, at(0x85), 0).is_empty(),
        "the farthest gave way"
    );
    assert_eq!(net.node(1).stats().evicted_keys, 1);
    reply(&store(&mut net, at(0x82), b"y"));
    assert_eq!(
        error(&store(&mut net, at(0x82), b"z")),
        (201, "store is full".into())
    );
    reply(&store(&mut net, at(0x82), b"y"));
}

#[test]
fn each_role_answers_its_own_methods_and_no_others() {
    let store = Query::StoreValue {
        key: key("k"),
        token: b"",
        value: b"",
    };
    let queries = [
        Query::Ping,
        Query::Join,
        Query::FindNode { target: key("k") },
        Query::FindValue { key: key("k") },
        Query::GetValue {
            key: key("k"),
            num: 0,
        },
        store,
    ];
    for (role, served) in [(Role::Base, 3), (Role::Read, 5), (Role::ReadWrite, 6)] {
        let mut net = one(Config {
            role,
            ..Config::default()
        });
        for (index, query) in queries.iter().enumerate() {
            let answer = net.ask(addr(9), 1, query).expect("an answer");
            let unknown = format!("unknown method {}", query.method());
            let refused = answer
                .windows(unknown.len())
                .any(|w| w == unknown.as_bytes());
            assert_eq!(refused, index >= served, "{role:?} {query:?}");
        }
        let now = net.now;
        let put = net.node(1).put(now, key("k"), net::value("v"));
        assert_eq!(put == Err(Refused::NotMyRole), role != Role::ReadWrite);
    }
}

#[test]
fn a_client_answers_nobody_and_enters_no_table() {
    let mut net = Net::joined(3, &Config::default());
    net.add(
        8,
        Config {
            role: Role::Client,
            ..Config::default()
        },
    );
    net.outcome(
        8,
        Command::Join {
            bootstrap: vec![addr(1)],
        },
    );
    let stored = net.outcome(
        8,
        Command::Put {
            key: key("k"),
            value: net::value("v"),
            keep: khashmir::Keep::Once,
        },
    );
    let Outcome::Stored(places) = stored else {
        panic!("not a put")
    };
    assert_eq!(places.len(), 3, "at the others only");
    assert!(places.iter().all(|place| place.contact().is_some()));
    let Outcome::Found(closest) = net.outcome(8, Command::FindClose) else {
        panic!("not a find")
    };
    assert!(
        closest.iter().all(|place| place.contact().is_some()),
        "a client is not a result"
    );
    net.run(seconds(60));
    for number in 1..=3 {
        assert!(!net.contacts(number).contains(&addr(8)));
    }
    let asks_client = |f: &net::Flying| f.to == addr(8) && is_query(&f.bytes);
    assert!(
        !net.log.iter().any(asks_client),
        "nobody learns its identifier, so nobody pings it"
    );
    let asked = net.ask(addr(9), 8, &Query::Ping);
    assert!(asked.is_none() && net.node(8).stats().drops[&DropCause::Client] == 1);
}

#[test]
fn a_sender_that_does_not_answer_is_pinged_ever_more_rarely_however_often_it_writes() {
    let mut net = one(Config::default());
    for _ in 0..6 * 60 * 20 {
        net.ask(addr(9), 1, &Query::Ping);
        net.run(seconds(3));
    }
    let pings: Vec<u64> = net
        .log
        .iter()
        .filter(|f| f.to == addr(9) && is_query(&f.bytes))
        .map(|f| f.at.as_nanos() / 1_000_000_000)
        .collect();
    // Each is given up after 9 s; then it is left in peace for 10 and 80 s, for the quarter of an hour
    // after three calls, and for an hour.
    let waits: Vec<u64> = pings.windows(2).map(|two| two[1] - two[0]).collect();
    let expected = [19, 89, 900, 3609, 3609, 3609, 3609];
    for (wait, expected) in waits.iter().zip(expected) {
        assert!(wait.abs_diff(expected) <= 6, "{waits:?}");
    }
    let in_the_hour = |from: &u64| {
        pings
            .iter()
            .filter(|at| (*from..from + 3600).contains(at))
            .count()
    };
    assert!(pings.iter().all(|at| in_the_hour(at) <= 4), "{pings:?}");
    assert!(pings.len() >= 8 && net.contacts(1).is_empty(), "{pings:?}");
}

#[test]
fn a_newcomer_whose_ping_was_lost_is_asked_again_when_it_writes_again() {
    let mut net = one(Config::default());
    net.ask(addr(9), 1, &Query::Ping);
    net.run(seconds(20));
    net.add(
        9,
        Config {
            id: Some(Id::hash_of(addr(9).to_string().as_bytes())),
            ..Config::default()
        },
    );
    net.outcome(9, Command::Ping { addr: addr(1) });
    net.run(seconds(1));
    assert!(net.contacts(1).contains(&addr(9)));
}

#[test]
fn useless_sources_are_dropped_and_counted() {
    let mut net = one(Config::default());
    let (tid, asker) = ([7; 20], key("asker"));
    let ping = written(|out| Dialect::Khashmir.encode_query(&tid, &asker, &Query::Ping, out));
    let sources = [
        ("[2001:db8::1]:9", BadAddress::NotIpv4),
        ("224.0.0.9:9", BadAddress::Multicast),
        ("255.255.255.255:9", BadAddress::Broadcast),
        ("10.0.0.9:0", BadAddress::PortZero),
    ];
    for (source, why) in sources {
        net.send(source.parse().expect("an address"), 1, &ping);
        net.run(seconds(1));
        assert_eq!(
            net.node(1).stats().drops[&DropCause::Source(why)],
            1,
            "{source}"
        );
    }
    assert_eq!(net.log.iter().filter(|f| f.from == addr(1)).count(), 0);
    net.send(
        "[::ffff:10.0.0.9]:9977".parse().expect("an address"),
        1,
        &ping,
    );
    net.run(seconds(1));
    assert!(
        net.log.iter().any(|f| f.to == addr(9)),
        "a mapped address counts as IPv4"
    );
}

#[test]
fn malformed_datagrams_are_dropped_and_counted_by_cause() {
    let mut net = one(Config::default());
    let long = [
        &b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t65:"[..],
        &[b'x'; 65],
        b"1:y1:qe",
    ]
    .concat();
    let huge = vec![b'x'; 8193];
    for (bytes, cause) in [
        (&b"garbage"[..], Malformed::Bencode),
        (b"i5e", Malformed::Kind),
        (b"d1:q4:ping1:t2:aa1:y1:qe", Malformed::Query),
        (b"d1:r2:xx1:t2:aa1:y1:re", Malformed::Reply),
        (b"d1:eli201ee1:t2:aa1:y1:ee", Malformed::Error),
        (&long, Malformed::Tid),
        (&huge, Malformed::TooLong),
    ] {
        net.send(addr(9), 1, bytes);
        net.run(seconds(1));
        assert_eq!(
            net.node(1).stats().drops.get(&DropCause::Malformed(cause)),
            Some(&1),
            "{cause}"
        );
    }
    net.send(
        addr(9),
        1,
        b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t2:aa1:y1:re",
    );
    net.run(seconds(1));
    assert_eq!(net.node(1).stats().drops[&DropCause::NotAsked], 1);
    assert_eq!(
        net.log.iter().filter(|f| f.from == addr(1)).count(),
        0,
        "none was answered"
    );
}

#[test]
fn wrong_arguments_are_answered_with_204() {
    let mut net = one(Config::default());
    for arguments in [
        &b"de"[..],
        b"d2:id19:aaaaaaaaaaaaaaaaaaae",
        b"d2:idi5ee",
        b"d3:foo3:bar2:id20:aaaaaaaaaaaaaaaaaaaae",
        b"d2:id20:aaaaaaaaaaaaaaaaaaaa3:foo3:bare",
    ] {
        let bytes = [b"d1:a", arguments, b"1:q4:ping1:t2:aa1:y1:qe"].concat();
        let dropped = net.node(1).stats().dropped();
        net.log.clear();
        net.send(addr(9), 1, &bytes);
        net.run(seconds(1));
        let answer = net.log.iter().find(|f| f.to == addr(9));
        match answer {
            Some(answer) => assert_eq!(error(&answer.bytes).0, 204),
            // Keys out of order are no bencode at all.
            None => assert_eq!(net.node(1).stats().dropped(), dropped + 1),
        }
    }
    assert_eq!(net.node(1).stats().method(Method::Ping).errors, 4);
}

#[test]
fn private_contacts_can_be_refused() {
    let mut net = one(Config {
        private_addresses: PrivateAddresses::Refuse,
        ..Config::default()
    });
    let public: SocketAddr = ([11, 0, 0, 7], 9977).into();
    assert!(
        net.ask(addr(9), 1, &Query::Ping).is_some(),
        "they are answered all the same"
    );
    net.ask(public, 1, &Query::Ping);
    let pinged: Vec<_> = net
        .log
        .iter()
        .filter(|f| is_query(&f.bytes) && f.from == addr(1))
        .map(|f| f.to)
        .collect();
    assert_eq!(pinged, [public]);
}

#[test]
fn addresses_that_cannot_be_used_are_refused_in_commands() {
    let own = addr(1);
    let config = Config {
        address: Some(own),
        ..Config::default()
    };
    let now = Instant::ORIGIN;
    let mut node = Node::new(config, Seed::from_number(1), now).expect("works");
    for (text, why) in [
        ("[::1]:5", BadAddress::NotIpv4),
        ("10.0.0.2:0", BadAddress::PortZero),
        ("10.0.0.1:9977", BadAddress::Own),
    ] {
        let addr: SocketAddr = text.parse().expect("an address");
        assert_eq!(node.ping(now, addr), Err(Refused::BadAddress { addr, why }));
        let joined = node.join(now, &[addr]);
        assert_eq!(joined.is_ok(), why == BadAddress::Own, "{text}");
    }
}
