//! Stories of the socket: which address an answer leaves from, and which datagrams are not ours.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod lone;
mod net;
mod written;

use std::net::IpAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Query};
use khashmir::{Command, Config, Contact, Instant, Node, Seed, Taken, Transmit};
use lone::{Lone, contact};
use net::{addr, is_query, key, seconds};
use written::written;

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let now = Instant::ORIGIN;
    let mut node = Node::new(Config::default(), Seed::from_number(1), now).expect("good settings");
    let query = written(|out| {
        Dialect::Khashmir.encode_query(&[7; 20], &key("asker"), &Query::Ping, out);
    });
    let mut answer = Vec::new();
    for local in [Some([10, 9, 0, 2].into()), None] {
        assert_eq!(
            node.handle_datagram(now, addr(9), local, &query),
            Taken::Ours
        );
        let transmit = node.poll_transmit(&mut answer).expect("an answer");
        let expected = Transmit {
            to: addr(9),
            from: local,
        };
        assert_eq!(transmit, expected);
        assert!(!is_query(&answer));
        while node.poll_transmit(&mut answer).is_some() {}
    }
}

/// One of our addresses.
fn local(last: u8) -> Option<IpAddr> {
    Some([10, 9, 0, last].into())
}

/// From where the queries to that contact left, in order.
fn left_from(lone: &Lone, to: Contact) -> Vec<Option<IpAddr>> {
    let queries = lone.sent.iter().filter(|sent| sent.to == to.addr);
    queries.map(|sent| sent.from).collect()
}

#[test]
fn the_ping_to_a_newcomer_leaves_from_the_address_that_it_asked_and_so_when_sent_again() {
    let mut lone = Lone::knowing(1, Config::default());
    for (number, local) in [(2, local(2)), (3, local(3)), (4, None)] {
        lone.hears_query_at(local, contact(number), &Query::Ping);
        lone.run(Duration::ZERO, |_, _| None);
        assert_eq!(left_from(&lone, contact(number)), [local]);
    }
    lone.node.handle_sleep(lone.now, seconds(60));
    lone.run(seconds(1), |_, _| None);
    for (number, local) in [(2, local(2)), (3, local(3)), (4, None)] {
        assert_eq!(left_from(&lone, contact(number)), [local, local]);
    }
}

#[test]
fn a_newcomer_is_remembered_with_the_address_that_it_asked_until_it_is_its_turn() {
    let (claimant, config) = (Contact::new(contact(1).id, addr(9)), Config::default());
    let mut lone = Lone::knowing(1, config);
    lone.hears_query_at(local(2), claimant, &Query::Ping);
    // The one that has the identifier does not answer, so the claimant is asked.
    lone.run(seconds(20), |_, _| None);
    assert_eq!(left_from(&lone, claimant), [local(2)]);
    let holder = left_from(&lone, contact(1));
    assert!(!holder.is_empty() && holder.iter().all(Option::is_none));
}

#[test]
fn a_candidate_is_asked_from_the_address_that_it_asked_when_a_place_is_free() {
    let config = Config::default();
    let k = u8::try_from(config.k).expect("a small number");
    let mut lone = Lone::knowing(k + 1, config);
    let candidate = contact(k + 2);
    lone.hears_query_at(local(2), candidate, &Query::Ping);
    lone.run(Duration::ZERO, |_, _| None);
    assert_eq!(left_from(&lone, candidate), []);
    // Contacts that do not answer lose their places.
    for _ in 0..4 {
        let find = Command::FindClose;
        lone.node.start(lone.now, find).expect("a place for it");
        lone.run(seconds(30), |_, _| None);
    }
    assert_eq!(left_from(&lone, candidate), [local(2)]);
}

#[test]
fn a_node_that_left_its_network_forgets_which_of_its_addresses_were_asked() {
    let mut lone = Lone::knowing(1, Config::default());
    lone.hears_query_at(local(2), contact(2), &Query::Ping);
    lone.node.leave(lone.now);
    let join = lone.node.join(lone.now, &[addr(1)]);
    join.expect("it may come back");
    lone.hears_query_at(None, contact(2), &Query::Ping);
    lone.run(Duration::ZERO, |_, _| None);
    assert_eq!(left_from(&lone, contact(2)), [local(2), None]);
}

#[test]
fn what_a_node_asks_of_itself_leaves_from_where_the_system_chooses() {
    let mut lone = Lone::knowing(1, Config::default());
    for stranger in [contact(1), contact(2)] {
        lone.hears_query_at(local(2), stranger, &Query::Ping);
        let ping = Command::Ping {
            addr: stranger.addr,
        };
        lone.node.start(lone.now, ping).expect("a place for it");
    }
    lone.run(Duration::ZERO, |_, _| None);
    assert_eq!(left_from(&lone, contact(1)), [None]);
    assert_eq!(left_from(&lone, contact(2)), [local(2), None]);
}

#[test]
fn a_node_says_which_datagrams_are_not_of_its_protocol() {
    let now = Instant::ORIGIN;
    let mut node = Node::new(Config::default(), Seed::from_number(1), now).expect("good settings");
    let unasked = written(|out| {
        Dialect::Khashmir.encode_reply(&[7; 20], &khashmir::wire::Reply::from(key("x")), out);
    });
    let mut taken = |datagram: &[u8]| node.handle_datagram(now, addr(9), None, datagram);
    assert_eq!(taken(&unasked), Taken::Ours);
    assert_eq!(taken(b"\x16\x03\x01 not bencode"), Taken::NotOurs);
    assert_eq!(taken(b""), Taken::NotOurs);
    node.leave(now);
    assert_eq!(
        node.handle_datagram(now, addr(9), None, &unasked),
        Taken::NotOurs
    );
}
