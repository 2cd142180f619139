//! One node, and everyone whom it asks: played by the test, datagram by datagram.
// Each test file uses its own part of it, and a story is about one kind of thing.
#![allow(dead_code, clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Method, Query, Reply};
use khashmir::{
    Config, Contact, Event, Id, Instant, Node, Outcome, QueryStats, Seed, Snapshot, Transmit,
};

use crate::net::{self, addr, is_query, seconds};
use crate::written::written;

/// A node and what it is asked: everyone else is played by the test.
pub(crate) struct Victim {
    pub(crate) node: Node,
    pub(crate) now: Instant,
    /// Answers on their way to it, by when they arrive.
    flying: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    answers: u64,
}

/// A query that the victim sent.
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Asked {
    pub(crate) fn query(&self) -> (&[u8], Query<'_>) {
        match net::message(&self.bytes) {
            Message::Query { tid, query, .. } => (tid, query),
            other => panic!("not a query: {other:?}"),
        }
    }

    pub(crate) fn tid(&self) -> &[u8] {
        self.query().0
    }

    pub(crate) fn method(&self) -> Method {
        self.query().1.method()
    }

    /// The datagram with this reply to it.
    pub(crate) fn reply(&self, reply: &Reply<'_>) -> Vec<u8> {
        written(|out| Dialect::Khashmir.encode_reply(self.tid(), reply, out))
    }

    /// What an honest node of that identity answers that knows these contacts and has no values.
    pub(crate) fn honest_reply(&self, id: Id, known: &[Contact]) -> Vec<u8> {
        let plain = Reply::from(id);
        let (nodes, token) = (Some(known.into()), Some(&b"token"[..]));
        self.reply(&match self.method() {
            Method::Ping | Method::StoreValue => plain,
            Method::Join => Reply {
                seen_as: Some(addr(0xee)),
                ..plain
            },
            Method::FindNode => Reply {
                nodes,
                token,
                ..plain
            },
            Method::FindValue => Reply {
                nodes,
                num: Some(0),
                ..plain
            },
            Method::GetValue => Reply {
                values: Some((&[]).into()),
                ..plain
            },
        })
    }
}

/// The identity of the victim.
pub(crate) fn own() -> Id {
    Id::new([0xee; 20])
}

pub(crate) fn contact(number: u8) -> Contact {
    Contact::new(Id::new([number; 20]), addr(number))
}

/// A contact that shares exactly so many leading bits with the victim's identity.
pub(crate) fn sharing(bits: usize, number: u8) -> Contact {
    let mut bytes = *own().as_bytes();
    bytes[bits / 8] ^= 0x80 >> (bits % 8);
    bytes[19] ^= number;
    let [high, low] = u16::try_from(bits).expect("few bits").to_be_bytes();
    Contact::new(Id::new(bytes), ([10, 1 + high, low, number], 9977).into())
}

/// Whose address it is.
pub(crate) fn number_of(addr: SocketAddr) -> u8 {
    match addr {
        SocketAddr::V4(addr) => addr.ip().octets()[3],
        SocketAddr::V6(addr) => panic!("{addr} is nobody's"),
    }
}

impl Victim {
    /// How long an answer takes in [`play`](Self::play).
    pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);

    /// A node that knows contacts 1 to `count`.
    pub(crate) fn knowing(count: u8, config: Config) -> Self {
        let mut snapshot = Snapshot::new(own());
        for number in 1..=count {
            snapshot.add_contact(contact(number), seconds(1));
        }
        Self::restored(snapshot, config)
    }

    /// A node that comes back to what a snapshot says, at once.
    pub(crate) fn restored(snapshot: Snapshot, config: Config) -> Self {
        let now = Instant::ORIGIN;
        let node = Node::restore(config, snapshot, seconds(0), Seed::from_number(1), now);
        Self {
            node: node.expect("works"),
            now,
            flying: BTreeMap::new(),
            answers: 0,
        }
    }

    pub(crate) fn asked(&mut self) -> Vec<Asked> {
        let mut bytes = Vec::new();
        let mut asked = Vec::new();
        while let Some(Transmit { to, .. }) = self.node.poll_transmit(&mut bytes) {
            if is_query(&bytes) {
                asked.push(Asked {
                    at: self.now,
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

    pub(crate) fn hears_query(&mut self, sender: Contact, query: &Query<'_>) {
        let tid = [7; 20];
        let query = written(|out| Dialect::Khashmir.encode_query(&tid, &sender.id, query, out));
        self.hears(sender.addr, &query);
    }

    pub(crate) fn hears_reply(&mut self, asked: &Asked, reply: &Reply<'_>) {
        self.hears(asked.to, &asked.reply(reply));
    }

    /// Goes on to the next thing that falls due, which has to be by `limit`; gives what is asked.
    pub(crate) fn next_asked(&mut self, limit: Instant) -> Vec<Asked> {
        let due = self.node.poll_timeout().filter(|at| *at <= limit);
        self.now = due.expect("it should have happened by now");
        self.node.handle_timeout(self.now);
        self.asked()
    }

    /// Lets time pass until the command that runs has ended, though nobody answers.
    pub(crate) fn end(&mut self) -> (Outcome, QueryStats) {
        let limit = self.now + self.node.config().longest_operation();
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            self.next_asked(limit);
        }
    }

    /// The end of a command, if one has come to it.
    pub(crate) fn ended(&mut self) -> Option<(Outcome, QueryStats)> {
        std::iter::from_fn(|| self.node.poll_event()).find_map(|event| match event {
            Event::Ended {
                outcome,
                query_stats,
                ..
            } => Some((outcome, query_stats)),
            _ => None,
        })
    }

    /// Plays everyone else for so long: `others` gives what each query is answered with, if it is.
    pub(crate) fn play(
        &mut self,
        time: Duration,
        mut others: impl FnMut(&Asked) -> Option<Vec<u8>>,
    ) {
        let end = self.now + time;
        loop {
            for asked in self.asked() {
                if let Some(answer) = others(&asked) {
                    self.answers += 1;
                    let arrives = (self.now + Self::ROUND_TRIP, self.answers);
                    self.flying.insert(arrives, (asked.to, answer));
                }
            }
            let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
            let due = self.node.poll_timeout();
            let next = arrival.into_iter().chain(due).min();
            let Some(next) = next.filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if arrival.is_some_and(|at| at <= self.now) {
                let (_, (from, answer)) = self.flying.pop_first().expect("it is there");
                self.hears(from, &answer);
            } else {
                self.node.handle_timeout(self.now);
            }
        }
        self.now = end;
    }
}
