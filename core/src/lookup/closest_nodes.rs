//! A closest-nodes lookup: the closest contacts known so far, which of them is asked, and when it is over.
//!
//! The contract: call [`ClosestNodes::next`] until it is `None`, report every answer and failure, call
//! `next` again; the walk is over when [`ClosestNodes::is_done`]. Nobody is asked twice, whoever is slow
//! has a stand-in, and whoever fails makes room for another, so a walk always ends.

use alloc::vec::Vec;

use super::pace::{Pace, Tally, Turnout};
use super::{News, State};
use crate::contact::{Contact, Place};
use crate::id::{Distance, Id, NextBit};

/// A contact that may be asked, or that has answered.
struct Candidate {
    distance: Distance,
    place: Place,
    state: State,
    /// How it was found: 1 from our own table, otherwise one more than the contact that named it.
    depth: u32,
}

/// The shortlist of a walk, sorted by distance.
pub(crate) struct ClosestNodes {
    target: Id,
    k: usize,
    alpha: usize,
    pace: Pace,
    trend: Trend,
    candidates: Vec<Candidate>,
    /// The longest chain of queries so far, each caused by an answer to the one before.
    rounds: u32,
}

/// Whether the walk still comes closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trend {
    /// Nobody has answered, or the last answer named someone who belongs to the K closest so far.
    Closing,
    /// It named nobody such.
    Settled,
}

/// A contact to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) contact: Contact,
    /// Whose surroundings to ask about.
    pub(crate) about: Id,
    /// How many of those it knows seem to be there.
    pub(crate) turnout: Turnout,
}

/// Whether a contact that was named is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is now on the shortlist.
    New,
    /// It was known, or is too far away to matter.
    Ignored,
}

impl ClosestNodes {
    /// Candidates kept, in multiples of K: whoever is named beyond that and farther away than all
    /// of them is ignored. A shortlist needs K live contacts; the rest are spares for dead ones.
    const SPARES: usize = 16;

    /// Contacts of our own that an adaptive walk starts from, in multiples of K. It asks them only
    /// while it knows nobody closer, so they cost nothing unless the first are dead.
    const SEEDS: usize = 4;
    /// So many must have answered who are closer than someone before that one is asked about its
    /// own side of the tree. One might know little.
    const INFORMED: usize = 2;

    /// A walk that ends with the `k` closest to `target`, asking `alpha` at a time.
    pub(crate) const fn new(target: Id, k: usize, alpha: usize, pace: Pace) -> Self {
        Self {
            target,
            k,
            alpha,
            pace,
            trend: Trend::Closing,
            candidates: Vec::new(),
            rounds: 0,
        }
    }

    pub(crate) const fn target(&self) -> &Id {
        &self.target
    }

    /// How many contacts of our own to begin with.
    pub(crate) const fn seeds(&self) -> usize {
        match self.pace {
            Pace::Adaptive { .. } => self.k * Self::SEEDS,
            Pace::Steady => self.k,
        }
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
        let offered = self.insert(Place::There(contact), State::Fresh, depth);
        if offered == Offered::New && self.is_among_the_closest(&contact.id) {
            self.trend = Trend::Closing;
        }
        offered
    }

    /// Whom to ask now, if anyone: the closest not yet asked among those who may belong to the
    /// result, as long as fewer than alpha who are likely to answer are in flight. Whoever is slow
    /// is not counted on, so it has a stand-in at once; otherwise dead contacts would be waited for
    /// one after the other. Once the walk no longer comes closer, all who are left are asked: they
    /// have to be, and one wait is shorter than several.
    pub(crate) fn next(&mut self) -> Option<Asked> {
        if self.is_done() {
            return None;
        }
        let likely = self.pace.likely(self.tally());
        // Counted in thousandths of contacts. Those who are dead are named all the same, and whoever
        // lives beyond them is named by few, so that more must be asked than are wanted.
        let wanted = self.k * (Pace::ALL * 2 - likely) as usize;
        let half = likely as usize / 2;
        let (mut counted_on, mut in_flight) = (0, 0);
        let mut fresh = None;
        for (at, candidate) in self.candidates.iter().enumerate() {
            if counted_on + half >= wanted {
                break;
            }
            match candidate.state {
                State::Answered => counted_on += Pace::ALL as usize,
                State::Waiting => {
                    counted_on += likely as usize;
                    in_flight += likely as usize;
                }
                State::Fresh => {
                    counted_on += likely as usize;
                    fresh = fresh.or(candidate.place.contact().map(|c| (at, c)));
                }
                State::Slow | State::Late | State::Silent | State::Failed => {}
            }
        }
        let at_once = self.alpha.saturating_mul(Pace::ALL as usize);
        let turnout = self.pace.turnout(likely);
        let (at, contact) =
            fresh.filter(|_| self.hurries(turnout) || in_flight + half < at_once)?;
        self.candidates[at].state = State::Waiting;
        self.rounds = self.rounds.max(self.candidates[at].depth);
        let about = self.about(at, &contact.id);
        Some(Asked {
            contact,
            about,
            turnout,
        })
    }

    /// Reports that a contact answered. False for one that was not being asked.
    pub(crate) fn answered(&mut self, id: &Id) -> bool {
        match self.find(id) {
            Some(at) if self.candidates[at].state.is_pending() => {
                self.candidates[at].state = State::Answered;
                self.trend = Trend::Settled;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Reports anything else about a contact that is being asked.
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
            .any(|candidate| matches!(candidate.state, State::Late | State::Silent))
    }

    /// The K closest that are not given up.
    fn leading(&self) -> impl Iterator<Item = &Candidate> {
        let gives_up_late = self.pace.gives_up_late(self.tally());
        let live = move |c: &&Candidate| match c.state {
            State::Fresh | State::Waiting | State::Slow | State::Answered => true,
            State::Late => !gives_up_late,
            State::Silent | State::Failed => false,
        };
        self.candidates.iter().filter(live).take(self.k)
    }

    /// Whether alpha does not matter now.
    fn hurries(&self, turnout: Turnout) -> bool {
        match self.pace {
            Pace::Adaptive { .. } => self.trend == Trend::Settled || turnout == Turnout::Low,
            Pace::Steady => false,
        }
    }

    /// What to ask someone about. An answer names the K closest to what it is asked about, the dead
    /// among them; once those around the target were asked, another answer about it says little
    /// new, and who is crowded out by the dead stays unknown. So whoever is farther away is asked
    /// about the point closest to the target on its own side of the tree, where it knows best.
    fn about(&self, at: usize, id: &Id) -> Id {
        let closer = self.candidates.iter().take(at);
        let answered = closer.filter(|c| c.state == State::Answered).count();
        match self.pace {
            Pace::Adaptive { .. } if answered >= Self::INFORMED => {
                let shared = self.target.common_prefix(id);
                self.target.under(&self.target, shared, NextBit::Flipped)
            }
            Pace::Adaptive { .. } | Pace::Steady => self.target,
        }
    }

    /// Whether a contact belongs to the K closest of those that answered or may well answer.
    fn is_among_the_closest(&self, id: &Id) -> bool {
        let hopeful =
            |c: &&Candidate| matches!(c.state, State::Fresh | State::Waiting | State::Answered);
        let closest = self.candidates.iter().filter(hopeful).take(self.k);
        closest
            .last()
            .is_some_and(|last| self.target.distance(id) <= last.distance)
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let others = self
            .candidates
            .iter()
            .filter(|c| c.place.contact().is_some());
        for candidate in others {
            match candidate.state {
                State::Fresh | State::Waiting => {}
                State::Answered => tally.answered += 1,
                State::Slow => tally.slow += 1,
                State::Late | State::Silent | State::Failed => tally.late += 1,
            }
        }
        tally
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
        // A contact that was asked stays, however far away: its answer is still to be told from others.
        let mut beyond = self.candidates.iter().skip(most);
        if let Some(at) = beyond.position(|c| c.state == State::Fresh) {
            self.candidates.remove(most + at);
        }
        Offered::New
    }
}

#[cfg(test)]
mod tests;
