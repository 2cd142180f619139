//! Finding the nodes closest to a target, or those of them that hold values of a key.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::{Action, Answer, Holder, Known, Outcome, Reach, Step, Trouble, Walk};
use crate::address::AddressRules;
use crate::contact::{Peer, Place};
use crate::id::Id;
use crate::time::Instant;
use crate::wire::InvalidReply;

/// One walk, and what is made of it.
pub(crate) struct Find {
    state: State,
    wanted: Wanted,
    reach: Reach,
}

enum State {
    Walking(Box<Walk>),
    Over(Outcome),
}

enum Wanted {
    Nodes,
    /// How many values each node holds.
    Holders(BTreeMap<Id, u64>),
}

impl Find {
    /// The closest nodes, by a `find_node` walk.
    pub(crate) fn nodes(walk: Walk) -> Self {
        Self {
            state: State::Walking(Box::new(walk)),
            wanted: Wanted::Nodes,
            reach: Reach::default(),
        }
    }

    /// The holders of values, by a `find_value` walk. `own` is how many our own node holds.
    pub(crate) fn holders(walk: Walk, own: (Id, u64)) -> Self {
        let wanted = Wanted::Holders(BTreeMap::from([own]));
        Self {
            state: State::Walking(Box::new(walk)),
            wanted,
            reach: Reach::default(),
        }
    }

    pub(super) fn step(&mut self, known: &Known<'_>) -> Step {
        let State::Walking(walk) = &mut self.state else {
            return Step::Done(self.outcome());
        };
        if let Some(question) = walk.next(0, known) {
            return Step::Ask(question);
        }
        if !walk.is_done() {
            return Step::Wait;
        }
        let outcome = self.outcome();
        self.reach = self.reach();
        match core::mem::replace(&mut self.state, State::Over(outcome)) {
            State::Walking(walk) => Step::Finished(Action::Walk(walk)),
            State::Over(outcome) => Step::Done(outcome),
        }
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        match &self.state {
            State::Walking(walk) => walk.next_review(known),
            _ => None,
        }
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        if let State::Walking(walk) = &mut self.state
            && walk.answered(answer.reply, rules)?
            && let (Wanted::Holders(holders), Some(num)) = (&mut self.wanted, answer.reply.num)
        {
            holders.insert(answer.reply.id, num);
        }
        Ok(())
    }

    pub(super) fn walk_mut(&mut self) -> Option<&mut Walk> {
        match &mut self.state {
            State::Walking(walk) => Some(walk),
            State::Over(_) => None,
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, trouble: Trouble) {
        if let (State::Walking(walk), Some(id)) = (&mut self.state, &peer.id) {
            walk.troubled(id, trouble);
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (&self.state, &self.wanted) {
            (State::Over(outcome), _) => outcome.clone(),
            (State::Walking(walk), Wanted::Nodes) => Outcome::Found(walk.closest().collect()),
            (State::Walking(walk), Wanted::Holders(holders)) => {
                let holder = |place: Place| {
                    let values = holders
                        .get(place.id())
                        .copied()
                        .filter(|values| *values > 0)?;
                    Some(Holder { place, values })
                };
                Outcome::Holders(walk.closest().filter_map(holder).collect())
            }
        }
    }

    pub(super) fn reach(&self) -> Reach {
        match &self.state {
            State::Walking(walk) => walk.reach(),
            State::Over(_) => self.reach,
        }
    }
}
