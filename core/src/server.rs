//! Answering queries: from the table, the store and the tokens, to a reply, a fault or silence.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::config::Role;
use crate::contact::Contact;
use crate::id::Id;
use crate::rng::Rng;
use crate::routing::{MAX_K, Table};
use crate::storage::{Durability, Put, Store};
use crate::time::Instant;
use crate::token::Tokens;
use crate::value::Value;
use crate::wire::{Dialect, Encoded, Fault, Message, Method, Query, Reply};

/// Everything that a query may be answered from.
pub(crate) struct Server<'n> {
    pub(crate) dialect: Dialect,
    pub(crate) role: Role,
    pub(crate) own: Id,
    pub(crate) k: usize,
    pub(crate) max_value_len: usize,
    pub(crate) expiry: Duration,
    pub(crate) storing: Storing,
    /// When a value that is stored may be served.
    pub(crate) durability: Durability,
    pub(crate) table: &'n Table,
    pub(crate) store: &'n mut Store,
    pub(crate) tokens: &'n Tokens,
    pub(crate) rng: &'n mut Rng,
}

/// Whether there is room to note what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storing {
    Busy,
    Open,
}

/// What answering came to.
pub(crate) enum Served {
    /// An answer or an error was written, and goes back.
    Answered(Verdict),
    /// A value was stored: the answer was written, and goes back when that is safe.
    Stored(Stored),
    /// Nothing goes back.
    Silence,
}

/// What kind of answer it is, for the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A reply.
    Reply,
    /// An error.
    Error,
    /// The error that says that there is no such method here.
    Unknown,
}

/// A value that was stored, and what had to give way for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) key: Id,
    pub(crate) value: Value,
    pub(crate) evicted: Vec<Id>,
    /// Until when it was stored before, if it was.
    pub(crate) before: Option<Instant>,
}

/// Most nodes name so many contacts: to clear room for as many as there may be takes about as long as to
/// find them.
const FEW: usize = 8;

impl Server<'_> {
    /// Answers a message that is a query, in order or not, at the end of `out`; anything else with
    /// silence.
    pub(crate) fn serve(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Served {
        if self.role == Role::Client {
            return Served::Silence;
        }
        match message {
            Message::Query { tid, query, .. } => {
                let method = query.method();
                if !self.role.serves(method) {
                    return self.unknown(tid, method.name().as_bytes(), out);
                }
                match query {
                    Query::StoreValue { key, token, value } => {
                        self.store_value(now, from, tid, (*key, token, value), out)
                    }
                    Query::GetValue { key, num } => self.get_value(now, tid, key, *num, out),
                    Query::Ping
                    | Query::Join
                    | Query::FindNode { .. }
                    | Query::FindValue { .. } => {
                        if self.k <= FEW {
                            self.find::<FEW>(now, from, tid, query, out)
                        } else {
                            self.find::<MAX_K>(now, from, tid, query, out)
                        }
                    }
                }
            }
            Message::UnknownMethod { tid, name } => self.unknown(tid, name, out),
            Message::WrongArguments { tid, method } if !self.role.serves(*method) => {
                self.unknown(tid, method.name().as_bytes(), out)
            }
            Message::WrongArguments { tid, .. } => self.fault(tid, &Fault::WrongArguments, out),
            Message::Reply { .. } | Message::Error { .. } | Message::Broken { .. } => {
                Served::Silence
            }
        }
    }

    /// Stores a value that is our own to store.
    pub(crate) fn store_own(&mut self, now: Instant, key: Id, value: Value) -> Option<Stored> {
        match self.store.put(
            now,
            key,
            value.clone(),
            (now + self.expiry, self.durability),
        ) {
            Put::Full => None,
            Put::Stored { evicted, before } => Some(Stored {
                key,
                value,
                evicted,
                before,
            }),
        }
    }

    /// An answer that names contacts, at most `MOST` of them.
    fn find<const MOST: usize>(
        &self,
        now: Instant,
        from: SocketAddr,
        tid: &[u8],
        query: &Query<'_>,
        out: &mut Vec<u8>,
    ) -> Served {
        let token;
        let mut room = [Contact::FILLER; MOST];
        let room = room.get_mut(..self.k).unwrap_or_default();
        let mut reply = Reply::from(self.own);
        match query {
            Query::Join => reply.seen_as = Some(from),
            Query::FindNode { target } => {
                reply.nodes = Some(self.table.vouched_into(target, room).into());
                token = self.tokens.issue(from);
                reply.token = Some(&token);
            }
            Query::FindValue { key } => {
                reply.nodes = Some(self.table.vouched_into(key, room).into());
                reply.num = Some(self.store.count(key, now) as u64);
            }
            Query::Ping | Query::GetValue { .. } | Query::StoreValue { .. } => {}
        }
        self.reply(tid, &reply, out)
    }

    /// All values, in their order, when all are asked for and fit; a random choice otherwise, so
    /// that a node which asks often enough sees them all.
    fn get_value(
        &mut self,
        now: Instant,
        tid: &[u8],
        key: &Id,
        num: i64,
        out: &mut Vec<u8>,
    ) -> Served {
        let mut all: Vec<&[u8]> = Vec::with_capacity(self.store.count(key, now));
        all.extend(self.store.values(key, now).map(Value::as_bytes));
        let wanted = match usize::try_from(num) {
            Ok(0) => all.len(),
            Ok(num) => num.min(all.len()),
            // As a slice that ends so many before the end, in the language of the original.
            Err(_) => all
                .len()
                .saturating_sub(usize::try_from(num.unsigned_abs()).unwrap_or(usize::MAX)),
        };
        let room = self.dialect.room_for_values(tid);
        let len = |value: &[u8]| self.dialect.len_in_list(value.len());
        let mut chosen = all;
        if wanted < chosen.len() || chosen.iter().map(|value| len(value)).sum::<usize>() > room {
            self.rng.shuffle(&mut chosen);
            chosen.truncate(wanted);
            let mut left = room;
            chosen.retain(|value| {
                let fits = len(value) <= left;
                left -= if fits { len(value) } else { 0 };
                fits
            });
        }
        let reply = Reply {
            values: Some((&chosen).into()),
            ..Reply::from(self.own)
        };
        self.reply(tid, &reply, out)
    }

    fn store_value(
        &mut self,
        now: Instant,
        from: SocketAddr,
        tid: &[u8],
        (key, token, value): (Id, &[u8], &[u8]),
        out: &mut Vec<u8>,
    ) -> Served {
        if !self.tokens.accepts(token, from) {
            return self.fault(tid, &Fault::BadToken, out);
        }
        if value.len() > self.max_value_len {
            return self.fault(tid, &Fault::ValueTooLong, out);
        }
        let Ok(value) = Value::new(value) else {
            return self.fault(tid, &Fault::ValueTooLong, out);
        };
        if self.storing == Storing::Busy {
            return self.fault(tid, &Fault::Busy, out);
        }
        let Some(stored) = self.store_own(now, key, value) else {
            return self.fault(tid, &Fault::StoreFull, out);
        };
        self.reply(tid, &Reply::from(self.own), out);
        Served::Stored(stored)
    }

    fn unknown(&self, tid: &[u8], name: &[u8], out: &mut Vec<u8>) -> Served {
        self.fault(tid, &Fault::UnknownMethod { name }, out);
        Served::Answered(Verdict::Unknown)
    }

    fn fault(&self, tid: &[u8], fault: &Fault<'_>, out: &mut Vec<u8>) -> Served {
        self.dialect.encode_fault(tid, fault, out);
        Served::Answered(Verdict::Error)
    }

    fn reply(&self, tid: &[u8], reply: &Reply<'_>, out: &mut Vec<u8>) -> Served {
        Served::Answered(match self.dialect.encode_reply(tid, reply, out) {
            Encoded::Whole => Verdict::Reply,
            Encoded::TooLong => Verdict::Error,
        })
    }
}

/// The method that a query names, if it is one of the protocol's.
pub(crate) const fn method_of(message: &Message<'_>) -> Option<Method> {
    match message {
        Message::Query { query, .. } => Some(query.method()),
        Message::WrongArguments { method, .. } => Some(*method),
        Message::UnknownMethod { .. }
        | Message::Reply { .. }
        | Message::Error { .. }
        | Message::Broken { .. } => None,
    }
}
