//! One node, and everyone whom it asks: played by the test, datagram by datagram.
// Each test file uses its own part of it, and a story is about one kind of thing.
#![allow(dead_code, clippy::wildcard_enum_match_arm)]

use std::net::SocketAddr;

use khashmir::wire::{Dialect, Message, Reply};
use khashmir::{
    Config, Contact, Event, Id, Instant, Node, Outcome, QueryStats, Seed, Snapshot, Transmit,
};

use crate::net::{self, addr, is_query, seconds};
use crate::written::written;

/// A node and what it is asked: everyone else is played by the test.
pub(crate) struct Victim {
    pub(crate) node: Node,
    pub(crate) now: Instant,
}

/// A query that the victim sent.
pub(crate) struct Asked {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Asked {
    pub(crate) fn tid(&self) -> &[u8] {
        match net::message(&self.bytes) {
            Message::Query { tid, .. } => tid,
            other => panic!("not a query: {other:?}"),
        }
    }
}

pub(crate) fn contact(number: u8) -> Contact {
    Contact::new(Id::new([number; 20]), addr(number))
}

/// Whose address it is.
pub(crate) fn number_of(addr: SocketAddr) -> u8 {
    match addr {
        SocketAddr::V4(addr) => addr.ip().octets()[3],
        SocketAddr::V6(addr) => panic!("{addr} is nobody's"),
    }
}

impl Victim {
    /// A node that knows contacts 1 to `count`.
    pub(crate) fn knowing(count: u8, config: Config) -> Self {
        let mut snapshot = Snapshot::new(Id::new([0xee; 20]));
        for number in 1..=count {
            snapshot.add_contact(contact(number), seconds(1));
        }
        let now = Instant::ORIGIN;
        let node = Node::restore(config, snapshot, seconds(0), Seed::from_number(1), now);
        Self {
            node: node.expect("works"),
            now,
        }
    }

    pub(crate) fn asked(&mut self) -> Vec<Asked> {
        let mut bytes = Vec::new();
        let mut asked = Vec::new();
        while let Some(Transmit { to, .. }) = self.node.poll_transmit(&mut bytes) {
            if is_query(&bytes) {
                asked.push(Asked {
                    to,
                    bytes: bytes.clone(),
                });
            }
        }
        asked
    }

    pub(crate) fn hears(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.node.handle_datagram(self.now, from, None, bytes);
    }

    pub(crate) fn hears_reply(&mut self, asked: &Asked, reply: &Reply<'_>) {
        let bytes = written(|out| Dialect::Khashmir.encode_reply(asked.tid(), reply, out));
        self.hears(asked.to, &bytes);
    }

    /// Lets time pass until the command that runs has ended.
    pub(crate) fn end(&mut self) -> (Outcome, QueryStats) {
        loop {
            while let Some(event) = self.node.poll_event() {
                if let Event::Ended {
                    outcome,
                    query_stats,
                    ..
                } = event
                {
                    return (outcome, query_stats);
                }
            }
            self.now = self.node.poll_timeout().expect("something is due");
            self.node.handle_timeout(self.now);
            self.asked();
        }
    }
}
