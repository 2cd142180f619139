//! Stories of what peers that lie cannot make a node do: to hammer others, to hold up its other work, or
//! to leave a value nowhere.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod lone;
mod net;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use khashmir::wire::{Message, Query, Reply};
use khashmir::{
    Config, Contact, Event, Id, Limits, Outcome, SharedAddresses, SilentAddresses, Value,
};
use lone::{Lone, contact, number, says, tid};
use net::seconds;

/// An address that a liar names, and that never answers.
fn silent(last: u8, port: u16) -> SocketAddr {
    ([44, 1, 2, last], port).into()
}

/// What a query is about.
fn about(query: &[u8]) -> Id {
    match net::message(query) {
        Message::Query {
            query: Query::FindNode { target },
            ..
        } => target,
        other => panic!("not a lookup: {other:?}"),
    }
}

/// Identities next to a target, which nobody had before.
fn invented(target: Id, count: u8) -> impl Iterator<Item = Id> {
    (1..=count).map(move |number| {
        let mut bytes = *target.as_bytes();
        bytes[19] ^= number;
        Id::new(bytes)
    })
}

/// A node that looks up sixty targets within twelve minutes, each of which its two contacts say is at
/// these addresses.
fn misled(config: Config, addrs: impl Fn(u8) -> SocketAddr) -> Lone {
    let mut lone = Lone::knowing(2, config);
    for target in 1..=60 {
        let target = Id::new([target; Id::LEN]);
        let op = lone.node.find_node(lone.now, target).expect("accepted");
        lone.run(seconds(12), |to, query| {
            let known = (1..=2).contains(&number(to))
                && !matches!(to.ip(), IpAddr::V4(ip) if ip.octets()[0] == 44);
            let ids = invented(about(query), 8).zip(1..);
            let nodes: Vec<_> = ids
                .map(|(id, number)| Contact::new(id, addrs(number)))
                .collect();
            known.then(|| {
                says(
                    query,
                    &Reply {
                        nodes: Some((&nodes).into()),
                        token: Some(b"t"),
                        ..Reply::from(contact(number(to)).id)
                    },
                )
            })
        });
        let ended = lone
            .events
            .iter()
            .any(|(_, event)| event.ends() == Some(op));
        assert!(ended, "a lookup is held up");
    }
    lone
}

/// How many calls were made to addresses of which this is true, resends apart.
fn calls(lone: &Lone, is: impl Fn(SocketAddr) -> bool) -> usize {
    let sent = lone.sent.iter().filter(|sent| is(sent.to));
    let calls: BTreeSet<_> = sent.map(|sent| tid(&sent.bytes)).collect();
    calls.len()
}

#[test]
fn however_often_an_address_is_named_it_gets_three_calls_in_a_quarter_of_an_hour() {
    let lone = misled(Config::default(), |number| silent(9, number.into()));
    let hits = calls(&lone, |addr| addr.ip() == silent(9, 1).ip());
    assert_eq!(hits, 3);
    assert!(
        lone.node.stats().withheld_calls >= 57,
        "{:?}",
        lone.node.stats()
    );

    let config = Config {
        silent_addresses: SilentAddresses::AskAgain,
        ..Config::default()
    };
    let lone = misled(config, |number| silent(9, number.into()));
    let hits = calls(&lone, |addr| addr.ip() == silent(9, 1).ip());
    assert!(hits >= 60, "as in the original: {hits}");
    assert_eq!(lone.node.stats().withheld_calls, 0);
}

#[test]
fn however_many_of_its_addresses_are_named_a_prefix_gets_twelve_calls_in_a_quarter_of_an_hour() {
    let lone = misled(Config::default(), |number| silent(number, 1));
    assert_eq!(
        calls(&lone, |addr| addr != net::addr(1) && addr != net::addr(2)),
        12
    );
}

#[test]
fn on_a_private_network_each_port_of_an_address_counts_unless_the_settings_say_otherwise() {
    let hits = |shared_addresses| {
        let config = Config {
            shared_addresses,
            ..Config::default()
        };
        let addr = |number: u8| ([10, 9, 9, 9], number.into()).into();
        calls(&misled(config, addr), |addr| addr.port() <= 8)
    };
    assert_eq!(hits(SharedAddresses::Private), 8 * 3);
    assert_eq!(hits(SharedAddresses::None), 3);
}

#[test]
fn the_user_may_call_an_address_that_is_left_in_peace() {
    let mut lone = misled(Config::default(), |number| silent(9, number.into()));
    let before = calls(&lone, |addr| addr == silent(9, 1));
    lone.node.ping(lone.now, silent(9, 1)).expect("accepted");
    lone.node.join(lone.now, &[silent(9, 1)]).expect("accepted");
    lone.run(seconds(1), |_, _| None);
    assert_eq!(calls(&lone, |addr| addr == silent(9, 1)), before + 2);
}

#[test]
fn forged_newcomers_of_one_prefix_get_twelve_pings_in_a_quarter_of_an_hour() {
    let mut lone = Lone::knowing(0, Config::default());
    for second in 0..800_u32 {
        let [.., high, low] = second.to_be_bytes();
        let addr = silent(low, u16::from(high) + 1);
        lone.hears_query(addr, Id::hash_of(&second.to_be_bytes()), &Query::Ping);
        lone.run(seconds(1), |_, _| None);
    }
    assert_eq!(calls(&lone, |_| true), 12);
}

/// What a lookup of all zeros finds that knows ten nodes in one prefix, and tells of few prefixes.
fn campus(config: Config) -> (usize, usize) {
    let mut lone = Lone::knowing(0, config);
    let neighbours = (1..=10).map(|last| Contact::new(Id::new([last; Id::LEN]), silent(last, 1)));
    for contact in neighbours {
        lone.hears_query(contact.addr, contact.id, &Query::Ping);
    }
    let mut ends = 0;
    for _ in 0..3 {
        lone.node
            .find_node(lone.now, Id::new([0; Id::LEN]))
            .expect("accepted");
        lone.run(seconds(12), |to, query| {
            let id = Id::new([number(to); Id::LEN]);
            Some(says(
                query,
                &Reply {
                    nodes: Some((&[]).into()),
                    token: Some(b"t"),
                    ..Reply::from(id)
                },
            ))
        });
        ends += 1;
    }
    let told = lone
        .events
        .iter()
        .filter(|(_, event)| *event == Event::FewPrefixes);
    let found = lone.events.iter().filter_map(|(_, event)| match event {
        Event::Ended {
            outcome: Outcome::Found(places),
            ..
        } => Some(places.len()),
        _ => None,
    });
    assert_eq!(found.clone().count(), ends);
    (found.max().unwrap_or(0), told.count())
}

#[test]
fn a_campus_in_one_prefix_works_and_is_told_of_once() {
    assert_eq!(campus(Config::default()), (8, 1));
    assert_eq!(
        campus(Config {
            most_of_prefix: None,
            ..Config::default()
        }),
        (8, 0)
    );
}

/// The contact that lies about the surroundings of one target, all zeros. It is closer to that than the
/// eight honest ones.
const LIAR: u8 = 1;

/// Invents contacts that are ever closer to all zeros, in prefixes of their own.
#[derive(Default)]
struct Inventor {
    invented: BTreeMap<SocketAddr, Id>,
}

impl Inventor {
    fn invent(&mut self, count: u32) -> Vec<Contact> {
        let invent = |_| {
            let number = u32::try_from(self.invented.len()).expect("few");
            let mut id = [0; Id::LEN];
            id[2..6].copy_from_slice(&(u32::MAX - number).to_be_bytes());
            let [_, high, middle, low] = number.to_be_bytes();
            let contact = Contact::new(Id::new(id), ([11 + high, middle, low, 1], 9).into());
            self.invented.insert(contact.addr, contact.id);
            contact
        };
        (0..count).map(invent).collect()
    }

    fn id_at(&self, addr: SocketAddr) -> Id {
        let invented = self.invented.get(&addr).copied();
        invented.unwrap_or(contact(number(addr)).id)
    }
}

/// What a node answers that names these, whatever it is asked.
fn names(query: &[u8], id: Id, nodes: &[Contact]) -> Vec<u8> {
    says(
        query,
        &Reply {
            nodes: Some(nodes.into()),
            token: Some(b"t"),
            ..Reply::from(id)
        },
    )
}

fn honest() -> Vec<Contact> {
    (2..=9).map(contact).collect()
}

/// A put of a node that knows eight honest contacts and the liar, each of whose answers, and of those
/// that it invents, names so many: at how many of the six closest honest nodes it stores, and how long
/// it takes.
fn put_beside_a_liar(count: u32, late: fn(SocketAddr) -> Duration) -> (usize, Duration) {
    let mut lone = Lone::knowing(9, Config::default());
    lone.late = late;
    let mut inventor = Inventor::default();
    let value = Value::new(*b"value").expect("short");
    lone.node
        .put(lone.now, Id::new([0; Id::LEN]), value)
        .expect("accepted");
    lone.run(seconds(180), |to, query| {
        let lies = inventor.invented.contains_key(&to) || to == contact(LIAR).addr;
        let nodes = if lies {
            inventor.invent(count)
        } else {
            honest()
        };
        Some(names(query, inventor.id_at(to), &nodes))
    });
    let ended = lone.events.iter().find_map(|(_, event)| match event {
        Event::Ended {
            outcome,
            query_stats,
            ..
        } => Some((outcome.clone(), query_stats.took)),
        _ => None,
    });
    let (outcome, took) = ended.expect("it ended");
    let stored = outcome
        .stored_elsewhere()
        .filter(|place| honest()[..6].contains(place));
    (stored.count(), took)
}

#[test]
fn a_put_beside_an_endless_liar_stores_at_four_of_six_honest_nodes_within_five_seconds() {
    let at_once: fn(SocketAddr) -> Duration = |_| Duration::ZERO;
    let dripping: fn(SocketAddr) -> Duration = |to| {
        let honest = (2..=9).any(|number| contact(number).addr == to);
        Duration::from_millis(if honest { 0 } else { 280 })
    };
    for (count, late) in [(1, at_once), (8, at_once), (1, dripping), (8, dripping)] {
        let (stored, took) = put_beside_a_liar(count, late);
        assert!(stored >= 4, "{stored} of 6 beside {count} names an answer");
        assert!(
            took <= seconds(5),
            "{took:?} beside {count} names an answer"
        );
    }
}

/// The median time of lookups among honest nodes, while others towards all zeros go on.
fn median_beside(attack: bool) -> Duration {
    let limits = Limits {
        max_calls: 64,
        ..Limits::default()
    };
    let mut lone = Lone::knowing(
        LIAR,
        Config {
            limits,
            ..Config::default()
        },
    );
    // Those that the liar invents take their time, and the calls to them with it.
    lone.late = |to| {
        Duration::from_millis(if number(to) == 1 && to != contact(LIAR).addr {
            400
        } else {
            0
        })
    };
    let mut inventor = Inventor::default();
    let target = Id::new([0; Id::LEN]);
    let mut attacked = None;
    let mut took = Vec::new();
    for turn in 0..40 {
        let is_over = |op| {
            lone.events
                .iter()
                .any(|(_, event)| event.ends() == Some(op))
        };
        if attack && attacked.is_none_or(is_over) {
            attacked = Some(lone.node.find_node(lone.now, target).expect("accepted"));
        }
        let op = lone
            .node
            .find_node(lone.now, Id::new([0x10 + turn; Id::LEN]))
            .expect("accepted");
        lone.run(seconds(1), |to, query| {
            let invented = inventor.invented.contains_key(&to);
            let lies = invented || to == contact(LIAR).addr && about(query) == target;
            let nodes = if lies { inventor.invent(32) } else { honest() };
            Some(names(query, inventor.id_at(to), &nodes))
        });
        took.extend(lone.events.iter().find_map(|(_, event)| match event {
            Event::Ended {
                op: ended,
                query_stats,
                ..
            } if *ended == op => Some(query_stats.took),
            _ => None,
        }));
    }
    assert_eq!(took.len(), 40, "a lookup is held up for a second");
    took.sort_unstable();
    took[20]
}

#[test]
fn a_lookup_under_attack_does_not_hold_up_others() {
    let (quiet, attacked) = (median_beside(false), median_beside(true));
    assert!(
        attacked * 2 <= quiet * 3,
        "{attacked:?} instead of {quiet:?}"
    );
}
