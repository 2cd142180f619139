//! A walk over the network: a closest-nodes lookup, and the queries that move it.

use core::net::SocketAddr;
use core::time::Duration;

use super::{Ask, Question, Trouble};
use crate::address::AddressRules;
use crate::contact::{Contact, Place};
use crate::estimate::{NetworkEstimate, Vouched};
use crate::id::Id;
use crate::lookup::{Asked, ClosestNodes};
use crate::time::Instant;
use crate::wire::{InvalidReply, Method, Nodes, Reply};

/// What a step of an operation goes by.
pub(crate) struct Known<'a> {
    pub(crate) now: Instant,
    pub(crate) estimate: &'a NetworkEstimate,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) hops: u32,
    pub(crate) rounds: u32,
}

/// One walk towards a target, asking `find_node` or `find_value`.
pub(crate) struct Walk {
    closest_nodes: ClosestNodes,
    kind: WalkKind,
    own: Id,
    since: Instant,
    answers: u32,
}

/// What a walk asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalkKind {
    FindNode,
    FindValue,
}

impl WalkKind {
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::FindNode => Method::FindNode,
            Self::FindValue => Method::FindValue,
        }
    }
}

impl Walk {
    pub(crate) const fn new(
        closest_nodes: ClosestNodes,
        kind: WalkKind,
        own: Id,
        since: Instant,
    ) -> Self {
        Self {
            closest_nodes,
            kind,
            own,
            since,
            answers: 0,
        }
    }

    pub(crate) const fn target(&self) -> &Id {
        self.closest_nodes.target()
    }

    pub(crate) const fn method(&self) -> Method {
        self.kind.method()
    }

    /// The next question, if one is to be asked now.
    pub(super) fn next(&mut self, branch: u16, known: &Known<'_>) -> Option<Question> {
        self.judge(known);
        let Asked {
            contact,
            about,
            vouched,
        } = self.closest_nodes.next(known.now)?;
        let ask = match self.kind {
            WalkKind::FindNode => Ask::FindNode { target: about },
            // A `find_value` asks how many values a node holds, too, and of one key only.
            WalkKind::FindValue => Ask::FindValue {
                key: *self.closest_nodes.target(),
            },
        };
        Some(Question {
            peer: contact.into(),
            ask,
            branch,
            vouched,
        })
    }

    /// Judges the contacts in flight by what is known now.
    pub(super) fn judge(&mut self, known: &Known<'_>) {
        self.closest_nodes.judge(known.now, known.estimate);
    }

    /// How many contacts in flight may still answer.
    pub(super) fn in_flight(&self) -> usize {
        self.closest_nodes.waited_for()
    }

    /// Whether a contact belongs to the K closest of those that answered or may well answer.
    pub(super) fn is_among_the_closest(&self, id: &Id) -> bool {
        self.closest_nodes.is_among_the_closest(id)
    }

    /// Adds a contact that was found in another way.
    pub(super) fn seed(&mut self, contact: Contact) {
        self.closest_nodes.seed(contact, None);
    }

    /// Takes in an answer: the contacts that it names may be asked next. False when it comes too late.
    pub(super) fn answered(
        &mut self,
        reply: &Reply<'_>,
        rules: &AddressRules,
    ) -> Result<bool, InvalidReply> {
        let nodes = self.named(reply)?;
        let named = nodes.iter().map(|contact| contact.id);
        let in_time = self.closest_nodes.answered(&reply.id, named);
        if in_time {
            self.take_names(reply, rules);
        }
        Ok(in_time)
    }

    /// Takes in the answer of another node than the one that was meant, from where that was asked.
    /// True if it counts, since it was named there, too.
    pub(super) fn another_answered(
        &mut self,
        meant: &Id,
        from: SocketAddr,
        reply: &Reply<'_>,
        rules: &AddressRules,
    ) -> bool {
        let Ok(nodes) = self.named(reply) else {
            return false;
        };
        let named = nodes.iter().map(|contact| contact.id);
        let by = Contact::new(reply.id, from);
        let counts = self.closest_nodes.another_answered(meant, &by, named);
        if counts {
            self.take_names(reply, rules);
        }
        counts
    }

    fn named<'r>(&self, reply: &Reply<'r>) -> Result<Nodes<'r>, InvalidReply> {
        if self.kind == WalkKind::FindValue && reply.num.is_none() {
            return Err(InvalidReply::Missing);
        }
        reply.nodes.ok_or(InvalidReply::Missing)
    }

    fn take_names(&mut self, reply: &Reply<'_>, rules: &AddressRules) {
        self.answers += 1;
        for contact in reply.nodes.iter().flat_map(Nodes::iter) {
            let somebody = contact.id != self.own && !contact.id.is_null();
            if let Some(addr) = rules.admit(contact.addr).ok().filter(|_| somebody) {
                self.closest_nodes
                    .offer(Contact::new(contact.id, addr), &reply.id);
            }
        }
    }

    pub(super) fn troubled(&mut self, id: &Id, trouble: Trouble) {
        match trouble {
            Trouble::Failed(_) => self.closest_nodes.failed(id),
            Trouble::AskedAgain(now) => self.closest_nodes.asked_again(id, now),
            Trouble::Silent => self.closest_nodes.silent(id),
            Trouble::NotMade => self.closest_nodes.not_asked(id),
            Trouble::NotMadeYet(again) => self.closest_nodes.not_asked_before(id, again),
        }
    }

    /// Who says that a contact is there.
    pub(super) fn vouched(&self, id: &Id) -> Vouched {
        self.closest_nodes.vouched(id)
    }

    /// When it is to be stepped again, if no answer comes before.
    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        let review = self.closest_nodes.next_review(known.now, known.estimate);
        let held_back = self.closest_nodes.next_held_back(known.now);
        review.into_iter().chain(held_back).min()
    }

    pub(super) fn is_done(&self) -> bool {
        self.closest_nodes.is_done()
    }

    pub(super) fn closest(&self) -> impl Iterator<Item = Place> + '_ {
        self.closest_nodes.closest()
    }

    /// Whether more of the result are of one prefix than should be.
    pub(crate) fn is_crowded(&self) -> bool {
        self.closest_nodes.is_crowded()
    }

    pub(super) fn reach(&self) -> Reach {
        Reach {
            hops: self.closest_nodes.hops(),
            rounds: self.closest_nodes.rounds(),
        }
    }

    /// Whether anyone was found, so that the target's surroundings count as looked up.
    pub(crate) const fn found_anyone(&self) -> bool {
        self.answers > 0
    }

    pub(crate) fn took(&self, now: Instant) -> Duration {
        now.since(self.since)
    }
}
