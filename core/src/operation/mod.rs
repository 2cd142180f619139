//! Operations: what a command turns into, one state machine each. They know which contacts to ask
//! and what the answers mean; the node does the asking.

mod check;
mod find;
mod get;
mod join;
mod outcome;
mod ping;
mod put;
mod refresh;
mod retrieval;
mod walk;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

pub(crate) use check::{Check, Checked, Findings, Replica};
pub(crate) use find::Find;
pub(crate) use get::Get;
pub(crate) use join::{Join, Surroundings};
pub use outcome::{Abort, CallError, Holder, Joined, Outcome, Pong, QueryStats, Refusal, Report};
pub(crate) use ping::Ping;
pub(crate) use put::Put;
pub(crate) use refresh::Refresh;
pub(crate) use retrieval::Bounds;
pub(crate) use walk::{Known, Reach, Walk, WalkKind};

use crate::address::AddressRules;
use crate::contact::Peer;
use crate::estimate::Vouched;
use crate::id::Id;
use crate::time::Instant;
use crate::value::Value;
use crate::wire::{InvalidReply, Method, Query, Reply};

/// A running operation.
pub(crate) enum Operation {
    Check(Check),
    Find(Find),
    Get(Get),
    Join(Join),
    Ping(Ping),
    Put(Put),
    Refresh(Refresh),
}

/// What an operation wants next.
pub(crate) enum Step {
    /// Ask a contact.
    Ask(Question),
    /// Ask someone, with one datagram: it may well be gone, and nobody waits for the answer.
    AskOnce(Question),
    /// Tell the user of these values.
    Deliver(Vec<Value>),
    /// It is over.
    Done(Outcome),
    /// A part of it is over that counts as an action of its own.
    Finished(Action),
    /// Give it a walk towards this target, seeded from the table.
    Open(Id),
    /// Give it a walk towards this target that knows no contact yet.
    OpenUnseeded(Id),
    /// A part of it begins that counts as an action of its own.
    Started(Method),
    /// Store the value it is putting in our own store.
    StoreHere,
    /// Give it the targets of a refresh of these buckets.
    RefreshTargets(Surroundings),
    /// Nothing, until something is heard.
    Wait,
}

/// A part of an operation that is over.
pub(crate) enum Action {
    /// Contacts were asked directly.
    Plain { method: Method, took: Duration },
    /// A walk.
    Walk(Box<Walk>),
}

/// A contact, and what to ask it.
pub(crate) struct Question {
    pub(crate) peer: Peer,
    pub(crate) ask: Ask,
    /// Which part of the operation asks: comes back with the answer.
    pub(crate) branch: u16,
    /// Who says that the contact is there.
    pub(crate) vouched: Vouched,
}

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    FindNode {
        target: Id,
    },
    FindValue {
        key: Id,
    },
    GetValue {
        key: Id,
        num: i64,
    },
    Join,
    Ping,
    StoreValue {
        key: Id,
        token: Box<[u8]>,
        value: Value,
    },
}

impl Ask {
    pub(crate) fn query(&self) -> Query<'_> {
        match self {
            Self::FindNode { target } => Query::FindNode { target: *target },
            Self::FindValue { key } => Query::FindValue { key: *key },
            Self::GetValue { key, num } => Query::GetValue {
                key: *key,
                num: *num,
            },
            Self::Join => Query::Join,
            Self::Ping => Query::Ping,
            Self::StoreValue { key, token, value } => Query::StoreValue {
                key: *key,
                token,
                value: value.as_bytes(),
            },
        }
    }
}

/// An answer to a question of an operation.
pub(crate) struct Answer<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) branch: u16,
    pub(crate) took: Duration,
    pub(crate) reply: &'a Reply<'a>,
}

/// What became of a call that has no answer in order, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It has failed.
    Failed(CallError),
    /// The same was asked again at this time.
    AskedAgain(Instant),
    /// It is no use waiting for it any longer.
    Silent,
    /// It was not made: the address is silent, and is left in peace.
    NotMade,
    /// It was not made, because enough are under way to this address: it may be tried again at that
    /// time.
    NotMadeYet(Instant),
}

/// What became of a value that was to be kept in our own store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredHere {
    /// It is stored and safe.
    Done,
    /// It is stored, and will be safe once its record is.
    Pending,
    /// It is not.
    Refused,
}

impl Operation {
    /// What it wants next; to be called until it is [`Step::Wait`] or [`Step::Done`].
    pub(crate) fn step(&mut self, known: &Known<'_>) -> Step {
        match self {
            Self::Check(check) => check.step(),
            Self::Find(find) => find.step(known),
            Self::Get(get) => get.step(known),
            Self::Join(join) => join.step(known),
            Self::Ping(ping) => ping.step(),
            Self::Put(put) => put.step(known),
            Self::Refresh(refresh) => refresh.step(known),
        }
    }

    /// When it wants to be stepped again, if nothing is heard before.
    pub(crate) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        match self {
            Self::Find(find) => find.next_review(known),
            Self::Get(get) => get.next_review(known),
            Self::Join(join) => join.next_review(known),
            Self::Put(put) => put.next_review(known),
            Self::Refresh(refresh) => refresh.next_review(known),
            Self::Check(_) | Self::Ping(_) => None,
        }
    }

    /// Takes in an answer.
    pub(crate) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        match self {
            Self::Check(check) => check.answered(answer, rules),
            Self::Find(find) => find.answered(answer, rules),
            Self::Get(get) => get.answered(answer, rules),
            Self::Join(join) => join.answered(answer, rules),
            Self::Ping(ping) => ping.answered(answer),
            Self::Put(put) => put.answered(answer, rules),
            Self::Refresh(refresh) => refresh.answered(answer, rules),
        }
    }

    /// Takes in the answer of another node than the one that was meant. It counts in a lookup of
    /// nodes if it was named at this address, too.
    pub(crate) fn another_answered(
        &mut self,
        meant: &Id,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) {
        if let Some(walk) = self.walk_mut(answer.branch) {
            walk.another_answered(meant, answer.from, answer.reply, rules);
        }
    }

    /// Who says by now that a contact which it asked is there.
    pub(crate) fn vouched(&mut self, peer: &Peer, branch: u16) -> Vouched {
        match (self.walk_mut(branch), &peer.id) {
            (Some(walk), Some(id)) => walk.vouched(id),
            (None, _) | (_, None) => Vouched::Well,
        }
    }

    /// Takes in that a call has trouble.
    pub(crate) fn troubled(&mut self, peer: &Peer, branch: u16, trouble: Trouble) {
        match self {
            Self::Check(check) => check.troubled(peer, trouble),
            Self::Find(find) => find.troubled(peer, trouble),
            Self::Get(get) => get.troubled(peer, branch, trouble),
            Self::Join(join) => join.troubled(peer, branch, trouble),
            Self::Ping(ping) => ping.troubled(trouble),
            Self::Put(put) => put.troubled(peer, trouble),
            Self::Refresh(refresh) => refresh.troubled(peer, branch, trouble),
        }
    }

    /// Gives it the walk that it asked for.
    pub(crate) fn open(&mut self, walk: Walk) {
        match self {
            Self::Join(join) => join.open(walk),
            Self::Refresh(refresh) => refresh.open(walk),
            Self::Check(_) | Self::Find(_) | Self::Get(_) | Self::Ping(_) | Self::Put(_) => {}
        }
    }

    /// Gives it the targets of the refresh that it asked for.
    pub(crate) fn refresh_targets(&mut self, targets: Vec<Id>) {
        match self {
            Self::Join(join) => join.refresh_targets(targets),
            Self::Check(_)
            | Self::Find(_)
            | Self::Get(_)
            | Self::Ping(_)
            | Self::Put(_)
            | Self::Refresh(_) => {}
        }
    }

    /// Whether an answer to this branch leads its self-lookup to where the answer came from.
    pub(crate) const fn follows(&self, branch: u16) -> bool {
        match self {
            Self::Join(join) => join.follows(branch),
            Self::Check(_)
            | Self::Find(_)
            | Self::Get(_)
            | Self::Ping(_)
            | Self::Put(_)
            | Self::Refresh(_) => false,
        }
    }

    /// Tells it what became of the value that was to be stored here.
    pub(crate) fn stored_here(&mut self, stored: StoredHere) {
        match self {
            Self::Put(put) => put.stored_here(stored),
            Self::Check(_)
            | Self::Find(_)
            | Self::Get(_)
            | Self::Join(_)
            | Self::Ping(_)
            | Self::Refresh(_) => {}
        }
    }

    /// Tells it that it is written down that its value is to be kept.
    pub(crate) const fn kept(&mut self) {
        if let Self::Put(put) = self {
            put.kept();
        }
    }

    /// What it found that the user was not told of, when its time is up.
    pub(crate) fn take_undelivered(&mut self) -> Option<Vec<Value>> {
        match self {
            Self::Get(get) => get.take_undelivered(),
            Self::Check(_)
            | Self::Find(_)
            | Self::Join(_)
            | Self::Ping(_)
            | Self::Put(_)
            | Self::Refresh(_) => None,
        }
    }

    /// What it has come to when its time is up.
    pub(crate) fn out_of_time(&mut self) -> Outcome {
        match self {
            Self::Check(check) => check.outcome(),
            Self::Find(find) => find.outcome(),
            Self::Get(get) => get.outcome(),
            Self::Join(join) => join.outcome(),
            Self::Ping(ping) => ping.outcome(),
            Self::Put(put) => put.outcome(),
            Self::Refresh(refresh) => refresh.outcome(),
        }
    }

    /// The walk that a call of this branch belongs to.
    fn walk_mut(&mut self, branch: u16) -> Option<&mut Walk> {
        match self {
            Self::Find(find) => find.walk_mut(),
            Self::Get(get) => get.walk_mut(),
            Self::Join(join) => join.walk_mut(branch),
            Self::Put(put) => put.walk_mut(),
            Self::Refresh(refresh) => refresh.walk_mut(branch),
            Self::Check(_) | Self::Ping(_) => None,
        }
    }

    /// How far its walk has come.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Find(find) => find.reach(),
            Self::Get(get) => get.reach(),
            Self::Join(join) => join.reach(),
            Self::Put(put) => put.reach(),
            Self::Check(_) | Self::Ping(_) | Self::Refresh(_) => Reach::default(),
        }
    }
}
