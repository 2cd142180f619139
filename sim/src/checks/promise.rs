//! What a host promises when it acknowledges a store: that the asker had a token, that the value is
//! on disk, and that it outlives a crash.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Query};
use khashmir::{Id, Instant, Journal, Record, RecordNo};

use super::{Check, Finding};
use crate::world::{Fact, Machine, When};

type Stored = (Id, Vec<u8>);

/// What a host was asked, has issued and has promised.
#[derive(Default)]
pub(super) struct Promises {
    clock: Lived,
    identity: Option<Id>,
    journal: Option<Journal>,
    /// How long a value lives.
    expiry: Duration,
    /// Tokens by the address to which they were issued, the oldest first.
    tokens: BTreeMap<IpAddr, VecDeque<Vec<u8>>>,
    /// Stores that were asked for and not yet answered, by asker and transaction; of one that was
    /// sent again there are several, the oldest first.
    asked: BTreeMap<(SocketAddr, Vec<u8>), VecDeque<Asked>>,
    /// The latest of them. A node that leaves its network does not answer those that came before.
    latest: Option<(SocketAddr, Vec<u8>)>,
    /// Up to which records are safe.
    durable: Option<RecordNo>,
    /// Values that were acknowledged, and when they expire.
    promised: BTreeMap<Stored, Duration>,
}

struct Asked {
    what: Stored,
    token: Vec<u8>,
    /// The record of the store.
    record: Option<RecordNo>,
}

/// How long a host has lived by its own clock, which may jump: time in which it jumps back does not
/// count.
#[derive(Default)]
struct Lived {
    latest: Option<Instant>,
    lived: Duration,
}

impl Lived {
    fn read(&mut self, reading: Instant) -> Duration {
        let latest = self.latest.unwrap_or(reading);
        self.lived += reading.since(latest);
        self.latest = Some(reading.max(latest));
        self.lived
    }

    /// A machine begins, for which only its own readings count.
    fn restart(&mut self, reading: Instant) {
        self.read(reading);
        self.latest = Some(reading);
    }
}

impl Promises {
    /// Tokens for one address that are kept in mind: they change every few minutes.
    const TOKENS: usize = 64;
    /// Stores that are kept in mind.
    const ASKED: usize = 1024;
    /// Values so close to their end are not missed: clocks are read at different moments.
    const CLOSE: Duration = Duration::from_secs(1);

    pub(super) fn see(&mut self, when: When, fact: Fact<'_>) -> Finding {
        match fact {
            Fact::On(machine) => return self.begin(when, machine),
            Fact::Off(_) => {
                self.asked.clear();
                self.durable = None;
            }
            Fact::Heard { from, bytes } => self.hear(from, bytes),
            Fact::Sent { to, bytes, .. } => {
                let lived = self.clock.read(when.reading);
                return self.answer(to, bytes, lived);
            }
            Fact::Recorded { number, record } => self.record(number, record),
            Fact::Durable { up_to } => self.durable = self.durable.max(Some(up_to)),
            Fact::Clock
            | Fact::Paused
            | Fact::Resumed
            | Fact::Forged { .. }
            | Fact::Woken
            | Fact::Ordered { .. }
            | Fact::Left
            | Fact::Told(_) => {}
        }
        Ok(())
    }

    /// A machine begins: it has to hold what an earlier one of the same identity has promised.
    fn begin(&mut self, when: When, machine: &dyn Machine) -> Finding {
        self.clock.restart(when.reading);
        let lived = self.clock.lived;
        let node = machine.node();
        if self.identity != Some(node.id()) {
            // The secrets behind tokens outlive a machine, as its identity does.
            self.tokens.clear();
        }
        let same = self.identity == Some(node.id()) && self.journal == Some(Journal::On);
        self.identity = Some(node.id());
        self.journal = Some(node.config().journal);
        self.expiry = node.config().expiry;
        if !same {
            self.promised.clear();
            return Ok(());
        }
        let snapshot = node.snapshot(when.reading);
        let held: Vec<_> = snapshot
            .values()
            .map(|saved| (*saved.key, saved.value.as_bytes()))
            .collect();
        self.promised.retain(|_, end| *end > lived + Self::CLOSE);
        let lost = self
            .promised
            .keys()
            .find(|(key, value)| !held.contains(&(*key, &value[..])));
        match lost {
            Some((key, _)) => Err((Check::Value, format!("a value of {key} is gone"))),
            None => Ok(()),
        }
    }

    fn hear(&mut self, from: SocketAddr, bytes: &[u8]) {
        if let Ok(Message::Query {
            tid,
            query: Query::StoreValue { key, token, value },
            ..
        }) = Dialect::Khashmir.decode(bytes)
            && self.asked.len() < Self::ASKED
        {
            let asked = Asked {
                what: (key, value.to_vec()),
                token: token.to_vec(),
                record: None,
            };
            let place = (from, tid.to_vec());
            self.latest = Some(place.clone());
            self.asked.entry(place).or_default().push_back(asked);
        }
    }

    fn answer(&mut self, to: SocketAddr, bytes: &[u8], lived: Duration) -> Finding {
        match Dialect::Khashmir.decode(bytes) {
            Ok(Message::Reply { tid, reply }) => {
                if let Some(token) = reply.token {
                    let issued = self.tokens.entry(to.ip()).or_default();
                    issued.push_back(token.to_vec());
                    if issued.len() > Self::TOKENS {
                        issued.pop_front();
                    }
                }
                match self.take_asked(to, tid) {
                    Some(asked) => self.acknowledge(to, asked, lived),
                    None => Ok(()),
                }
            }
            Ok(Message::Error { tid, .. }) => {
                self.take_asked(to, tid);
                Ok(())
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn take_asked(&mut self, by: SocketAddr, tid: &[u8]) -> Option<Asked> {
        let place = (by, tid.to_vec());
        let same = self.asked.get_mut(&place)?;
        let first = same.pop_front();
        if same.is_empty() {
            self.asked.remove(&place);
        }
        first
    }

    fn acknowledge(&mut self, to: SocketAddr, asked: Asked, lived: Duration) -> Finding {
        let Asked {
            what,
            token,
            record,
        } = asked;
        let issued = self.tokens.get(&to.ip());
        let key = what.0;
        if !issued.is_some_and(|issued| issued.contains(&token)) {
            return Err((Check::Token, format!("stores for {to} without a token")));
        }
        if self.journal == Some(Journal::On) {
            if record.is_none_or(|number| Some(number) > self.durable) {
                let what = format!("a value of {key} is acknowledged to {to} and not safe");
                return Err((Check::Durability, what));
            }
            self.promised.insert(what, lived + self.expiry);
        }
        Ok(())
    }

    fn record(&mut self, number: RecordNo, record: &Record) {
        if let Record::Stored {
            key,
            value,
            evicted,
            ..
        } = record
        {
            self.promised.retain(|(key, _), _| !evicted.contains(key));
            // A node gives its records in the same step in which their store arrived.
            let latest = self
                .latest
                .as_ref()
                .and_then(|at| self.asked.get_mut(at)?.back_mut());
            let cause = latest.filter(|asked| {
                let (asked_key, asked_value) = &asked.what;
                asked.record.is_none() && asked_key == key && asked_value == value.as_bytes()
            });
            if let Some(asked) = cause {
                asked.record = Some(number);
            }
        }
    }
}
