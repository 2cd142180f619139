//! Putting a value: find the closest nodes, then have so many of them store it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{
    Action, Answer, Ask, Known, Outcome, Question, Reach, Step, StoredHere, Trouble, Walk,
};
use crate::address::AddressRules;
use crate::contact::{Peer, Place};
use crate::estimate::Vouched;
use crate::id::Id;
use crate::lookup::Spread;
use crate::time::Instant;
use crate::value::Value;
use crate::wire::{InvalidReply, Method};

/// A `find_node` walk that gathers tokens, and a spread of `store_value` over the nodes that gave one.
pub(crate) struct Put {
    key: Id,
    value: Value,
    redundancy: usize,
    alpha: usize,
    phase: Phase,
    tokens: BTreeMap<Id, Box<[u8]>>,
    stored_at: Vec<Place>,
    reach: Reach,
    keeping: Keeping,
}

/// Whether it is written down that the value is to be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// It is, or need not be.
    Settled,
    Pending,
}

enum Phase {
    Finding(Box<Walk>),
    /// The walk is over, the spread about to begin.
    Found {
        spread: Spread,
        here: Here,
    },
    Storing {
        spread: Spread,
        here: Here,
        since: Instant,
    },
    Over,
}

/// Whether our own node is one of those that store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Here {
    Wanted(Id),
    /// Stored, but not yet safe.
    Pending(Id),
    /// Asked for, and the answer is on its way.
    Asked(Id),
    Settled,
}

impl Put {
    pub(crate) fn new(walk: Walk, value: Value, redundancy: usize, alpha: usize) -> Self {
        Self {
            key: *walk.target(),
            value,
            redundancy,
            alpha,
            phase: Phase::Finding(Box::new(walk)),
            tokens: BTreeMap::new(),
            stored_at: Vec::new(),
            reach: Reach::default(),
            keeping: Keeping::Settled,
        }
    }

    /// Does not end before [it is written down](Self::kept) that the value is to be kept.
    pub(crate) const fn wait_until_kept(&mut self) {
        self.keeping = Keeping::Pending;
    }

    pub(crate) const fn key(&self) -> &Id {
        &self.key
    }

    pub(crate) const fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn step(&mut self, known: &Known<'_>) -> Step {
        match &mut self.phase {
            Phase::Finding(walk) => {
                if let Some(question) = walk.next(0, known) {
                    return Step::Ask(question);
                }
                if !walk.is_done() {
                    return Step::Wait;
                }
                self.reach = walk.reach();
                let found = self.found();
                match core::mem::replace(&mut self.phase, found) {
                    Phase::Finding(walk) => Step::Finished(Action::Walk(walk)),
                    Phase::Found { .. } | Phase::Storing { .. } | Phase::Over => Step::Wait,
                }
            }
            Phase::Found { spread, here } => {
                let (spread, here) = (core::mem::replace(spread, Spread::new(0, 0)), *here);
                self.phase = Phase::Storing {
                    spread,
                    here,
                    since: known.now,
                };
                Step::Started(Method::StoreValue)
            }
            Phase::Storing {
                spread,
                here,
                since,
            } => {
                if let Here::Wanted(own) = *here {
                    *here = Here::Asked(own);
                    return Step::StoreHere;
                }
                if let Some(contact) = spread.next() {
                    let token = self.tokens.get(&contact.id).cloned().unwrap_or_default();
                    let ask = Ask::StoreValue {
                        key: self.key,
                        token,
                        value: self.value.clone(),
                    };
                    return Step::Ask(Question {
                        peer: contact.into(),
                        ask,
                        branch: 0,
                        vouched: Vouched::Well,
                    });
                }
                let waits = *here != Here::Settled || self.keeping == Keeping::Pending;
                if !spread.is_done() || waits {
                    return Step::Wait;
                }
                let took = known.now.since(*since);
                self.phase = Phase::Over;
                Step::Finished(Action::Plain {
                    method: Method::StoreValue,
                    took,
                })
            }
            Phase::Over => Step::Done(self.outcome()),
        }
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        match &self.phase {
            Phase::Finding(walk) => walk.next_review(known),
            Phase::Found { .. } | Phase::Storing { .. } | Phase::Over => None,
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
                if let (true, Some(token)) = (walk.answered(reply, rules)?, reply.token) {
                    self.tokens.insert(reply.id, token.into());
                }
            }
            Phase::Storing { spread, .. } => {
                if spread.answered(&reply.id) {
                    spread.credit(1);
                    let peer = Peer {
                        id: Some(reply.id),
                        addr: answer.from,
                    };
                    self.stored_at.extend(peer.contact().map(Place::There));
                }
            }
            Phase::Found { .. } | Phase::Over => {}
        }
        Ok(())
    }

    pub(super) fn walk_mut(&mut self) -> Option<&mut Walk> {
        match &mut self.phase {
            Phase::Finding(walk) => Some(walk),
            Phase::Found { .. } | Phase::Storing { .. } | Phase::Over => None,
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, trouble: Trouble) {
        match (&mut self.phase, &peer.id) {
            (Phase::Finding(walk), Some(id)) => walk.troubled(id, trouble),
            (Phase::Found { spread, .. } | Phase::Storing { spread, .. }, Some(id)) => {
                match trouble {
                    Trouble::Failed(_) | Trouble::NotMade | Trouble::NotMadeYet(_) => {
                        spread.failed(id);
                    }
                    Trouble::Silent => spread.silent(id),
                    Trouble::AskedAgain(_) => {}
                }
            }
            (_, None) | (Phase::Over, _) => {}
        }
    }

    pub(super) fn stored_here(&mut self, stored: StoredHere) {
        let Phase::Storing { spread, here, .. } = &mut self.phase else {
            return;
        };
        match (stored, *here) {
            (StoredHere::Done, Here::Asked(own)) => {
                spread.credit(1);
                self.stored_at.push(Place::Here(own));
                *here = Here::Settled;
            }
            (StoredHere::Done, Here::Pending(own)) => {
                self.stored_at.push(Place::Here(own));
                *here = Here::Settled;
            }
            (StoredHere::Pending, Here::Asked(own)) => {
                spread.credit(1);
                *here = Here::Pending(own);
            }
            (StoredHere::Refused, Here::Asked(_)) => *here = Here::Settled,
            (StoredHere::Refused, Here::Pending(_)) => {
                spread.debit(1);
                *here = Here::Settled;
            }
            (StoredHere::Refused | StoredHere::Pending, _)
            | (StoredHere::Done, Here::Wanted(_) | Here::Settled) => {}
        }
    }

    /// It is written down that the value is to be kept.
    pub(super) const fn kept(&mut self) {
        self.keeping = Keeping::Settled;
    }

    /// Where it is stored, closest first.
    pub(super) fn outcome(&self) -> Outcome {
        let mut stored_at = self.stored_at.clone();
        stored_at.sort_by_key(|place| self.key.distance(place.id()));
        Outcome::Stored(stored_at)
    }

    pub(super) fn reach(&self) -> Reach {
        match &self.phase {
            Phase::Finding(walk) => walk.reach(),
            Phase::Found { .. } | Phase::Storing { .. } | Phase::Over => self.reach,
        }
    }

    /// Those of the closest that gave a token; our own node, if it is among the first of them.
    fn found(&self) -> Phase {
        let mut spread = Spread::new(self.redundancy as u64, self.alpha.max(self.redundancy));
        let mut here = Here::Settled;
        let Phase::Finding(walk) = &self.phase else {
            return Phase::Found { spread, here };
        };
        let mut writable = 0;
        for place in walk.closest() {
            match place {
                Place::Here(own) if writable < self.redundancy => here = Here::Wanted(own),
                Place::There(contact) if self.tokens.contains_key(&contact.id) => {
                    spread.push(contact, 1);
                }
                Place::Here(_) | Place::There(_) => continue,
            }
            writable += 1;
        }
        Phase::Found { spread, here }
    }
}
