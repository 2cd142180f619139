//! The datagrams between a node and its peers: each query is answered once, each call sent again
//! only so often, and what was neither sent nor counted as dropped waits for a record.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

use khashmir::wire::{Dialect, MAX_DATAGRAM, Message, Method, Query, TID_LEN};
use khashmir::{Config, DropCause, Id, Journal, Role, Stats, TransactionIds, Value};

use crate::answers::{Call, Written};
use crate::coverage::Coverage;
use crate::world::{can_write, canonical, own_addr, own_id};

/// What went in and came out.
#[derive(Default)]
pub(crate) struct Datagrams {
    /// Calls that wait for an answer, as far as we know.
    calls: Vec<Call>,
    /// What was sent under each transaction id of the node's.
    sent: BTreeMap<Vec<u8>, Sent>,
    /// How often the machine slept.
    sleeps: usize,
    /// Answers that the node owes, by who asked and under which transaction id.
    owed: BTreeMap<(SocketAddr, Vec<u8>), Vec<Owed>>,
    /// Answers that it owed ever since.
    answers: u64,
    tokens: Vec<Written>,
    recent: Vec<Written>,
    /// Whom the node asked under the null identifier.
    asked_by_nobody: BTreeSet<SocketAddr>,
}

struct Sent {
    written: Written,
    times: usize,
    times_since_drained: usize,
}

/// What an answer is owed for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owed {
    Plain,
    Store(Id, Value),
    /// Two different queries came from there under one transaction id.
    Unclear,
}

const DIALECT: Dialect = Dialect::Khashmir;

impl Datagrams {
    /// Calls and datagrams that are remembered to be answered or sent again.
    const MEMORY: usize = 200;
    /// Sends of one call: all presets send at most this often.
    const MOST_SENDS: usize = 5;

    /// Takes in what is about to be given to the node. `answering` is whether it answers queries, and
    /// `ids` under which transaction ids.
    pub(crate) fn given(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        answering: bool,
        ids: TransactionIds,
    ) {
        remember(&mut self.recent, (from, datagram.to_vec()));
        let (tid, owed) = match DIALECT.decode(datagram) {
            Ok(Message::Query { tid, query, .. }) => (tid, Owed::by(&query)),
            Ok(Message::WrongArguments { tid, .. } | Message::UnknownMethod { tid, .. }) => {
                (tid, Owed::Plain)
            }
            Ok(Message::Reply { .. } | Message::Error { .. } | Message::Broken { .. }) | Err(_) => {
                return;
            }
        };
        let right_length = ids == TransactionIds::AnyLength || tid.len() == TID_LEN;
        if answering && right_length && can_write(from) {
            self.answers += 1;
            let all = self
                .owed
                .entry((canonical(from), tid.to_vec()))
                .or_default();
            all.push(owed);
            if all.iter().any(|other| *other != all[0]) {
                all.fill(Owed::Unclear);
            }
        }
    }

    /// Takes in what the node sends. Gives what it acknowledges to have stored.
    pub(crate) fn taken(
        &mut self,
        to: SocketAddr,
        datagram: &[u8],
        role: Role,
        coverage: &mut Coverage,
    ) -> Option<(Id, Value)> {
        let message = DIALECT.decode(datagram).expect("a good datagram");
        match message {
            Message::Query { tid, sender, query } => {
                assert_eq!(tid.len(), TID_LEN);
                self.asked_as(to, sender, role, coverage);
                assert!(can_write(to) && to != own_addr(), "asks {to}");
                self.asked(to, tid, query.method(), datagram, coverage);
                None
            }
            Message::Reply { tid, reply } => {
                assert!(datagram.len() <= MAX_DATAGRAM);
                if let Some(token) = reply.token {
                    remember(&mut self.tokens, (to, token.to_vec()));
                }
                match self.settle(to, tid) {
                    Owed::Store(key, value) => Some((key, value)),
                    Owed::Plain | Owed::Unclear => None,
                }
            }
            Message::Error { tid, code, text } => {
                assert!(datagram.len() <= MAX_DATAGRAM);
                let text = text.escape_ascii().to_string();
                let text = if code == 201 { text.as_str() } else { "" };
                coverage.reach(format!("error {code} {text}").trim_end());
                self.settle(to, tid);
                None
            }
            Message::Broken { .. }
            | Message::UnknownMethod { .. }
            | Message::WrongArguments { .. } => panic!("the node sends {message:?}"),
        }
    }

    /// Checks under which identifier the node asks. A client gives its own only to those that it has
    /// asked under none before.
    fn asked_as(&mut self, to: SocketAddr, sender: Id, role: Role, coverage: &mut Coverage) {
        if role != Role::Client {
            assert_eq!(sender, own_id());
        } else if sender.is_null() {
            self.asked_by_nobody.insert(to);
        } else if sender == own_id() {
            assert!(
                self.asked_by_nobody.contains(&to),
                "it gave itself away to {to}"
            );
            coverage.reach("a client gives its identifier");
        } else {
            coverage.reach("a client asks under the identifier of another");
        }
    }

    /// Checks the books when all datagrams are polled, so many `handle_timeout` after the last time
    /// that they were, and all records too. `not_safe` says how many records of a value are not safe.
    pub(crate) fn drained(
        &mut self,
        timeouts: usize,
        stats: &Stats,
        config: &Config,
        not_safe: impl Fn(&(Id, Value)) -> usize,
        coverage: &mut Coverage,
    ) {
        for sent in self.sent.values_mut() {
            let first = usize::from(sent.times_since_drained == sent.times);
            assert!(sent.times_since_drained <= timeouts + first, "a burst");
            sent.times_since_drained = 0;
        }
        let queries: u64 = Method::ALL
            .map(|method| stats.method(method).sent)
            .iter()
            .sum();
        let dropped = stats.drops.get(&DropCause::Outgoing).copied().unwrap_or(0);
        let left = stats.datagrams_out + dropped;
        let held = (queries + self.answers).checked_sub(left);
        let held = held.expect("no more datagrams than there were");
        let most = match config.journal {
            Journal::Off => 0,
            Journal::On => config.limits.max_datagrams as u64,
        };
        assert!(
            held <= most,
            "{held} datagrams neither sent nor counted as dropped"
        );
        coverage.reach_times("acknowledgement held back", held);
        if dropped > 0 {
            return;
        }
        assert_eq!(
            held,
            self.owed
                .values()
                .map(|owed| owed.len() as u64)
                .sum::<u64>()
        );
        let mut waiting = BTreeMap::<_, usize>::new();
        for owed in self.owed.values().flatten() {
            match owed {
                Owed::Plain => panic!("a query was not answered at once"),
                Owed::Store(key, value) => *waiting.entry((*key, value.clone())).or_default() += 1,
                Owed::Unclear => {}
            }
        }
        for (stored, waiting) in waiting {
            assert!(
                waiting <= not_safe(&stored),
                "an acknowledgement waits although all is safe"
            );
        }
    }

    /// One of the calls that wait for an answer.
    pub(crate) fn call(&self, nth: u8) -> Option<Call> {
        nth_of(&self.calls, nth)
    }

    /// The same, which waits no longer.
    pub(crate) fn take_call(&mut self, nth: u8) -> Option<Call> {
        let call = nth_of(&self.calls, nth)?;
        self.calls.retain(|other| other.tid != call.tid);
        Some(call)
    }

    pub(crate) fn take_calls(&mut self) -> Vec<Call> {
        core::mem::take(&mut self.calls)
    }

    /// A token, and whom it was issued to.
    pub(crate) fn token(&self, nth: u8) -> Option<Written> {
        nth_of(&self.tokens, nth)
    }

    /// The latest token issued to someone.
    pub(crate) fn token_of(&self, of: SocketAddr) -> Option<Vec<u8>> {
        let mut latest_first = self.tokens.iter().rev();
        let (_, token) = latest_first.find(|(to, _)| *to == of)?;
        Some(token.clone())
    }

    /// Something that was given to the node before.
    pub(crate) fn recent(&self, nth: u8) -> Option<Written> {
        nth_of(&self.recent, nth)
    }

    /// Notes that the machine slept: each call is sent once more.
    pub(crate) fn slept(&mut self) {
        self.sleeps += 1;
    }

    fn asked(
        &mut self,
        to: SocketAddr,
        tid: &[u8],
        method: Method,
        datagram: &[u8],
        coverage: &mut Coverage,
    ) {
        let calls = &mut self.calls;
        let sent = self.sent.entry(tid.to_vec()).or_insert_with(|| {
            let tid = tid.to_vec();
            remember(calls, Call { to, tid, method });
            Sent {
                written: (to, datagram.to_vec()),
                times: 0,
                times_since_drained: 0,
            }
        });
        if sent.times > 0 {
            coverage.reach("sent again");
        }
        sent.times += 1;
        sent.times_since_drained += 1;
        assert_eq!((to, datagram), (sent.written.0, sent.written.1.as_slice()));
        let most = Self::MOST_SENDS + self.sleeps;
        assert!(sent.times <= most, "sent too often");
    }

    fn settle(&mut self, to: SocketAddr, tid: &[u8]) -> Owed {
        let asker = (to, tid.to_vec());
        let owed = self.owed.get_mut(&asker).expect("an answer to a query");
        let settled = owed.remove(0);
        if owed.is_empty() {
            self.owed.remove(&asker);
        }
        settled
    }
}

impl Owed {
    fn by(query: &Query<'_>) -> Self {
        match query {
            Query::StoreValue { key, value, .. } => {
                Value::new(*value).map_or(Self::Plain, |value| Self::Store(*key, value))
            }
            Query::Ping
            | Query::Join
            | Query::FindNode { .. }
            | Query::FindValue { .. }
            | Query::GetValue { .. } => Self::Plain,
        }
    }
}

fn remember<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= Datagrams::MEMORY {
        all.remove(0);
    }
    all.push(one);
}

/// One of the latest, if there is any.
fn nth_of<T: Clone>(all: &[T], nth: u8) -> Option<T> {
    let at = usize::from(nth).checked_rem(all.len())?;
    all.iter().rev().nth(at).cloned()
}
