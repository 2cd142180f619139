//! Getting the values of a key: find the nodes that hold some, and ask them, closest first.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::retrieval::{Bounds, Retrieval, Told, Wanted};
use super::{Action, Answer, Ask, CallError, Known, Outcome, Question, Reach, Step, Trouble, Walk};
use crate::address::AddressRules;
use crate::config::Retrieve;
use crate::contact::{Contact, Peer, Place};
use crate::estimate::Vouched;
use crate::id::Id;
use crate::time::Instant;
use crate::value::Value;
use crate::wire::{InvalidReply, Method};

/// A `find_value` walk, and a retrieval by `get_value` from the nodes that hold values. It begins while
/// the walk goes on, with the holders that are among the closest known so far, so that values come as
/// they are found; but it ends after the walk, and only what the closest brought counts then.
pub(crate) struct Get {
    key: Id,
    retrieve: Retrieve,
    /// Calls in flight at most.
    most_in_flight: usize,
    phase: Phase,
    /// How many values the nodes of the walk say they hold.
    holders: BTreeMap<Id, u64>,
    /// Our own node, if its values count.
    own: Option<Id>,
    retrieval: Retrieval,
    /// Since when holders are asked.
    asking: Option<Instant>,
    /// What is to be asked next.
    question: Option<Question>,
    reach: Reach,
}

enum Phase {
    Finding(Box<Walk>),
    /// The walk is over.
    Fetching,
    Over,
}

/// What asks the questions of a `get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    Walk,
    Retrieval,
}

impl Get {
    /// `own` are our own node's identifier and values, unless those are left out.
    pub(crate) fn new(
        walk: Walk,
        retrieve: Retrieve,
        bounds: Bounds,
        own: Option<(Id, Vec<Value>)>,
    ) -> Self {
        let (own, values) = own.unzip();
        let key = *walk.target();
        Self {
            key,
            retrieve,
            most_in_flight: bounds.k * 2,
            phase: Phase::Finding(Box::new(walk)),
            holders: BTreeMap::new(),
            own,
            retrieval: Retrieval::new(key, retrieve, bounds, values.unwrap_or_default()),
            asking: None,
            question: None,
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
        self.retrieval.told()
    }

    /// What was found but not delivered.
    pub(crate) fn take_undelivered(&mut self) -> Option<Vec<Value>> {
        self.retrieval.take_untold(Told::Everything)
    }

    pub(super) fn step(&mut self, known: &Known<'_>) -> Step {
        if let Some(question) = self.question.take() {
            return Step::Ask(question);
        }
        if let Some(values) = self.retrieval.take_untold(Told::Due) {
            return Step::Deliver(values);
        }
        match &mut self.phase {
            Phase::Finding(walk) => {
                walk.judge(known);
                let in_flight = walk.in_flight() + self.retrieval.in_flight();
                if in_flight < self.most_in_flight {
                    let is_close = |id: &Id| walk.is_among_the_closest(id);
                    if let Some(wanted) = self.retrieval.next_early(is_close) {
                        return self.ask(wanted, known.now);
                    }
                    if let Some(question) = walk.next(Branch::Walk.number(), known) {
                        return Step::Ask(question);
                    }
                }
                if walk.is_done() {
                    self.settle()
                } else {
                    Step::Wait
                }
            }
            Phase::Fetching => {
                if let Some(wanted) = self.retrieval.next() {
                    return self.ask(wanted, known.now);
                }
                if !self.retrieval.is_done() {
                    return Step::Wait;
                }
                if let Some(values) = self.take_undelivered() {
                    return Step::Deliver(values);
                }
                self.phase = Phase::Over;
                match self.asking {
                    Some(since) => Step::Finished(Action::Plain {
                        method: Method::GetValue,
                        took: known.now.since(since),
                    }),
                    None => Step::Done(self.outcome()),
                }
            }
            Phase::Over => Step::Done(self.outcome()),
        }
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        match &self.phase {
            Phase::Finding(walk) => walk.next_review(known),
            Phase::Fetching | Phase::Over => None,
        }
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        let reply = answer.reply;
        if Branch::of(answer.branch) == Branch::Retrieval {
            let values = reply.values.ok_or(InvalidReply::Missing)?;
            let values: Result<Vec<Value>, _> = values.iter().map(Value::new).collect();
            let values = values.map_err(|_| InvalidReply::Values)?;
            self.retrieval.answered(&reply.id, values);
            return Ok(());
        }
        let Phase::Finding(walk) = &mut self.phase else {
            // An answer to a question of the walk that is over says nothing here.
            return reply.nodes.map(|_| ()).ok_or(InvalidReply::Missing);
        };
        if let (true, Some(num)) = (walk.answered(reply, rules)?, reply.num) {
            self.holders.insert(reply.id, num);
            if walk.is_among_the_closest(&reply.id) {
                let contact = Contact::new(reply.id, answer.from);
                self.retrieval.heard_of(contact, num);
            }
        }
        Ok(())
    }

    pub(super) fn walk_mut(&mut self) -> Option<&mut Walk> {
        match &mut self.phase {
            Phase::Finding(walk) => Some(walk),
            Phase::Fetching | Phase::Over => None,
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, branch: u16, trouble: Trouble) {
        let Some(id) = &peer.id else {
            return;
        };
        match (Branch::of(branch), &mut self.phase) {
            (Branch::Walk, Phase::Finding(walk)) => walk.troubled(id, trouble),
            (Branch::Walk, Phase::Fetching | Phase::Over) => {}
            (Branch::Retrieval, _) => match trouble {
                Trouble::Failed(CallError::Refused(_)) => self.retrieval.refused(id),
                Trouble::Failed(_) | Trouble::NotMade | Trouble::NotMadeYet(_) => {
                    self.retrieval.failed(id);
                }
                Trouble::Silent => self.retrieval.silent(id),
                Trouble::AskedAgain(_) => {}
            },
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Got {
            values: self.retrieval.told_count(),
            missing: self.retrieval.missing(),
        }
    }

    pub(super) fn reach(&self) -> Reach {
        match &self.phase {
            Phase::Finding(walk) => walk.reach(),
            Phase::Fetching | Phase::Over => self.reach,
        }
    }

    /// Asks a holder; the first one begins an action.
    fn ask(&mut self, wanted: Wanted, now: Instant) -> Step {
        let Wanted { contact, num } = wanted;
        let question = Question {
            peer: contact.into(),
            ask: Ask::GetValue { key: self.key, num },
            vouched: Vouched::Well,
            branch: Branch::Retrieval.number(),
        };
        if self.asking.is_some() {
            return Step::Ask(question);
        }
        self.asking = Some(now);
        self.question = Some(question);
        Step::Started(Method::GetValue)
    }

    /// Ends the walk: from now on only the closest count.
    fn settle(&mut self) -> Step {
        let walk = match core::mem::replace(&mut self.phase, Phase::Fetching) {
            Phase::Finding(walk) => walk,
            Phase::Fetching | Phase::Over => return Step::Wait,
        };
        self.reach = walk.reach();
        let mut closest = Vec::new();
        for place in walk.closest() {
            match place {
                // Our own node was asked when the operation began.
                Place::Here(id) if self.own == Some(id) => self.retrieval.settle_here(),
                Place::Here(_) => {}
                Place::There(contact) => {
                    let count = self.holders.get(&contact.id).copied().unwrap_or(0);
                    closest.push((contact, count));
                }
            }
        }
        self.retrieval.settle(&closest);
        self.holders.clear();
        Step::Finished(Action::Walk(walk))
    }
}

impl Branch {
    const fn number(self) -> u16 {
        match self {
            Self::Walk => 0,
            Self::Retrieval => 1,
        }
    }

    fn of(number: u16) -> Self {
        if number == Self::Walk.number() {
            Self::Walk
        } else {
            Self::Retrieval
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::address::{PrivateAddresses, SharedAddresses};
    use crate::estimate::NetworkEstimate;
    use crate::lookup::{ClosestNodes, Patience, Shape};
    use crate::operation::WalkKind;
    use crate::wire::Reply;

    const K: usize = 2;

    fn contact(first: u8) -> Contact {
        Contact::new(Id::new([first; 20]), ([10, 0, 0, first], 1).into())
    }

    /// A get among so many contacts, closest to the key in the order of their numbers.
    fn get(contacts: u8) -> Get {
        let key = Id::new([0; Id::LEN]);
        let shape = Shape {
            k: K,
            alpha: 64,
            max_queries: 256,
            patience: Patience::Adaptive,
            shared: SharedAddresses::Private,
            most_of_prefix: Some(2),
        };
        let mut closest_nodes = ClosestNodes::new(key, shape);
        for number in 1..=contacts {
            closest_nodes.seed(contact(number), None);
        }
        let own = Id::new([0xee; Id::LEN]);
        let walk = Walk::new(closest_nodes, WalkKind::FindValue, own, Instant::ORIGIN);
        let bounds = Bounds {
            k: K,
            alpha: 64,
            repeats: 64,
        };
        Get::new(walk, Retrieve::All, bounds, None)
    }

    /// Says that a contact holds so many values, and names nobody.
    fn counts(get: &mut Get, number: u8, num: u64) {
        let contact = contact(number);
        let reply = Reply {
            nodes: Some((&[]).into()),
            num: Some(num),
            ..Reply::from(contact.id)
        };
        let answer = Answer {
            from: contact.addr,
            branch: Branch::Walk.number(),
            took: Duration::ZERO,
            reply: &reply,
        };
        let rules = AddressRules {
            private: PrivateAddresses::Accept,
            own: None,
        };
        get.answered(&answer, &rules).expect("in order");
    }

    #[test]
    fn walk_and_retrieval_have_at_most_twice_k_calls_in_flight_together() {
        // Hardly anybody answers here, so that a walk asks many at once.
        let mut estimate = NetworkEstimate::ASSUMED;
        (0..100).for_each(|_| estimate.silent());
        let (now, estimate) = (Instant::ORIGIN, &estimate);
        let known = Known { now, estimate };
        let mut get = get(30);
        let (mut walking, mut retrieving, mut most) = (Vec::new(), 0, 0);
        let mut answers = [1, 2].into_iter();
        loop {
            match get.step(&known) {
                Step::Ask(question) if question.branch == Branch::Walk.number() => {
                    walking.push(question.peer.id);
                }
                Step::Ask(_) => retrieving += 1,
                Step::Started(Method::GetValue) => {}
                Step::Wait => match answers.next() {
                    Some(number) => {
                        let asked = Some(contact(number).id);
                        walking.retain(|walking| *walking != asked);
                        counts(&mut get, number, 1);
                    }
                    None => break,
                },
                Step::AskOnce(_)
                | Step::Deliver(_)
                | Step::Done(_)
                | Step::Finished(_)
                | Step::Open(_)
                | Step::OpenUnseeded(_)
                | Step::RefreshTargets(_)
                | Step::Started(_)
                | Step::StoreHere => {}
            }
            most = most.max(walking.len() + retrieving);
        }
        assert_eq!((retrieving, most), (2, K * 2));
    }
}
