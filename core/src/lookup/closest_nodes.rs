//! A closest-nodes lookup: the closest contacts known so far, which of them is asked, and when it is over.
//!
//! The contract: call [`ClosestNodes::next`] until it is `None`, report every answer and failure, call
//! `next` again; the walk is over when [`ClosestNodes::is_done`]. Nobody is asked twice, whoever is slow
//! has a stand-in, and whoever fails makes room for another, so a walk always ends.

use alloc::vec::Vec;

use super::coverage::Coverage;
use crate::contact::{Contact, Place};
use crate::estimate::{NetworkEstimate, Outlook, Silence};
use crate::id::{Distance, Id};
use crate::rtt::RoundTrip;
use crate::time::Instant;

/// A contact that may be asked, or that has answered.
struct Candidate {
    distance: Distance,
    place: Place,
    state: State,
    /// How long it takes to answer, where our table knows it.
    round_trip: Option<RoundTrip>,
    /// How it was found: 1 from our own table, otherwise one more than the contact that named it.
    depth: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not asked yet.
    Fresh,
    /// Asked, and not heard of since.
    Asked {
        silence: Silence,
        outlook: Outlook,
        about: Id,
    },
    Answered,
    /// Did not answer, or not as it should.
    Failed,
}

/// How a walk deals with contacts that do not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It judges them by what the node has learnt of its network.
    Adaptive,
    /// It waits for each of them, alpha at a time, as in the original.
    Fixed,
}

/// The shortlist of a walk, sorted by distance.
pub(crate) struct ClosestNodes {
    target: Id,
    k: usize,
    alpha: usize,
    patience: Patience,
    trend: Trend,
    candidates: Vec<Candidate>,
    coverage: Coverage,
    /// The longest chain of queries so far, each caused by an answer to the one before.
    rounds: u32,
    /// The chance that a contact is there which was not asked.
    there: f64,
    /// When the contacts in flight were judged last, and by which version of the estimate.
    judged: Option<(Instant, u32)>,
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

    /// A walk that ends with the `k` closest to `target`, asking `alpha` at a time.
    pub(crate) const fn new(target: Id, k: usize, alpha: usize, patience: Patience) -> Self {
        Self {
            target,
            k,
            alpha,
            patience,
            trend: Trend::Closing,
            candidates: Vec::new(),
            coverage: Coverage::NONE,
            rounds: 0,
            there: 1.0,
            judged: None,
        }
    }

    pub(crate) const fn target(&self) -> &Id {
        &self.target
    }

    /// How many contacts of our own to begin with.
    pub(crate) const fn seeds(&self) -> usize {
        match self.patience {
            Patience::Adaptive => self.k * Self::SEEDS,
            Patience::Fixed => self.k,
        }
    }

    /// Puts our own node on the shortlist, as one that needs not be asked.
    pub(crate) fn include_self(&mut self, own: Id) {
        self.insert(Place::Here(own), State::Answered, None, 0);
    }

    /// Names a contact from our own table, which takes so long to answer, if that is known.
    pub(crate) fn seed(&mut self, contact: Contact, round_trip: Option<RoundTrip>) -> Offered {
        self.insert(Place::There(contact), State::Fresh, round_trip, 1)
    }

    /// Names a contact that the answer of `by` named.
    pub(crate) fn offer(&mut self, contact: Contact, by: &Id) -> Offered {
        let depth = self.find(by).map_or(1, |at| self.candidates[at].depth + 1);
        let offered = self.insert(Place::There(contact), State::Fresh, None, depth);
        if offered == Offered::New && self.is_among_the_closest(&contact.id) {
            self.trend = Trend::Closing;
        }
        offered
    }

    /// Judges the contacts in flight by what is known now.
    pub(crate) fn judge(&mut self, now: Instant, estimate: &NetworkEstimate) {
        let judged = Some((now, estimate.version()));
        if self.patience == Patience::Fixed || self.judged == judged {
            return;
        }
        self.judged = judged;
        let turnout = estimate.turnout(self.in_flight(), now);
        self.there = turnout.share();
        for candidate in &mut self.candidates {
            if let State::Asked {
                silence, outlook, ..
            } = &mut candidate.state
            {
                let there = estimate.there_beside(&turnout, silence, now);
                *outlook = estimate.outlook(there, silence, now);
            }
        }
    }

    /// When the contacts in flight are to be judged again, if none of them answers before.
    pub(crate) fn next_review(&self, now: Instant, estimate: &NetworkEstimate) -> Option<Instant> {
        if self.patience == Patience::Fixed {
            return None;
        }
        let hopeful = self.candidates.iter().filter_map(|c| match c.state {
            State::Asked {
                silence, outlook, ..
            } if !outlook.is_hopeless() => Some((silence, outlook.there)),
            State::Asked { .. } | State::Fresh | State::Answered | State::Failed => None,
        });
        hopeful
            .filter_map(|(silence, there)| estimate.next_review(there, &silence, now))
            .min()
    }

    /// The contact to ask now, if there is one: the closest not yet asked among those that may belong
    /// to the result. Contacts in flight count for as much as they are likely to answer, and fresh
    /// ones for as much as they are likely to be there: so a contact that is silent for long has a
    /// stand-in, and more are asked where many are dead.
    ///
    /// While the walk comes closer, as many are in flight as make alpha that will answer soon. Once it
    /// no longer does, all that are left are asked: they have to be, and one wait is shorter than
    /// several.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Asked> {
        if self.is_done() {
            return None;
        }
        let wanted = self.k as f64 * (4.0 - 3.0 * self.there) - 0.5;
        let (mut expected, mut soon) = (0.0, 0.0);
        let mut fresh = None;
        for (at, candidate) in self.candidates.iter().enumerate() {
            if expected >= wanted {
                break;
            }
            match candidate.state {
                State::Answered => expected += 1.0,
                State::Asked { outlook, .. } => {
                    expected += outlook.answers;
                    soon += outlook.soon;
                }
                State::Fresh => {
                    expected += self.there;
                    fresh = fresh.or(candidate.place.contact().map(|c| (at, c)));
                }
                State::Failed => {}
            }
        }
        let (at, contact) = fresh?;
        let hurries = self.patience == Patience::Adaptive && self.trend == Trend::Settled;
        let has_room = self.waited_for() < self.most_in_flight();
        if !has_room || !hurries && soon + 0.5 > self.alpha as f64 {
            return None;
        }
        let about = self.about(&contact.id);
        self.candidates[at].state = State::Asked {
            silence: Silence::new(now, self.candidates[at].round_trip),
            outlook: Outlook {
                there: self.there,
                answers: self.there,
                soon: 1.0,
            },
            about,
        };
        self.rounds = self.rounds.max(self.candidates[at].depth);
        Some(Asked { contact, about })
    }

    /// Reports that a contact answered and named these. False for one that was not being asked.
    pub(crate) fn answered(&mut self, id: &Id, named: impl Iterator<Item = Id>) -> bool {
        let Some(at) = self.find(id) else {
            return false;
        };
        let State::Asked { about, .. } = self.candidates[at].state else {
            return false;
        };
        self.candidates[at].state = State::Answered;
        self.trend = Trend::Settled;
        let (mut count, mut shared) = (0, Id::BITS);
        for named in named {
            count += 1;
            shared = shared.min(about.common_prefix(&named));
        }
        if count >= self.k {
            self.coverage.shown(&self.target, &about, id, shared);
        }
        true
    }

    /// Reports that a contact was asked the same again.
    pub(crate) fn asked_again(&mut self, id: &Id, now: Instant) {
        if let Some(at) = self.find(id)
            && let State::Asked { silence, .. } = &mut self.candidates[at].state
        {
            silence.sent_again(now);
            self.judged = None;
        }
    }

    /// Reports that a contact that is asked does not answer, or not as it should.
    pub(crate) fn failed(&mut self, id: &Id) {
        if let Some(at) = self.find(id)
            && matches!(self.candidates[at].state, State::Asked { .. })
        {
            self.candidates[at].state = State::Failed;
        }
    }

    /// Whether the K closest that are not given up have all answered. As long as none has, those that
    /// are silent are waited for: a result that may come late is better than none.
    pub(crate) fn is_done(&self) -> bool {
        let mut leading = self
            .candidates
            .iter()
            .filter(|candidate| candidate.is_waited_for())
            .take(self.k);
        leading.all(|candidate| candidate.has_answered())
            && (self.has_heard_anyone() || self.in_flight().next().is_none())
    }

    /// Those of the K closest that answered, closest first, our own node among them.
    pub(crate) fn closest(&self) -> impl Iterator<Item = Place> + '_ {
        let answered = self.candidates.iter().filter(|c| c.has_answered());
        answered.take(self.k).map(|candidate| candidate.place)
    }

    /// The depth at which the closest of the result was found; 0 when that is our own node.
    pub(crate) fn hops(&self) -> u32 {
        let found = self.candidates.iter().find(|c| c.has_answered());
        found.map_or(0, |candidate| candidate.depth)
    }

    /// The length of the longest chain of queries, each caused by an answer to the one before.
    pub(crate) const fn rounds(&self) -> u32 {
        self.rounds
    }

    fn has_heard_anyone(&self) -> bool {
        let mut answered = self.candidates.iter().filter(|c| c.has_answered());
        answered.any(|candidate| candidate.place.contact().is_some())
    }

    /// The contacts that were asked and have not answered.
    fn in_flight(&self) -> impl Iterator<Item = &Silence> {
        self.candidates.iter().filter_map(|c| match &c.state {
            State::Asked { silence, .. } => Some(silence),
            State::Fresh | State::Answered | State::Failed => None,
        })
    }

    /// How many contacts in flight may still answer.
    pub(crate) fn waited_for(&self) -> usize {
        let asked = |c: &&Candidate| matches!(c.state, State::Asked { .. }) && c.is_waited_for();
        self.candidates.iter().filter(asked).count()
    }

    /// How many may be in flight: all of the K closest, and a stand-in for each.
    const fn most_in_flight(&self) -> usize {
        self.k * 2
    }

    /// What to ask someone about. An answer names the K closest to what it is asked about, the dead
    /// among them; once those around the target were asked, another answer about it says little
    /// new, and who is crowded out by the dead stays unknown. So whoever is farther away is asked
    /// about the point closest to the target on its own side of the tree, where it knows best.
    fn about(&self, contact: &Id) -> Id {
        match self.patience {
            Patience::Adaptive => {
                let known = self.candidates.iter().take(self.k).last();
                let bits = known.map_or(0, |last| last.distance.leading_zeros() + 1);
                let point = self.coverage.point_for(&self.target, contact, bits);
                point.unwrap_or(self.target)
            }
            Patience::Fixed => self.target,
        }
    }

    /// Whether a contact belongs to the K closest of those that answered or may well answer.
    pub(crate) fn is_among_the_closest(&self, id: &Id) -> bool {
        let hopeful = |c: &&Candidate| c.is_waited_for();
        let closest = self.candidates.iter().filter(hopeful).take(self.k);
        closest
            .last()
            .is_some_and(|last| self.target.distance(id) <= last.distance)
    }

    fn find(&self, id: &Id) -> Option<usize> {
        self.position(&self.target.distance(id)).ok()
    }

    fn position(&self, distance: &Distance) -> Result<usize, usize> {
        self.candidates
            .binary_search_by(|candidate| candidate.distance.cmp(distance))
    }

    fn insert(
        &mut self,
        place: Place,
        state: State,
        round_trip: Option<RoundTrip>,
        depth: u32,
    ) -> Offered {
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
                round_trip,
                depth,
            },
        );
        // A contact that was asked stays, however far away: its answer is still to be told from others.
        let mut beyond = self.candidates.iter().skip(most);
        if let Some(at) = beyond.position(|c| matches!(c.state, State::Fresh)) {
            self.candidates.remove(most + at);
        }
        Offered::New
    }
}

impl Candidate {
    fn has_answered(&self) -> bool {
        matches!(self.state, State::Answered)
    }

    /// Whether it has answered or may still.
    fn is_waited_for(&self) -> bool {
        match self.state {
            State::Fresh | State::Answered => true,
            State::Asked { outlook, .. } => !outlook.is_hopeless(),
            State::Failed => false,
        }
    }
}

#[cfg(test)]
mod tests;
