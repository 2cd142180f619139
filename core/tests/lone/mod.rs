//! One node whose contacts are all played by the test.
// Each test file uses its own part of it.
#![allow(dead_code, clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Method, Query, Reply};
use khashmir::{Config, Contact, Event, Id, Instant, Node, Seed, Snapshot, Transmit};

use crate::net::{addr, asks, message, seconds};
use crate::written::written;

/// The node, and what it sent.
pub(crate) struct Lone {
    pub(crate) node: Node,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<Sent>,
    /// What it told, and when.
    pub(crate) events: Vec<(Instant, Event)>,
    /// How long a store takes those who answer.
    pub(crate) store_time: Duration,
    /// How much longer the answer of an address takes.
    pub(crate) late: fn(SocketAddr) -> Duration,
    /// Answers on their way to it.
    answers: BTreeMap<(Instant, usize), (SocketAddr, Vec<u8>)>,
}

/// A query that it sent.
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) to: SocketAddr,
    /// The local address that it leaves from.
    pub(crate) from: Option<IpAddr>,
    pub(crate) bytes: Vec<u8>,
}

/// Contact `number`, which is at 10.0.0.`number`.
pub(crate) fn contact(number: u8) -> Contact {
    Contact::new(Id::new([number; 20]), addr(number))
}

/// The number of the contact at that address.
pub(crate) fn number(addr: SocketAddr) -> u8 {
    match addr {
        SocketAddr::V4(addr) => addr.ip().octets()[3],
        SocketAddr::V6(_) => 0,
    }
}

pub(crate) fn tid(query: &[u8]) -> Vec<u8> {
    match message(query) {
        Message::Query { tid, .. } => tid.to_vec(),
        other => panic!("not a query: {other:?}"),
    }
}

/// As whom a query is asked.
pub(crate) fn sender(query: &[u8]) -> Id {
    match message(query) {
        Message::Query { sender, .. } => sender,
        other => panic!("not a query: {other:?}"),
    }
}

/// A reply to a query.
pub(crate) fn says(query: &[u8], reply: &Reply<'_>) -> Vec<u8> {
    written(|out| Dialect::Khashmir.encode_reply(&tid(query), reply, out))
}

/// An error in answer to a query.
pub(crate) fn refuses(query: &[u8], code: i64, text: &[u8]) -> Vec<u8> {
    written(|out| Dialect::Khashmir.encode_error(&tid(query), code, text, out))
}

impl Lone {
    /// How long an answer takes.
    const ROUND_TRIP: Duration = Duration::from_millis(20);

    /// A node that knows contacts 1 to `count`, which answered a second ago.
    pub(crate) fn knowing(count: u8, config: Config) -> Self {
        let mut snapshot = Snapshot::new(Id::new([0xee; 20]));
        for number in 1..=count {
            snapshot.add_contact(contact(number), seconds(1));
        }
        let (seed, now) = (Seed::from_number(1), Instant::ORIGIN);
        let node = Node::restore(config, snapshot, Duration::ZERO, seed, now);
        Self {
            node: node.expect("settings that work"),
            now,
            sent: Vec::new(),
            events: Vec::new(),
            store_time: Duration::ZERO,
            late: |_| Duration::ZERO,
            answers: BTreeMap::new(),
        }
    }

    /// Lets so much time go by; `world` gives the answer to each query, if there is one.
    pub(crate) fn run(
        &mut self,
        time: Duration,
        mut world: impl FnMut(SocketAddr, &[u8]) -> Option<Vec<u8>>,
    ) {
        let end = self.now + time;
        loop {
            self.poll(&mut world);
            let arrival = self.answers.first_key_value().map(|((at, _), _)| *at);
            let due = self.node.poll_timeout();
            let Some(next) = arrival.into_iter().chain(due).min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if arrival == Some(next)
                && let Some((_, (from, bytes))) = self.answers.pop_first()
            {
                self.node.handle_datagram(self.now, from, None, &bytes);
            } else {
                self.node.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    /// Hands it a query of somebody.
    pub(crate) fn hears_query(&mut self, from: SocketAddr, sender: Id, query: &Query<'_>) {
        self.hears_query_at(None, Contact::new(sender, from), query);
    }

    /// The same, with the local address that the query came in at.
    pub(crate) fn hears_query_at(
        &mut self,
        local: Option<IpAddr>,
        Contact { id, addr }: Contact,
        query: &Query<'_>,
    ) {
        let bytes = written(|out| Dialect::Khashmir.encode_query(&[9; 20], &id, query, out));
        self.node.handle_datagram(self.now, addr, local, &bytes);
    }

    /// At which seconds a query was sent to that address.
    pub(crate) fn times_asked(&self, addr: SocketAddr) -> Vec<u64> {
        let sent = self.sent.iter().filter(|sent| sent.to == addr);
        sent.map(|sent| sent.at.as_nanos() / 1_000_000_000)
            .collect()
    }

    fn poll(&mut self, world: &mut impl FnMut(SocketAddr, &[u8]) -> Option<Vec<u8>>) {
        let mut bytes = Vec::new();
        while let Some(Transmit { to, from }) = self.node.poll_transmit(&mut bytes) {
            if !matches!(message(&bytes), Message::Query { .. }) {
                continue;
            }
            if let Some(answer) = world(to, &bytes) {
                let store = asks(&bytes, Method::StoreValue);
                let busy = if store {
                    self.store_time
                } else {
                    Duration::ZERO
                };
                let at = self.now + Self::ROUND_TRIP + busy + (self.late)(to);
                let at = (at, self.sent.len());
                self.answers.insert(at, (to, answer));
            }
            let (at, bytes) = (self.now, bytes.clone());
            self.sent.push(Sent {
                at,
                to,
                from,
                bytes,
            });
        }
        while let Some(event) = self.node.poll_event() {
            self.events.push((self.now, event));
        }
    }
}
