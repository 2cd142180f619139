//! Stories of values that are kept: their holders die, others come closer, a value is put while
//! nobody can be reached, and keeping is cancelled.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use khashmir::wire::{Dialect, Method};
use khashmir::{Command, Config, Event, Id, Keep, OpId, Outcome, Place, Role};
use net::{Net, addr, asks, get, is_query, key, put, seconds, stored_at, value};

fn keep() -> Command {
    Command::Put {
        key: key("key"),
        value: value("kept"),
        keep: Keep::UntilCancelled,
    }
}

/// Who of the nodes holds the value, by their numbers.
fn holders(net: &mut Net, nodes: impl IntoIterator<Item = u8>) -> BTreeSet<u8> {
    let holds = |net: &mut Net, number: u8| {
        let now = net.now;
        let snapshot = net.node(number).snapshot(now);
        let kept = value("kept");
        snapshot.values().any(|saved| *saved.value == kept)
    };
    nodes
        .into_iter()
        .filter(|number| holds(net, *number))
        .collect()
}

/// What a node said of the copies of a kept value, in order.
fn said(net: &mut Net, number: u8) -> Vec<Event> {
    let ours = |event: &&Event| matches!(event, Event::Kept { .. } | Event::CopiesLost { .. });
    net.events(number).iter().filter(ours).cloned().collect()
}

fn kept_among(count: u8, config: &Config) -> (Net, OpId, BTreeSet<u8>) {
    let mut net = Net::joined(count, config);
    let op = net.command(1, keep());
    net.end_of(1, op);
    net.run(seconds(1));
    let holders = holders(&mut net, 2..=count);
    (net, op, holders)
}

#[test]
fn copies_whose_holders_died_are_made_anew() {
    let (mut net, op, first) = kept_among(30, &Config::default());
    assert!(first.len() >= 5, "{first:?}");
    assert_eq!(said(&mut net, 1).len(), 1);
    let dead: Vec<u8> = first.iter().copied().take(4).collect();
    for number in &dead {
        net.kill(*number);
    }
    net.run(seconds(30 * 60));
    let alive = (2..=30).filter(|number| !dead.contains(number));
    let now = holders(&mut net, alive.collect::<Vec<_>>());
    assert!(now.len() >= 6, "{now:?} after {dead:?} of {first:?} died");
    assert!(
        !said(&mut net, 1).contains(&Event::CopiesLost { op }),
        "some were there all the time"
    );
}

#[test]
fn when_all_copies_are_lost_that_is_told_and_it_is_stored_again() {
    let (mut net, op, first) = kept_among(12, &Config::default());
    assert!(!first.is_empty());
    net.forget();
    let others: Vec<_> = (2..=12).map(|number| (number, net.kill(number))).collect();
    net.run(seconds(60 * 60));
    assert_eq!(said(&mut net, 1), [Event::CopiesLost { op }]);
    net.forget();
    for (number, node) in others
        .into_iter()
        .filter(|(number, _)| !first.contains(number))
    {
        net.put_back(number, node);
    }
    net.run(seconds(15 * 60));
    let said = said(&mut net, 1);
    assert!(
        matches!(said[..], [Event::Kept { op: kept, copies: 1.. }] if kept == op),
        "{said:?}"
    );
}

#[test]
fn nodes_that_come_closer_get_copies() {
    let mut net = Net::new();
    let near = |number: u8| {
        let mut bytes = *key("key").as_bytes();
        bytes[19] ^= number;
        Config {
            id: Some(Id::new(bytes)),
            ..Config::default()
        }
    };
    for number in 1..=10 {
        net.add(number, Config::default());
    }
    let join = Command::Join {
        bootstrap: vec![addr(1)],
    };
    for number in 2..=10 {
        net.command(number, join.clone());
        net.run(seconds(10));
    }
    let op = net.command(1, keep());
    net.end_of(1, op);
    // As many as a reader asks come closer than all who hold it.
    for number in 11..=20 {
        net.add(number, near(number));
        net.command(number, join.clone());
        net.run(seconds(10));
    }
    net.run(seconds(60 * 60));
    let closer = holders(&mut net, 11..=20);
    assert!(closer.len() >= 4, "{closer:?}");
    assert_eq!(
        net.outcome(15, get("key")),
        Outcome::Got {
            values: 1,
            missing: 0
        }
    );
}

#[test]
fn checks_ask_holders_only_and_seldom_where_nobody_leaves() {
    let (mut net, _, first) = kept_among(30, &Config::default());
    net.run(seconds(3600));
    net.forget();
    net.run(seconds(3600));
    let log = net.log.iter();
    let ours: Vec<SocketAddr> = log
        .filter(|flying| flying.from == addr(1) && asks(&flying.bytes, Method::FindValue))
        .map(|flying| flying.to)
        .collect();
    let asked: BTreeSet<SocketAddr> = ours.iter().copied().collect();
    let held: BTreeSet<SocketAddr> = holders(&mut net, 2..=30).into_iter().map(addr).collect();
    assert!(
        asked.is_subset(&held) && asked.len() >= first.len(),
        "{asked:?}"
    );
    // Each is asked once in half an hour, a sixth of the life of its copy.
    assert!((asked.len()..=3 * asked.len()).contains(&ours.len()));
}

#[test]
fn a_holder_that_lost_the_value_gets_it_again_although_it_holds_another() {
    let config = Config::default();
    let (mut net, _, first) = kept_among(12, &config);
    net.run(seconds(45 * 60));
    let forgetful = *first.iter().next().expect("somebody holds it");
    let id = net.node(forgetful).id();
    net.kill(forgetful);
    net.add(
        forgetful,
        Config {
            id: Some(id),
            ..config
        },
    );
    net.command(
        forgetful,
        Command::Join {
            bootstrap: vec![addr(1)],
        },
    );
    net.run(seconds(20));
    // Two other values are put under the same key, so that the number alone says nothing.
    net.outcome(2, put("key", "foreign"));
    net.outcome(2, put("key", "strange"));
    assert!(holders(&mut net, [forgetful]).is_empty());
    net.run(seconds(45 * 60));
    assert_eq!(holders(&mut net, [forgetful]), BTreeSet::from([forgetful]));
}

#[test]
fn a_value_that_only_we_hold_is_stored_elsewhere_at_once_when_we_are_online() {
    let mut net = Net::new();
    net.add(1, Config::default());
    net.add(2, Config::default());
    let places = stored_at(net.outcome(1, keep()));
    assert!(matches!(places[..], [Place::Here(_)]), "{places:?}");
    // The waits between tries have grown long by now.
    net.run(seconds(3600));
    assert!(said(&mut net, 1).is_empty(), "nobody else holds it");
    net.outcome(
        1,
        Command::Join {
            bootstrap: vec![addr(2)],
        },
    );
    net.run(seconds(2));
    assert_eq!(holders(&mut net, [2]), BTreeSet::from([2]));
    assert!(matches!(
        said(&mut net, 1)[..],
        [Event::Kept { copies: 1, .. }]
    ));
}

#[test]
fn while_nobody_answers_storing_is_tried_again_soon_and_then_ever_more_slowly() {
    let config = Config {
        role: Role::Client,
        ..Config::default()
    };
    let mut net = Net::joined(2, &Config::default());
    net.add(3, config);
    net.command(
        3,
        Command::Join {
            bootstrap: vec![addr(1)],
        },
    );
    net.run(seconds(30));
    let (first, second) = (net.kill(1), net.kill(2));
    net.forget();
    let op = net.command(3, keep());
    assert!(stored_at(net.end_of(3, op)).is_empty());
    let ended = net.now;
    net.run(seconds(14));
    let again = net.log.iter().any(|flying| flying.at > ended);
    assert!(again, "nothing was tried within 14 s");
    net.put_back(1, first);
    net.put_back(2, second);
    net.run(seconds(60));
    assert_eq!(holders(&mut net, [1, 2]), BTreeSet::from([1, 2]));
}

#[test]
fn cancelling_a_kept_put_ends_the_store_that_is_under_way() {
    let config = Config {
        expiry: seconds(600),
        ..Config::default()
    };
    let mut net = Net::joined(3, &config);
    let op = net.command(1, keep());
    net.end_of(1, op);
    net.run(seconds(490));
    net.forget();
    // Both holders are asked for a token, to store it again.
    let token = |net: &Net| {
        let asked = |f: &net::Flying| f.from == addr(1) && asks(&f.bytes, Method::FindNode);
        net.log.iter().any(asked)
    };
    let limit = net.now + seconds(20);
    while !token(&net) {
        assert!(net.step(limit), "it is never stored again");
        let _polled = net.events(1).len();
    }
    net.forget();
    let now = net.now;
    assert!(net.node(1).cancel(now, op));
    net.run(seconds(3600));
    let sent = net.log.iter().filter(|flying| {
        flying.from == addr(1)
            && (asks(&flying.bytes, Method::StoreValue) || asks(&flying.bytes, Method::FindValue))
    });
    assert_eq!(sent.count(), 0, "it is kept after it was cancelled");
    assert!(said(&mut net, 1).is_empty());
}

#[test]
fn a_liar_that_names_nodes_that_are_not_there_costs_so_much_and_no_more() {
    let mut net = Net::joined(4, &Config::default());
    let op = net.command(1, keep());
    net.end_of(1, op);
    net.forget();
    let mut answered = 0;
    let mut asked_ghosts = 0_usize;
    let mut checks = 0_usize;
    let end = net.now + seconds(2 * 3600);
    // Whatever node 2 is asked about the key, a liar at its address names eight ghosts next to it.
    let liar = net.node(2).id();
    net.kill(2);
    while net.now < end {
        let limit = net.now + seconds(1);
        while net.step(limit) {
            let new: Vec<_> = net.log[answered..].to_vec();
            answered = net.log.len();
            for flying in new {
                if flying.from != addr(1) || !is_query(&flying.bytes) {
                    continue;
                }
                if flying.to == addr(2) {
                    checks += 1;
                    let bytes = lie(&flying.bytes, liar, checks);
                    net.send(addr(2), 1, &bytes);
                } else if flying.to.port() == 1 {
                    asked_ghosts += 1;
                }
            }
        }
        net.now = limit;
    }
    assert!(checks > 3, "the liar was hardly asked");
    let most = 16 * checks;
    assert!(
        asked_ghosts <= most,
        "{asked_ghosts} ghosts asked in {checks} checks"
    );
    assert!(asked_ghosts > 0, "the ghosts were never believed");
    assert_eq!(holders(&mut net, [3, 4]), BTreeSet::from([3, 4]));
}

/// An answer to a query that holds the value, and names ghosts next to the key: others each time.
fn lie(query: &[u8], liar: Id, round: usize) -> Vec<u8> {
    let khashmir::wire::Message::Query { tid, .. } = net::message(query) else {
        panic!("not a query");
    };
    let ghosts: Vec<khashmir::Contact> = (0..8_u8)
        .map(|ghost| {
            let mut bytes = *key("key").as_bytes();
            bytes[18] ^= u8::try_from(round % 256).expect("a byte");
            bytes[19] ^= ghost;
            khashmir::Contact::new(Id::new(bytes), ([10, 1, bytes[18], ghost], 1).into())
        })
        .collect();
    let lie = khashmir::wire::Reply {
        nodes: Some((&ghosts).into()),
        num: Some(1),
        token: Some(b"token"),
        ..khashmir::wire::Reply::from(liar)
    };
    let mut bytes = Vec::new();
    let _whole = Dialect::Khashmir.encode_reply(tid, &lie, &mut bytes);
    bytes
}
