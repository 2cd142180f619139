//! A walk towards a target: the closest known so far, who of them is asked, and when it is over.
//!
//! The contract: call [`Frontier::next`] until it is `None`, report every answer and failure, call
//! `next` again; the walk is over when [`Frontier::is_done`]. Nobody is asked twice, whoever is slow has
//! a stand-in, and whoever fails makes room for another, so a walk always ends.

use alloc::vec::Vec;

use super::{News, State};
use crate::contact::{Contact, Place};
use crate::id::{Distance, Id};

/// Someone who may be asked, or who has answered.
struct Candidate {
    distance: Distance,
    place: Place,
    state: State,
    /// How it was found: 1 from our own table, one more than whoever named it otherwise.
    depth: u32,
}

/// The shortlist of a walk, sorted by distance.
pub(crate) struct Frontier {
    target: Id,
    k: usize,
    alpha: usize,
    candidates: Vec<Candidate>,
    /// The longest chain of queries so far, each caused by an answer to the one before.
    rounds: u32,
}

/// Whether someone who was named is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is now on the shortlist.
    New,
    /// It was known, or is too far away to matter.
    Ignored,
}

impl Frontier {
    /// Candidates kept, in multiples of K: whoever is named beyond that and farther away than all
    /// of them is ignored. A shortlist needs K live contacts; the rest are spares for dead ones.
    const SPARES: usize = 16;

    /// A walk that ends with the `k` closest to `target`, asking `alpha` at a time.
    pub(crate) const fn new(target: Id, k: usize, alpha: usize) -> Self {
        Self {
            target,
            k,
            alpha,
            candidates: Vec::new(),
            rounds: 0,
        }
    }

    pub(crate) const fn target(&self) -> &Id {
        &self.target
    }

    /// Puts our own node on the shortlist, as one that needs not be asked.
    pub(crate) fn include_self(&mut self, own: Id) {
        self.insert(Place::Here(own), State::Answered, 0);
    }

    /// Names a contact from our own table.
    pub(crate) fn seed(&mut self, contact: Contact) -> Offered {
        self.insert(Place::There(contact), State::Fresh, 1)
    }

    /// Names a contact that the answer of `by` named.
    pub(crate) fn offer(&mut self, contact: Contact, by: &Id) -> Offered {
        let depth = self.find(by).map_or(1, |at| self.candidates[at].depth + 1);
        self.insert(Place::There(contact), State::Fresh, depth)
    }

    /// Whom to ask now, if anyone: the closest not yet asked among the K closest that are neither
    /// given up nor slow, as long as fewer than alpha of those are in flight. So whoever is slow has
    /// a stand-in asked at once; otherwise dead contacts would be waited for one after the other.
    pub(crate) fn next(&mut self) -> Option<Contact> {
        let mut in_flight = 0;
        let mut fresh = None;
        let prompt = |state| matches!(state, State::Fresh | State::Waiting | State::Answered);
        let hopeful = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(_, c)| prompt(c.state));
        for (at, candidate) in hopeful.take(self.k) {
            match candidate.state {
                State::Waiting => in_flight += 1,
                State::Fresh if fresh.is_none() => {
                    fresh = candidate.place.contact().map(|c| (at, c));
                }
                State::Fresh | State::Slow | State::Silent | State::Answered | State::Failed => {}
            }
        }
        let (at, contact) = fresh.filter(|_| in_flight < self.alpha)?;
        self.candidates[at].state = State::Waiting;
        self.rounds = self.rounds.max(self.candidates[at].depth);
        Some(contact)
    }

    /// Reports that someone answered. False for whoever was not being asked.
    pub(crate) fn answered(&mut self, id: &Id) -> bool {
        match self.find(id) {
            Some(at) if self.candidates[at].state.is_pending() => {
                self.candidates[at].state = State::Answered;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Reports anything else about someone who is being asked.
    pub(crate) fn report(&mut self, id: &Id, news: News) {
        if let Some(at) = self.find(id) {
            self.candidates[at].state = news.apply(self.candidates[at].state);
        }
    }

    /// Whether the K closest that are not given up have all answered. As long as nobody has, those
    /// who are silent are waited for: a result that may come late is better than none.
    pub(crate) fn is_done(&self) -> bool {
        self.leading()
            .all(|candidate| candidate.state == State::Answered)
            && (self.has_heard_anyone() || !self.is_anyone_silent())
    }

    /// Those of the K closest that answered, closest first, our own node among them.
    pub(crate) fn closest(&self) -> impl Iterator<Item = Place> + '_ {
        let answered = self
            .candidates
            .iter()
            .filter(|c| c.state == State::Answered);
        answered.take(self.k).map(|candidate| candidate.place)
    }

    /// The depth at which the closest of the result was found; 0 when that is our own node.
    pub(crate) fn hops(&self) -> u32 {
        let found = self.candidates.iter().find(|c| c.state == State::Answered);
        found.map_or(0, |candidate| candidate.depth)
    }

    /// The length of the longest chain of queries, each caused by an answer to the one before.
    pub(crate) const fn rounds(&self) -> u32 {
        self.rounds
    }

    fn has_heard_anyone(&self) -> bool {
        let mut answered = self
            .candidates
            .iter()
            .filter(|c| c.state == State::Answered);
        answered.any(|candidate| candidate.place.contact().is_some())
    }

    fn is_anyone_silent(&self) -> bool {
        self.candidates
            .iter()
            .any(|candidate| candidate.state == State::Silent)
    }

    /// The K closest that are not given up.
    fn leading(&self) -> impl Iterator<Item = &Candidate> {
        let live = |c: &&Candidate| !matches!(c.state, State::Failed | State::Silent);
        self.candidates.iter().filter(live).take(self.k)
    }

    fn find(&self, id: &Id) -> Option<usize> {
        self.position(&self.target.distance(id)).ok()
    }

    fn position(&self, distance: &Distance) -> Result<usize, usize> {
        self.candidates
            .binary_search_by(|candidate| candidate.distance.cmp(distance))
    }

    fn insert(&mut self, place: Place, state: State, depth: u32) -> Offered {
        let distance = self.target.distance(place.id());
        let Err(at) = self.position(&distance) else {
            return Offered::Ignored;
        };
        let most = self.k * Self::SPARES;
        if at >= most {
            return Offered::Ignored;
        }
        self.candidates.insert(
            at,
            Candidate {
                distance,
                place,
                state,
                depth,
            },
        );
        if self.candidates.len() > most
            && self
                .candidates
                .last()
                .is_some_and(|c| c.state == State::Fresh)
        {
            self.candidates.pop();
        }
        Offered::New
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use quickcheck::{TestResult, quickcheck};

    use super::*;
    use crate::rng::{Rng, Seed};

    fn contact(first: u8) -> Contact {
        let mut bytes = [0; 20];
        bytes[0] = first;
        Contact::new(Id::new(bytes), ([10, 0, 0, first], 1).into())
    }

    fn frontier(k: usize, alpha: usize, seeds: impl IntoIterator<Item = u8>) -> Frontier {
        let mut frontier = Frontier::new(Id::new([0; 20]), k, alpha);
        for seed in seeds {
            frontier.seed(contact(seed));
        }
        frontier
    }

    fn asked(frontier: &mut Frontier) -> Vec<u8> {
        core::iter::from_fn(|| frontier.next())
            .map(|c| c.id.as_bytes()[0])
            .collect()
    }

    #[test]
    fn a_walk_asks_alpha_at_a_time_closest_first() {
        let mut walk = frontier(3, 2, [9, 1, 5, 7]);
        assert_eq!(asked(&mut walk), [1, 5]);
        assert!(walk.answered(&contact(5).id));
        assert_eq!(walk.offer(contact(2), &contact(5).id), Offered::New);
        assert_eq!(walk.offer(contact(2), &contact(5).id), Offered::Ignored);
        assert_eq!(asked(&mut walk), [2]);
        assert_eq!((walk.rounds(), walk.is_done()), (2, false));
        assert!(walk.answered(&contact(1).id) && walk.answered(&contact(2).id));
        assert!(walk.is_done());
        assert_eq!(walk.closest().count(), 3);
    }

    #[test]
    fn a_slow_contact_frees_its_slot_but_holds_up_the_end() {
        let mut walk = frontier(2, 1, [1, 2]);
        assert_eq!(asked(&mut walk), [1]);
        walk.report(&contact(1).id, News::Slow);
        assert_eq!(asked(&mut walk), [2]);
        walk.answered(&contact(2).id);
        assert!(!walk.is_done());
        assert!(walk.answered(&contact(1).id));
        assert!(walk.is_done());
    }

    #[test]
    fn a_silent_contact_holds_up_nothing_but_may_still_answer() {
        let mut walk = frontier(1, 1, [1, 2]);
        assert_eq!(asked(&mut walk), [1]);
        walk.report(&contact(1).id, News::Silent);
        assert_eq!(asked(&mut walk), [2]);
        walk.answered(&contact(2).id);
        assert!(walk.is_done());
        walk.answered(&contact(1).id);
        assert_eq!(
            walk.closest().collect::<Vec<_>>(),
            [Place::There(contact(1))]
        );
        assert!(walk.is_done());
    }

    #[test]
    fn when_nobody_has_answered_those_who_are_silent_are_waited_for() {
        let mut walk = frontier(2, 2, [1, 2]);
        walk.include_self(contact(3).id);
        assert_eq!(asked(&mut walk), [1, 2]);
        walk.report(&contact(1).id, News::Silent);
        walk.report(&contact(2).id, News::Silent);
        assert!(!walk.is_done());
        walk.report(&contact(1).id, News::Failed);
        assert!(!walk.is_done());
        walk.answered(&contact(2).id);
        assert!(walk.is_done());
    }

    #[test]
    fn a_failed_contact_is_replaced_and_never_in_the_result() {
        let mut walk = frontier(1, 4, [1, 2]);
        assert_eq!(asked(&mut walk), [1]);
        walk.report(&contact(1).id, News::Failed);
        assert!(!walk.answered(&contact(1).id));
        assert_eq!(asked(&mut walk), [2]);
        walk.answered(&contact(2).id);
        assert_eq!(
            walk.closest().collect::<Vec<_>>(),
            [Place::There(contact(2))]
        );
    }

    #[test]
    fn our_own_node_counts_and_an_empty_walk_is_over_at_once() {
        let mut walk = frontier(2, 1, []);
        assert!(walk.is_done());
        walk.include_self(contact(3).id);
        assert!(walk.is_done());
        assert_eq!(
            walk.closest().collect::<Vec<_>>(),
            [Place::Here(contact(3).id)]
        );
        assert_eq!(walk.hops(), 0);
    }

    quickcheck! {
        /// Whatever answers, fails or dawdles, and whoever is named on the way: nobody is asked
        /// twice, the shortlist stays bounded, and the walk ends.
        fn every_walk_ends(seed: u64, k: u8, alpha: u8) -> TestResult {
            let (k, alpha) = (usize::from(k % 9), usize::from(alpha % 9));
            if k == 0 || alpha == 0 {
                return TestResult::discard();
            }
            let mut rng = Rng::new(Seed::from_number(seed));
            let mut walk = frontier(k, alpha, 1..10);
            let mut asked = BTreeSet::new();
            let mut pending = Vec::new();
            for _ in 0..100_000 {
                while let Some(contact) = walk.next() {
                    assert!(asked.insert(contact.id), "asked twice");
                    pending.push(contact.id);
                }
                if pending.is_empty() {
                    return TestResult::from_bool(walk.is_done());
                }
                let id = pending.swap_remove(rng.below(pending.len() as u64) as usize);
                match rng.below(4) {
                    0 => walk.report(&id, News::Failed),
                    1 => {
                        walk.report(&id, News::Silent);
                        pending.push(id);
                    }
                    _ => {
                        walk.answered(&id);
                        for _ in 0..rng.below(8) {
                            if asked.len() < 500 {
                                walk.offer(Contact::new(rng.id(), ([10, 0, 0, 1], 1).into()), &id);
                            }
                        }
                    }
                }
                assert!(walk.candidates.len() <= k * Frontier::SPARES + asked.len());
            }
            TestResult::failed()
        }
    }
}
