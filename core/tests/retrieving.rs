//! Stories of gets: values come while the walk goes on, holders count by what they bring, and are asked
//! again for what did not fit into one answer.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod lone;
mod net;
mod written;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Method, Reply};
use khashmir::{
    Command, Config, Event, Id, Instant, Limits, OpId, Outcome, OwnStore, QueryStats, Retrieve,
    Role, Value,
};
use lone::{Lone, contact, number, says};
use net::{Net, addr, asks, get, put, seconds};

/// What a get brought, and when.
struct Over {
    values: BTreeSet<Vec<u8>>,
    /// When the first came.
    first: Option<Instant>,
    events: usize,
    outcome: Outcome,
    query_stats: QueryStats,
    ended: Instant,
}

/// The key of every story: contact 1 is the closest to it, then 2 and so on, for powers of two.
fn target() -> Id {
    Id::new([0; Id::LEN])
}

fn retrieves(lone: &mut Lone, retrieve: Option<Retrieve>) -> OpId {
    let (key, own_store) = (target(), OwnStore::LeaveOut);
    let get = Command::Get {
        key,
        retrieve,
        own_store,
    };
    lone.node.start(lone.now, get).expect("accepted")
}

/// Lets a get run to its end.
fn over(
    mut lone: Lone,
    retrieve: Option<Retrieve>,
    world: impl FnMut(SocketAddr, &[u8]) -> Option<Vec<u8>>,
) -> (Lone, Over) {
    let op = retrieves(&mut lone, retrieve);
    lone.run(seconds(180), world);
    let of_get = |(_, event): &&(Instant, Event)| event.op() == Some(op);
    let mut over = None;
    let (mut values, mut first, mut events) = (BTreeSet::new(), None, 0);
    for (at, event) in lone.events.iter().filter(of_get) {
        assert!(over.is_none(), "nothing comes after the end");
        match event {
            Event::Values { values: more, .. } => {
                first = first.or(Some(*at));
                events += 1;
                for value in more {
                    assert!(values.insert(value.as_bytes().to_vec()), "each comes once");
                }
            }
            Event::Ended {
                outcome,
                query_stats,
                ..
            } => over = Some((outcome.clone(), query_stats.clone(), *at)),
            other => panic!("not of a get: {other:?}"),
        }
    }
    let (outcome, query_stats, ended) = over.expect("it ended");
    let over = Over {
        values,
        first,
        events,
        outcome,
        query_stats,
        ended,
    };
    (lone, over)
}

/// An answer to `find_value`: it names these, and counts so many values.
fn counts(query: &[u8], number: u8, named: &[u8], num: u64) -> Vec<u8> {
    let nodes: Vec<_> = named.iter().map(|number| contact(*number)).collect();
    let reply = Reply {
        nodes: Some((&nodes[..]).into()),
        num: Some(num),
        ..Reply::from(contact(number).id)
    };
    says(query, &reply)
}

fn sends(query: &[u8], number: u8, values: &[&[u8]]) -> Vec<u8> {
    let reply = Reply {
        values: Some(values.into()),
        ..Reply::from(contact(number).id)
    };
    says(query, &reply)
}

fn calls(lone: &Lone, method: Method) -> usize {
    let sent = lone.sent.iter().filter(|sent| asks(&sent.bytes, method));
    let asked: BTreeSet<_> = sent.map(|sent| lone::tid(&sent.bytes)).collect();
    asked.len()
}

#[test]
fn a_get_succeeds_while_one_of_the_k_closest_holds_the_value() {
    for holder in 1..=8 {
        let (_, over) = over(Lone::knowing(8, Config::default()), None, |to, query| {
            let number = number(to);
            Some(if asks(query, Method::FindValue) {
                counts(query, number, &[], 1)
            } else if number == holder {
                sends(query, number, &[b"v"])
            } else {
                sends(query, number, &[])
            })
        });
        let expected = Outcome::Got {
            values: 1,
            missing: 0,
        };
        assert_eq!(over.outcome, expected, "{holder}");
        assert_eq!(over.values, BTreeSet::from([b"v".to_vec()]));
    }
}

#[test]
fn the_first_value_comes_while_the_walk_still_waits_for_somebody() {
    let (_, over) = over(Lone::knowing(8, Config::default()), None, |to, query| {
        match number(to) {
            // The closest but one is dead, and the walk has to find out.
            2 => None,
            number if asks(query, Method::FindValue) => Some(counts(query, number, &[], 1)),
            number => Some(sends(query, number, &[b"v"])),
        }
    });
    assert_eq!(
        over.first,
        Some(Instant::ORIGIN + Duration::from_millis(40))
    );
    assert!(over.ended > Instant::ORIGIN + Duration::from_millis(80));
    assert_eq!(over.values.len(), 1);
}

/// Contacts 33 to 40 are far from the target, and only they are known; 33 lies that it holds values. The
/// others know 1 to 8, which hold the true ones.
fn far_liar(config: Config, retrieve: Retrieve) -> Over {
    let mut lone = Lone::knowing(0, config);
    for number in 33..=40 {
        let reply = |query: &[u8]| says(query, &Reply::from(contact(number).id));
        let op = lone.node.ping(lone.now, addr(number)).expect("accepted");
        lone.run(Duration::from_millis(50), |_, query| Some(reply(query)));
        assert!(
            lone.events
                .iter()
                .any(|(_, event)| event.ends() == Some(op))
        );
    }
    lone.events.clear();
    let (_, over) = over(lone, Some(retrieve), |to, query| {
        let all = [1, 2, 3, 4, 5, 6, 7, 8];
        Some(match (number(to), asks(query, Method::FindValue)) {
            (33, true) => counts(query, 33, &[], 9),
            (33, false) => sends(query, 33, &[b"l1", b"l2", b"l3"]),
            (far @ 34.., true) => counts(query, far, &all, 0),
            (close, true) => counts(query, close, &all, 1),
            (close, false) => sends(query, close, &[b"true"]),
        })
    });
    over
}

#[test]
fn a_liar_far_from_the_key_neither_ends_a_get_nor_uses_up_what_it_may_bring() {
    for (retrieve, most) in [
        (Retrieve::All, 4),
        (Retrieve::Closest(1), 4),
        (Retrieve::Closest(6), 4),
        (Retrieve::AtMost(1), 1),
        (Retrieve::AtMost(3), 1),
    ] {
        let over = far_liar(Config::default(), retrieve);
        assert!(over.values.contains(&b"true"[..]), "{retrieve:?}");
        assert!(over.values.len() <= most, "{retrieve:?}: {:?}", over.values);
        let missing = match over.outcome {
            Outcome::Got { missing, .. } => missing,
            other => panic!("not a get: {other:?}"),
        };
        assert_eq!(
            missing, 0,
            "what only a liar counts is nothing: {retrieve:?}"
        );
    }
}

#[test]
fn a_liar_that_counts_ever_so_many_values_costs_no_more_than_the_budget() {
    let limits = Limits {
        max_get_repeats: 20,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    for fresh in [false, true] {
        let mut made_up = 0_u32;
        let (lone, over) = over(Lone::knowing(8, config.clone()), None, |to, query| {
            let number = number(to);
            if asks(query, Method::FindValue) {
                let count = if number == 1 { 1 << 63 } else { 2 };
                return Some(counts(query, number, &[], count));
            }
            if number > 1 {
                return Some(sends(query, number, &[b"a", b"b"]));
            }
            made_up += u32::from(fresh || made_up == 0);
            Some(sends(query, 1, &[&made_up.to_be_bytes()]))
        });
        let asked = calls(&lone, Method::GetValue);
        let expected = if fresh { 6 + 20 } else { 6 + 1 };
        assert_eq!(asked, expected, "new values: {fresh}");
        assert!(over.values.contains(&b"a"[..]) && over.values.contains(&b"b"[..]));
        assert!(over.events < config.most_events());
        assert!(over.ended < Instant::ORIGIN + seconds(5));
        assert!(matches!(over.outcome, Outcome::Got { missing: 1.., .. }));
    }
}

#[test]
fn a_dead_holder_is_passed_over_and_what_it_counts_does_not_matter() {
    let (lone, over) = over(Lone::knowing(8, Config::default()), None, |to, query| {
        let number = number(to);
        if asks(query, Method::FindValue) {
            return Some(counts(query, number, &[], 1));
        }
        (number > 2).then(|| sends(query, number, &[b"v"]))
    });
    let expected = Outcome::Got {
        values: 1,
        missing: 0,
    };
    assert_eq!((over.outcome, over.query_stats.unanswered), (expected, 2));
    assert_eq!(calls(&lone, Method::GetValue), 8);
    assert!(over.ended < Instant::ORIGIN + seconds(4));
}

/// A network in which so many values of 100 bytes are stored under one key at so many nodes, and a client
/// that knows it.
fn crowded(nodes: u8, values: u8) -> Net {
    let config = Config::default();
    let mut net = Net::joined(nodes, &config);
    for nth in 0..values {
        let stored = format!("{nth:0100}");
        net.outcome(1, put("key", &stored));
    }
    net.add(
        99,
        Config {
            role: Role::Client,
            ..config
        },
    );
    let join = Command::Join {
        bootstrap: vec![addr(1)],
    };
    net.outcome(99, join);
    net
}

/// How many of so many gets do not find all of them.
fn incomplete(net: &mut Net, gets: u32, values: usize) -> u32 {
    let mut incomplete = 0;
    for _ in 0..gets {
        net.forget();
        let op = net.command(99, get("key"));
        let outcome = net.end_of(99, op);
        let got: BTreeSet<Value> = net.got(99, op).into_iter().collect();
        let all = Outcome::Got { values, missing: 0 };
        incomplete += u32::from(outcome != all || got.len() != values);
    }
    incomplete
}

#[test]
fn sixty_values_of_a_hundred_bytes_at_six_nodes_are_all_found() {
    let mut net = crowded(6, 60);
    assert_eq!(incomplete(&mut net, 200, 60), 0);
}

#[test]
fn a_single_holder_of_sixty_values_is_asked_until_all_are_there() {
    let mut net = crowded(1, 60);
    assert_eq!(incomplete(&mut net, 40, 60), 0);
}

#[test]
fn a_get_that_runs_out_of_time_tells_what_it_has() {
    let config = Config {
        operation_timeout: seconds(1),
        ..Config::default()
    };
    let mut asked = 0;
    let (_, over) = over(Lone::knowing(1, config), None, |_, query| {
        if asks(query, Method::FindValue) {
            return Some(counts(query, 1, &[], 9));
        }
        asked += 1;
        // It answers twice, and then no more.
        match asked {
            1 => Some(sends(query, 1, &[b"a", b"b"])),
            2 => Some(sends(query, 1, &[b"c"])),
            _ => None,
        }
    });
    assert_eq!(over.values.len(), 3);
    let expected = Outcome::Got {
        values: 3,
        missing: 6,
    };
    assert_eq!(over.outcome, expected);
}
