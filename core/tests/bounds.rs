//! Stories of what peers that lie cannot make a node do: to hammer others, to hold up its other work, or
//! to leave a value nowhere.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod lone;
mod net;
mod written;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use khashmir::wire::{Message, Query, Reply};
use khashmir::{Config, Contact, Id, SharedAddresses, SilentAddresses};
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
