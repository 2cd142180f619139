//! Stories of clients that ask and are gone again: what is left of them, and what they ask of others.

mod lone;
mod net;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Method, Query, Reply};
use khashmir::{Command, Config, Contact, Id, Keep, Role};
use lone::{Lone, contact, number, refuses, says, sender};
use net::{Net, addr, asks, is_query, key, seconds, value};
use written::written;

/// How the original treats whoever asks (specification, sections 4 and 12).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// Takes the sender in before it answers, and refuses the null identifier.
    Early,
    /// Answers, and takes the sender in when that answers a ping, which a client does not.
    Late,
}

/// Nodes of the original, numbered from 1, and who is in their tables that should not be.
struct Originals {
    generation: Generation,
    count: u8,
    guests: BTreeMap<SocketAddr, BTreeSet<Id>>,
}

impl Originals {
    fn new(generation: Generation) -> Self {
        Self {
            generation,
            count: 10,
            guests: BTreeMap::new(),
        }
    }

    fn answer(&mut self, to: SocketAddr, query: &[u8]) -> Option<Vec<u8>> {
        let (own, sender) = (contact(number(to)).id, sender(query));
        if !(1..=self.count).contains(&number(to)) {
            return None;
        }
        if self.generation == Generation::Early {
            if sender.is_null() {
                return Some(refuses(query, 201, b""));
            }
            if sender != own {
                self.guests.entry(to).or_default().insert(sender);
            }
        }
        let nodes: Vec<Contact> = (1..=8).map(contact).collect();
        let mut reply = Reply::from(own);
        if asks(query, Method::FindNode) || asks(query, Method::FindValue) {
            reply.nodes = Some((&nodes).into());
            reply.token = Some(b"t");
            reply.num = Some(1);
        }
        let values = [&b"v"[..]];
        if asks(query, Method::GetValue) {
            reply.values = Some((&values).into());
        }
        Some(says(query, &reply))
    }
}

/// A client that meets the first of the originals, and then looks for a key, gets and puts.
fn visit(originals: &mut Originals, mut lost: impl FnMut() -> bool) -> Lone {
    let config = Config {
        role: Role::Client,
        ..Config::default()
    };
    let mut client = Lone::knowing(0, config);
    let now = client.now;
    client.node.add_contact(now, addr(1)).expect("accepted");
    let mut world = |to: SocketAddr, query: &[u8]| {
        let answer = originals.answer(to, query);
        answer.filter(|_| !lost())
    };
    client.run(seconds(20), &mut world);
    assert_eq!(client.node.contacts().count(), 1, "it has met the first");
    for command in [
        Command::FindNode { target: key("a") },
        net::get("a"),
        net::put("a", "v"),
    ] {
        let now = client.now;
        client.node.start(now, command).expect("accepted");
        client.run(seconds(20), &mut world);
    }
    client
}

#[test]
fn a_client_is_left_in_one_table_of_the_early_generation_at_most() {
    let mut originals = Originals::new(Generation::Early);
    let client = visit(&mut originals, || false);
    let own = BTreeSet::from([client.node.id()]);
    assert_eq!(originals.guests, BTreeMap::from([(addr(1), own)]));
    let asked: BTreeSet<_> = client.sent.iter().map(|sent| sent.to).collect();
    assert!(asked.len() >= 8, "it asked the others as well");
}

#[test]
fn a_client_makes_itself_known_to_one_of_several_bootstrap_contacts_of_the_early_generation() {
    for one_by_one in [false, true] {
        let mut originals = Originals::new(Generation::Early);
        let config = Config {
            role: Role::Client,
            ..Config::default()
        };
        let mut client = Lone::knowing(0, config);
        if one_by_one {
            for number in 1..=4 {
                client
                    .node
                    .add_contact(client.now, addr(number))
                    .expect("accepted");
            }
        } else {
            let all: Vec<SocketAddr> = (1..=4).map(addr).collect();
            client.node.join(client.now, &all).expect("accepted");
        }
        client.run(seconds(30), |to, query| originals.answer(to, query));
        assert_eq!(originals.guests.len(), 1);
        assert!(client.node.contacts().count() >= 1);
        client.node.ping(client.now, addr(9)).expect("accepted");
        client.run(seconds(1), |to, query| originals.answer(to, query));
        assert!(
            originals.guests.contains_key(&addr(9)),
            "a ping wants the answer of this one"
        );
    }
}

#[test]
fn a_client_is_left_in_no_table_of_the_late_generation() {
    let mut originals = Originals::new(Generation::Late);
    let client = visit(&mut originals, || false);
    assert!(
        client
            .sent
            .iter()
            .all(|sent| sender(&sent.bytes) != client.node.id())
    );
}

#[test]
fn a_client_sends_again_under_the_identifier_that_it_sent_under_first() {
    let (mut originals, mut count) = (Originals::new(Generation::Early), 0);
    let client = visit(&mut originals, || {
        count += 1;
        count % 3 == 0
    });
    let mut bytes: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for sent in &client.sent {
        let tid = lone::tid(&sent.bytes);
        bytes.entry(tid).or_default().insert(sent.bytes.clone());
    }
    assert!(bytes.len() < client.sent.len(), "some were sent again");
    assert!(bytes.values().all(|bytes| bytes.len() == 1));
    assert_eq!(originals.guests.len(), 1);
}

#[test]
fn a_node_that_serves_asks_under_its_own_identifier() {
    let mut originals = Originals::new(Generation::Late);
    let mut lone = Lone::knowing(3, Config::default());
    lone.node.find_node(lone.now, key("a")).expect("accepted");
    lone.run(seconds(5), |to, query| originals.answer(to, query));
    assert!(
        lone.sent
            .iter()
            .all(|sent| sender(&sent.bytes) == lone.node.id())
    );
}

#[test]
fn a_guest_that_asks_under_our_own_identifier_or_none_is_answered_and_forgotten() {
    let mut net = Net::joined(2, &Config::default());
    for guest in [net.node(1).id(), Id::new([0; 20])] {
        net.forget();
        let token = net.token(addr(9), 1);
        let queries = [
            Query::Ping,
            Query::Join,
            Query::FindNode { target: key("k") },
            Query::FindValue { key: key("k") },
            Query::GetValue {
                key: key("k"),
                num: 0,
            },
            Query::StoreValue {
                key: key("k"),
                token: &token,
                value: b"v",
            },
        ];
        net.forget();
        for query in &queries {
            let tid = [7; 20];
            let bytes = written(|out| Dialect::Khashmir.encode_query(&tid, &guest, query, out));
            net.send(addr(99), 1, &bytes);
            // A write token is for the address that it was given to.
            net.send(addr(9), 1, &bytes);
        }
        net.run(seconds(5));
        let to_guest: Vec<_> = net.log.iter().filter(|f| f.to == addr(99)).collect();
        assert_eq!(to_guest.len(), queries.len());
        assert!(
            to_guest.iter().all(|f| !is_query(&f.bytes)),
            "nothing is probed"
        );
        let stored = net.log.iter().filter(|f| f.to == addr(9));
        assert_eq!(stored.filter(|f| is_reply(&f.bytes)).count(), queries.len());
        assert_eq!(net.contacts(1), BTreeSet::from([addr(2)]));
    }
}

fn is_reply(bytes: &[u8]) -> bool {
    matches!(net::message(bytes), khashmir::wire::Message::Reply { .. })
}

#[test]
fn stores_that_take_long_are_executed_once() {
    for millis in [50, 300, 1500] {
        let mut originals = Originals::new(Generation::Late);
        let mut lone = Lone::knowing(8, Config::default());
        // The network is quick, and known to be.
        for target in ["a", "b", "c"] {
            lone.node
                .find_node(lone.now, key(target))
                .expect("accepted");
            lone.run(seconds(20), |to, query| originals.answer(to, query));
        }
        lone.store_time = Duration::from_millis(millis);
        let put = Command::Put {
            key: key("k"),
            value: value("v"),
            keep: Keep::Once,
        };
        lone.node.start(lone.now, put).expect("accepted");
        lone.run(seconds(20), |to, query| originals.answer(to, query));
        let stores = lone
            .sent
            .iter()
            .filter(|sent| asks(&sent.bytes, Method::StoreValue));
        let stored_at: Vec<_> = stores.map(|sent| sent.to).collect();
        let once: BTreeSet<_> = stored_at.iter().copied().collect();
        assert_eq!(stored_at.len(), once.len(), "{millis} ms: {stored_at:?}");
        assert!(once.len() >= 5, "{stored_at:?}");
    }
}
