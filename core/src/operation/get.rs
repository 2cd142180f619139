//! Getting the values of a key: find the nodes that hold some, then ask them, closest first.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Action, Answer, Ask, Known, Outcome, Question, Reach, Step, Trouble, Walk};
use crate::address::AddressRules;
use crate::config::Retrieve;
use crate::contact::{Peer, Place};
use crate::estimate::Vouched;
use crate::id::Id;
use crate::lookup::Spread;
use crate::time::Instant;
use crate::value::Value;
use crate::wire::{InvalidReply, Method};

/// A `find_value` walk, and a spread of `get_value` over the nodes that hold values.
pub(crate) struct Get {
    key: Id,
    retrieve: Retrieve,
    alpha: usize,
    phase: Phase,
    /// How many values the nodes of the walk say they hold.
    holders: BTreeMap<Id, u64>,
    /// Our own node, if its values count.
    own: Option<Id>,
    /// Everything delivered or about to be, each value once.
    known: BTreeSet<Value>,
    undelivered: Vec<Value>,
    reach: Reach,
}

enum Phase {
    Finding(Box<Walk>),
    /// The walk is over, the spread about to begin.
    Found(Spread),
    Fetching {
        spread: Spread,
        since: Instant,
    },
    Over,
}

impl Get {
    /// `own` are our own node's identifier and values, unless those are left out.
    pub(crate) fn new(
        walk: Walk,
        retrieve: Retrieve,
        alpha: usize,
        own: Option<(Id, Vec<Value>)>,
    ) -> Self {
        let (own, values) = own.unzip();
        let mut undelivered: Vec<Value> = values.unwrap_or_default();
        undelivered.truncate(most(retrieve));
        Self {
            key: *walk.target(),
            retrieve,
            alpha,
            phase: Phase::Finding(Box::new(walk)),
            holders: BTreeMap::new(),
            own,
            known: undelivered.iter().cloned().collect(),
            undelivered,
            reach: Reach::default(),
        }
    }

    pub(crate) const fn key(&self) -> &Id {
        &self.key
    }

    /// Whether another `get` would do the very same.
    pub(crate) fn is_same(&self, key: &Id, retrieve: Retrieve, own: Option<Id>) -> bool {
        self.key == *key && self.retrieve == retrieve && self.own == own
    }

    /// Everything delivered so far, for a command that asks for the same later.
    pub(crate) fn delivered(&self) -> Vec<Value> {
        self.known
            .iter()
            .filter(|value| !self.undelivered.contains(value))
            .cloned()
            .collect()
    }

    pub(super) fn step(&mut self, known: &Known<'_>) -> Step {
        if !self.undelivered.is_empty() {
            return Step::Deliver(core::mem::take(&mut self.undelivered));
        }
        match &mut self.phase {
            Phase::Finding(walk) => {
                if let Some(question) = walk.next(0, known) {
                    return Step::Ask(question);
                }
                if !walk.is_done() {
                    return Step::Wait;
                }
                self.reach = walk.reach();
                let spread = self.spread();
                match core::mem::replace(&mut self.phase, Phase::Found(spread)) {
                    Phase::Finding(walk) => Step::Finished(Action::Walk(walk)),
                    Phase::Found(_) | Phase::Fetching { .. } | Phase::Over => Step::Wait,
                }
            }
            Phase::Found(spread) if spread.is_done() => {
                self.phase = Phase::Over;
                Step::Done(self.outcome())
            }
            Phase::Found(spread) => {
                let spread = core::mem::replace(spread, Spread::new(0, 0));
                self.phase = Phase::Fetching {
                    spread,
                    since: known.now,
                };
                Step::Started(Method::GetValue)
            }
            Phase::Fetching { spread, since } => {
                if let Some(contact) = spread.next() {
                    let num = self.num_for(&contact.id);
                    let ask = Ask::GetValue { key: self.key, num };
                    return Step::Ask(Question {
                        peer: contact.into(),
                        ask,
                        branch: 0,
                        vouched: Vouched::Well,
                    });
                }
                if !spread.is_done() {
                    return Step::Wait;
                }
                let took = known.now.since(*since);
                self.phase = Phase::Over;
                Step::Finished(Action::Plain {
                    method: Method::GetValue,
                    took,
                })
            }
            Phase::Over => Step::Done(self.outcome()),
        }
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        match &self.phase {
            Phase::Finding(walk) => walk.next_review(known),
            _ => None,
        }
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        let reply = answer.reply;
        match &mut self.phase {
            Phase::Finding(walk) => {
                if let (true, Some(num)) = (walk.answered(reply, rules)?, reply.num) {
                    self.holders.insert(reply.id, num);
                }
            }
            Phase::Fetching { spread, .. } => {
                // An answer to a question of the walk that is over says nothing here.
                let Some(values) = reply.values else {
                    return if reply.nodes.is_some() {
                        Ok(())
                    } else {
                        Err(InvalidReply::Missing)
                    };
                };
                if !spread.answered(&reply.id) {
                    return Ok(());
                }
                let mut fresh = 0;
                for bytes in values.iter() {
                    let value = Value::new(bytes).map_err(|_| InvalidReply::Values)?;
                    if self.known.len() < most(self.retrieve) && self.known.insert(value.clone()) {
                        self.undelivered.push(value);
                        fresh += 1;
                    }
                }
                spread.credit(match self.retrieve {
                    Retrieve::All => 0,
                    Retrieve::AtMost(_) => fresh,
                    Retrieve::Closest(_) => 1,
                });
            }
            Phase::Found(_) | Phase::Over => {}
        }
        Ok(())
    }

    pub(super) fn walk_mut(&mut self) -> Option<&mut Walk> {
        match &mut self.phase {
            Phase::Finding(walk) => Some(walk),
            Phase::Found(_) | Phase::Fetching { .. } | Phase::Over => None,
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, trouble: Trouble) {
        match (&mut self.phase, &peer.id) {
            (Phase::Finding(walk), Some(id)) => walk.troubled(id, trouble),
            (Phase::Found(spread) | Phase::Fetching { spread, .. }, Some(id)) => match trouble {
                Trouble::Failed(_) => spread.failed(id),
                Trouble::Silent => spread.silent(id),
                Trouble::AskedAgain(_) => {}
            },
            (_, None) | (Phase::Over, _) => {}
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Got {
            values: self.known.len() - self.undelivered.len(),
        }
    }

    pub(super) fn reach(&self) -> Reach {
        match &self.phase {
            Phase::Finding(walk) => walk.reach(),
            Phase::Found(_) | Phase::Fetching { .. } | Phase::Over => self.reach,
        }
    }

    /// Those of the closest that hold values, as many at a time as the policy can use.
    fn spread(&self) -> Spread {
        let Phase::Finding(walk) = &self.phase else {
            return Spread::new(0, self.alpha);
        };
        let count = |number: usize| number as u64;
        let mut spread = match self.retrieve {
            Retrieve::All => Spread::new(u64::MAX, self.alpha),
            Retrieve::AtMost(values) => Spread::new(count(values), self.alpha),
            Retrieve::Closest(nodes) => Spread::new(count(nodes), self.alpha),
        };
        if let Retrieve::AtMost(_) = self.retrieve {
            spread.credit(count(self.known.len()));
        }
        for place in walk.closest() {
            match place {
                Place::Here(id) => {
                    // Our own node was asked when the operation began.
                    let counts = self.own == Some(id) && !self.known.is_empty();
                    if counts && matches!(self.retrieve, Retrieve::Closest(_)) {
                        spread.credit(1);
                    }
                }
                Place::There(contact) => {
                    let held = self.holders.get(&contact.id).copied().unwrap_or(0);
                    let share = match self.retrieve {
                        Retrieve::All => 0,
                        Retrieve::AtMost(_) => held,
                        Retrieve::Closest(_) => 1,
                    };
                    if held > 0 {
                        spread.push(contact, share);
                    }
                }
            }
        }
        spread
    }

    /// How many values to ask a holder for: all, unless fewer are missing than it holds.
    fn num_for(&self, id: &Id) -> i64 {
        let (Retrieve::AtMost(_), Phase::Fetching { spread, .. }) = (self.retrieve, &self.phase)
        else {
            return 0;
        };
        let missing = spread.missing();
        if missing < spread.share(id) {
            i64::try_from(missing).unwrap_or(0)
        } else {
            0
        }
    }
}

/// How many distinct values are delivered.
const fn most(retrieve: Retrieve) -> usize {
    match retrieve {
        Retrieve::AtMost(values) => values,
        Retrieve::All | Retrieve::Closest(_) => usize::MAX,
    }
}
