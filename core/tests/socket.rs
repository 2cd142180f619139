//! Stories of the socket: which address an answer leaves from, and which datagrams are not ours.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod written;

use khashmir::wire::{Dialect, Query};
use khashmir::{Config, Instant, Node, Seed, Taken, Transmit};
use net::{addr, is_query, key};
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
