//! Refreshing buckets: a walk towards a random target in each of them, a few at a time.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::{Action, Answer, Known, Outcome, Step, Trouble, Walk};
use crate::address::AddressRules;
use crate::contact::Peer;
use crate::id::Id;
use crate::time::Instant;
use crate::wire::InvalidReply;

/// A number of walks, each on a branch of its own.
pub(super) struct BucketRefresh {
    targets: VecDeque<Id>,
    walks: BTreeMap<u16, Box<Walk>>,
    next_branch: u16,
    walked: usize,
}

impl BucketRefresh {
    /// Walks under way at once: refreshing is never urgent.
    const AT_ONCE: usize = 4;

    pub(super) fn new(targets: Vec<Id>, first_branch: u16) -> Self {
        Self {
            targets: targets.into(),
            walks: BTreeMap::new(),
            next_branch: first_branch,
            walked: 0,
        }
    }

    /// The next step, if there is anything to do now.
    pub(super) fn step(&mut self, known: &Known<'_>) -> Option<Step> {
        let asked = self
            .walks
            .iter_mut()
            .find_map(|(branch, walk)| walk.next(*branch, known));
        if let Some(question) = asked {
            return Some(Step::Ask(question));
        }
        let done = self
            .walks
            .iter()
            .find(|(_, walk)| walk.is_done())
            .map(|(branch, _)| *branch);
        if let Some(walk) = done.and_then(|branch| self.walks.remove(&branch)) {
            self.walked += 1;
            return Some(Step::Finished(Action::Walk(walk)));
        }
        if self.walks.len() >= Self::AT_ONCE {
            return None;
        }
        self.targets.pop_front().map(Step::Open)
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        let reviews = self
            .walks
            .values()
            .filter_map(|walk| walk.next_review(known));
        reviews.min()
    }

    pub(super) fn open(&mut self, walk: Walk) {
        self.walks.insert(self.next_branch, Box::new(walk));
        self.next_branch = self.next_branch.saturating_add(1);
    }

    pub(super) fn is_over(&self) -> bool {
        self.targets.is_empty() && self.walks.is_empty()
    }

    pub(super) const fn walked(&self) -> usize {
        self.walked
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        match self.walks.get_mut(&answer.branch) {
            Some(walk) => walk.answered(answer.reply, rules).map(|_| ()),
            None => Ok(()),
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, branch: u16, trouble: Trouble) {
        if let (Some(walk), Some(id)) = (self.walks.get_mut(&branch), &peer.id) {
            walk.troubled(id, trouble);
        }
    }
}

/// The refreshing of buckets as an operation of its own.
pub(crate) struct Refresh(BucketRefresh);

impl Refresh {
    pub(crate) fn new(targets: Vec<Id>) -> Self {
        Self(BucketRefresh::new(targets, 0))
    }

    pub(super) fn step(&mut self, known: &Known<'_>) -> Step {
        match self.0.step(known) {
            Some(step) => step,
            None if self.0.is_over() => Step::Done(self.outcome()),
            None => Step::Wait,
        }
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        self.0.next_review(known)
    }

    pub(super) fn open(&mut self, walk: Walk) {
        self.0.open(walk);
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        self.0.answered(answer, rules)
    }

    pub(super) fn troubled(&mut self, peer: &Peer, branch: u16, trouble: Trouble) {
        self.0.troubled(peer, branch, trouble);
    }

    pub(super) const fn outcome(&self) -> Outcome {
        Outcome::Refreshed {
            buckets: self.0.walked(),
        }
    }
}
