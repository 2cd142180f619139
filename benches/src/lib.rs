//! What the benchmarks work on: one message of each kind, and nodes that know and store something.
#![forbid(unsafe_code)]

pub mod bep5;
pub mod convergence;
pub mod curve;
pub mod load;
pub mod memory;
pub mod oracle;
pub mod peers;
pub mod servers;

use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Encoded, Fault, Message, Method, Query, Reply};
use khashmir::{Config, Contact, Id, Instant, Node, Seed, Snapshot, Value};

/// The only moment of a benchmark.
pub const NOW: Instant = Instant::ORIGIN;

/// The dialect that is spoken.
pub const DIALECT: Dialect = Dialect::Khashmir;

/// The transaction id of every message.
pub const TID: [u8; 20] = [0x5a; 20];

/// A write token as long as those of a real node.
const TOKEN: &[u8] = &[0x7b; 20];

/// A value as long as the hash and the short text that applications like to store.
const VALUE: &[u8] = &[0x61; 100];

/// The key of all values.
#[must_use]
pub fn key() -> Id {
    Id::hash_of(b"key")
}

/// Some other node, told apart by a number.
#[must_use]
pub fn stranger(number: u16) -> Contact {
    let [high, low] = number.to_be_bytes();
    Contact::new(
        Id::hash_of(&[b's', high, low]),
        SocketAddr::from(([10, 1, high, low], 9977)),
    )
}

/// A query of each method. The token is not one that a node would accept.
#[must_use]
pub fn queries() -> [Query<'static>; 6] {
    [
        Query::Ping,
        Query::Join,
        Query::FindNode { target: key() },
        Query::FindValue { key: key() },
        Query::GetValue { key: key(), num: 0 },
        Query::StoreValue {
            key: key(),
            token: TOKEN,
            value: VALUE,
        },
    ]
}

/// The contacts that an answer names.
#[must_use]
pub fn nodes() -> [Contact; 8] {
    [1, 2, 3, 4, 5, 6, 7, 8].map(stranger)
}

/// An answer to each method, as full as it usually is: these contacts, ten values.
#[must_use]
pub fn replies(nodes: &[Contact; 8]) -> [(&'static str, Reply<'_>); 6] {
    let reply = Reply::from(stranger(0).id);
    let nodes = Some(nodes.into());
    [
        ("ping", reply),
        (
            "join",
            Reply {
                seen_as: Some(stranger(1).addr),
                ..reply
            },
        ),
        (
            "find_node",
            Reply {
                nodes,
                token: Some(TOKEN),
                ..reply
            },
        ),
        (
            "find_value",
            Reply {
                nodes,
                num: Some(10),
                ..reply
            },
        ),
        (
            "get_value",
            Reply {
                values: Some((&[VALUE; 10]).into()),
                ..reply
            },
        ),
        ("store_value", reply),
    ]
}

/// A message of each kind, its name first.
#[must_use]
pub fn kinds() -> Vec<(String, Vec<u8>)> {
    let sender = stranger(0).id;
    let query = |query: Query<'_>| {
        let datagram = written(|out| DIALECT.encode_query(&TID, &sender, &query, out));
        (format!("query/{}", query.method()), datagram)
    };
    let mut kinds: Vec<_> = queries().map(query).into();
    for (method, reply) in replies(&nodes()) {
        let datagram = written(|out| DIALECT.encode_reply(&TID, &reply, out));
        kinds.push((format!("reply/{method}"), datagram));
    }
    let datagram = written(|out| DIALECT.encode_fault(&TID, &FAULT, out));
    kinds.push(("error".to_owned(), datagram));
    kinds
}

/// The fault of every error.
pub const FAULT: Fault<'_> = Fault::BadToken;

/// Writes a message anew that was one of [`kinds`].
///
/// # Panics
/// When it was not.
pub fn write(message: &Message<'_>, out: &mut Vec<u8>) {
    let encoded = match message {
        Message::Query { tid, sender, query } => {
            DIALECT.encode_query(tid, sender, query, out);
            return;
        }
        Message::Reply { tid, reply } => DIALECT.encode_reply(tid, reply, out),
        Message::Error { tid, .. } => DIALECT.encode_fault(tid, &FAULT, out),
        other @ (Message::Broken { .. }
        | Message::UnknownMethod { .. }
        | Message::WrongArguments { .. }) => panic!("no kind of ours: {other:?}"),
    };
    assert_eq!(encoded, Encoded::Whole, "it fits");
}

/// What `write` writes, in a buffer of its own.
pub fn written<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

/// A node that knows that many others, eight in each bucket as far as they reach, and stores ten
/// values under [`key`].
///
/// # Panics
/// When its table has no room for them.
#[must_use]
pub fn loaded(contacts: usize) -> Node {
    let own = Id::hash_of(b"own");
    let config = Config::default();
    let mut snapshot = Snapshot::new(own);
    for number in 0..contacts {
        let contact = Contact::new(
            sharing(&own, number / config.k, number),
            stranger(u16::try_from(number).expect("few contacts")).addr,
        );
        snapshot.add_contact(contact, Duration::ZERO);
    }
    for number in 0..10 {
        let mut bytes = VALUE.to_vec();
        bytes[0] = number;
        let value = Value::new(bytes).expect("short");
        snapshot.add_value(key(), value, config.expiry);
    }
    let node = Node::restore(config, snapshot, Duration::ZERO, Seed::from_number(1), NOW)
        .expect("a preset works");
    assert_eq!(node.contacts().count(), contacts, "all of them have room");
    node
}

/// An id whose first `bits` bits are those of `own`, and the next one not.
///
/// # Panics
/// When there are not so many bits.
#[must_use]
pub fn sharing(own: &Id, bits: usize, number: usize) -> Id {
    let mut bytes = *Id::hash_of(&number.to_be_bytes()).as_bytes();
    let own = own.as_bytes();
    let (whole, rest) = (bits / 8, bits % 8);
    bytes[..whole].copy_from_slice(&own[..whole]);
    let (shared, flipped) = (!(0xff_u8 >> rest), 0x80 >> rest);
    bytes[whole] &= !(shared | flipped);
    bytes[whole] |= own[whole] & shared | !own[whole] & flipped;
    Id::new(bytes)
}

/// Sends a node a query, and takes out its answer.
///
/// # Panics
/// When there is none.
pub fn ask(node: &mut Node, from: &Contact, query: &[u8], answer: &mut Vec<u8>) {
    node.handle_datagram(NOW, from.addr, None, query);
    let transmit = node.poll_transmit(answer);
    assert_eq!(
        transmit.map(|transmit| transmit.to),
        Some(from.addr),
        "an answer"
    );
}

/// A token with which a contact may store at a node.
///
/// # Panics
/// When the node gives none.
pub fn token(node: &mut Node, from: &Contact) -> Vec<u8> {
    let query = Query::FindNode { target: key() };
    let query = written(|out| DIALECT.encode_query(&TID, &from.id, &query, out));
    let mut answer = Vec::new();
    ask(node, from, &query, &mut answer);
    match DIALECT.decode(&answer) {
        Ok(Message::Reply { reply, .. }) => reply.token.expect("find_node brings one").to_vec(),
        other => panic!("not a reply: {other:?}"),
    }
}

/// A query of each method as a datagram, with arguments that the node accepts from this contact.
///
/// # Panics
/// When the node gives no token.
#[must_use]
pub fn answerable(node: &mut Node, from: &Contact) -> [(Method, Vec<u8>); 6] {
    let token = token(node, from);
    queries().map(|query| {
        let method = query.method();
        let query = match query {
            Query::StoreValue { key, value, .. } => Query::StoreValue {
                key,
                token: &token,
                value,
            },
            other @ (Query::Ping
            | Query::Join
            | Query::FindNode { .. }
            | Query::FindValue { .. }
            | Query::GetValue { .. }) => other,
        };
        let datagram = written(|out| DIALECT.encode_query(&TID, &from.id, &query, out));
        (method, datagram)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_share_as_many_bits_as_asked_for() {
        let own = Id::hash_of(b"own");
        for bits in 0..Id::BITS {
            assert_eq!(own.common_prefix(&sharing(&own, bits, bits)), bits);
        }
    }

    #[test]
    fn a_loaded_node_answers_and_trusts_its_token() {
        let mut node = loaded(50);
        let asker = node.contacts().next().expect("50");
        let mut answer = Vec::new();
        for (method, datagram) in answerable(&mut node, &asker) {
            ask(&mut node, &asker, &datagram, &mut answer);
            let answer = DIALECT.decode(&answer);
            assert!(
                matches!(answer, Ok(Message::Reply { .. })),
                "{method}: {answer:?}"
            );
        }
        assert_eq!(node.status(NOW).values, 11);
    }
}
