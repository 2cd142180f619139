//! A closest-nodes lookup: the closest contacts known so far, which of them is asked, and when it is over.
//!
//! The contract: call [`ClosestNodes::next`] until it is `None`, report every answer and failure, call
//! `next` again; the walk is over when [`ClosestNodes::is_done`]. No contact is asked twice, a slow one
//! has a stand-in, and names are followed only so far, so a walk always ends.

mod held_back;
mod judging;
mod prefixes;
mod shape;
mod sources;

use alloc::vec::Vec;
use core::time::Duration;

use super::candidate::{Candidate, State};
use super::coverage::Coverage;
use crate::contact::{Contact, Place};
use crate::estimate::{Outlook, Silence, Vouched};
use crate::id::{Distance, Id};
use crate::rtt::RoundTrip;
use crate::time::Instant;

pub(crate) use shape::{Patience, Shape};

/// The shortlist of a walk, sorted by distance.
pub(crate) struct ClosestNodes {
    target: Id,
    shape: Shape,
    trend: Trend,
    course: Course,
    variety: Variety,
    queries: usize,
    /// When the first contact was asked, and the time of the last look.
    began: Option<Instant>,
    now: Instant,
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

/// Whether a walk goes as walks of honest networks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Plain,
    /// It followed names for longer than any honest network makes it, or spent all its queries: some
    /// source invents ever closer contacts. Few of what one source alone has named count from here on.
    Misled,
}

/// Of how many prefixes the contacts are that a walk has heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variety {
    Enough,
    /// There have been more of one prefix than may count.
    Crowded,
}

/// A contact to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) contact: Contact,
    /// Whose surroundings to ask about.
    pub(crate) about: Id,
    pub(crate) vouched: Vouched,
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

    /// Contacts in flight, in multiples of K, however unlikely they are to answer.
    pub(crate) const MOST_IN_FLIGHT: usize = 4;

    /// Contacts of our own that an adaptive walk starts from, in multiples of K. It asks them only
    /// while it knows nobody closer, so they cost nothing unless the first are dead.
    const SEEDS: usize = 4;

    /// The longest chain of names that is followed. Each answer brings a walk some three bits closer
    /// with K of 8, so that a million nodes (20 bits) are seven names away; half of them dead,
    /// nine or so.
    const MOST_HOPS: u32 = 12;
    /// And the longest for a walk that has taken [so long](Self::LONG) already: as many as it takes where
    /// all answer.
    const MOST_HOPS_WHERE_LONG: u32 = 6;
    const LONG: Duration = Duration::from_secs(4);
    /// Of the contacts that one source alone has named, so many count in a walk that was misled, as long
    /// as others can take the places.
    const MOST_OF_ONE_SOURCE: usize = 2;

    /// A walk towards `target`.
    pub(crate) const fn new(target: Id, shape: Shape) -> Self {
        Self {
            target,
            shape,
            course: Course::Plain,
            variety: Variety::Enough,
            queries: 0,
            began: None,
            now: Instant::ORIGIN,
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
        match self.shape.patience {
            Patience::Adaptive => self.shape.k * Self::SEEDS,
            Patience::Fixed => self.shape.k,
        }
    }

    /// Puts our own node on the shortlist, as one that needs not be asked.
    pub(crate) fn include_self(&mut self, own: Id) {
        self.insert(self.candidate(Place::Here(own), State::Answered, 0));
    }

    /// Names a contact from our own table, which takes so long to answer, if that is known.
    pub(crate) fn seed(&mut self, contact: Contact, round_trip: Option<RoundTrip>) -> Offered {
        let candidate = self.candidate(Place::There(contact), State::Fresh, 1);
        self.insert(Candidate {
            round_trip,
            ..candidate
        })
    }

    /// Names a contact that the answer of `by` named.
    pub(crate) fn offer(&mut self, contact: Contact, by: &Id) -> Offered {
        if let Some(at) = self.find(&contact.id) {
            self.named_again(at, contact.addr, by);
            return Offered::Ignored;
        }
        let depth = self.find(by).map_or(1, |at| self.candidates[at].depth + 1);
        if depth > self.most_hops() {
            if self.is_among_the_closest(&contact.id) {
                self.course = Course::Misled;
            }
            return Offered::Ignored;
        }
        let known_through = self.find(by).map(|_| *by);
        let candidate = self.candidate(Place::There(contact), State::Fresh, depth);
        let offered = self.insert(Candidate {
            known_through,
            ..candidate
        });
        if offered == Offered::New && self.is_among_the_closest(&contact.id) {
            self.trend = Trend::Closing;
        }
        offered
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
        self.now = now;
        if self.is_done() || self.queries >= self.shape.max_queries {
            return None;
        }
        let more = 4.0 - 3.0 * self.there;
        let wanted = as_f64(self.shape.k) * more - 0.5;
        let (mut expected, mut soon) = (0.0, 0.0);
        let mut fresh = None;
        let excess = self.excess();
        for (at, candidate) in self.candidates.iter().enumerate() {
            if expected >= wanted {
                break;
            }
            if excess.get(at).copied().unwrap_or(false) {
                continue;
            }
            match candidate.state {
                State::Answered => expected += 1.0,
                State::Asked { outlook, .. } => {
                    expected += outlook.answers;
                    soon += outlook.soon;
                }
                State::Fresh => {
                    expected += self.there;
                    let contact = candidate.place.contact();
                    let contact = contact.filter(|_| candidate.may_be_asked(now));
                    fresh = fresh.or(contact.map(|contact| (at, contact)));
                }
                State::Failed => {}
            }
        }
        let (at, contact) = fresh?;
        let hurries = self.shape.patience == Patience::Adaptive && self.trend == Trend::Settled;
        if !self.has_room() || !hurries && soon + 0.5 > as_f64(self.shape.alpha) * more {
            return None;
        }
        Some(self.ask(at, contact))
    }

    fn ask(&mut self, at: usize, contact: Contact) -> Asked {
        self.queries += 1;
        if self.queries == self.shape.max_queries {
            self.course = Course::Misled;
        }
        self.began = self.began.or(Some(self.now));
        let about = self.about(&contact.id);
        let vouched = self.candidates[at].vouched();
        self.candidates[at].state = State::Asked {
            silence: Silence::new(self.now, self.candidates[at].round_trip).vouched(vouched),
            outlook: Outlook {
                there: self.there,
                answers: self.there,
                soon: 1.0,
            },
            about,
        };
        self.rounds = self.rounds.max(self.candidates[at].depth);
        // Whatever identifiers are named at an address, it is asked once.
        let shape = self.shape;
        let is_there = |addr| shape.are_one(addr, contact.addr);
        for other in &mut self.candidates {
            if other.is_fresh() && other.addr().is_some_and(is_there) {
                other.state = State::Failed;
            }
        }
        Asked {
            contact,
            about,
            vouched,
        }
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
        self.release();
        self.trend = Trend::Settled;
        let (mut count, mut shared) = (0, Id::BITS);
        for named in named {
            count += 1;
            shared = shared.min(about.common_prefix(&named));
        }
        if count >= self.shape.k {
            self.coverage.shown(&self.target, &about, id, shared);
        }
        true
    }

    /// Reports that another node than the one that was meant answered at an address, where it was
    /// named, too: it counts. False if it was not named there.
    pub(crate) fn another_answered(
        &mut self,
        meant: &Id,
        by: &Contact,
        named: impl Iterator<Item = Id>,
    ) -> bool {
        let (Some(asked), Some(at)) = (self.find(meant), self.find(&by.id)) else {
            return false;
        };
        if self.candidates[at].addr() != Some(by.addr) || self.candidates[at].has_answered() {
            return false;
        }
        let state = self.candidates[asked].state;
        let State::Asked { .. } = state else {
            return false;
        };
        self.candidates[at].state = state;
        self.failed(meant);
        self.answered(&by.id, named)
    }

    /// Who says that a contact is there.
    pub(crate) fn vouched(&self, id: &Id) -> Vouched {
        self.find(id)
            .map_or(Vouched::Well, |at| self.candidates[at].vouched())
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

    /// Reports that the node has given up the call to a contact.
    pub(crate) fn silent(&mut self, id: &Id) {
        if let Some(at) = self.find(id)
            && let State::Asked { silence, .. } = &mut self.candidates[at].state
        {
            silence.given_up();
            self.judged = None;
        }
    }

    /// Reports that a contact that is asked does not answer, or not as it should.
    pub(crate) fn failed(&mut self, id: &Id) {
        if let Some(at) = self.find(id)
            && self.candidates[at].silence().is_some()
            && !self.candidates[at].try_elsewhere()
        {
            self.candidates[at].state = State::Failed;
        }
    }

    /// Whether the K closest that are not given up have all answered, or all queries are spent. As
    /// long as none has answered, those that are silent are waited for: a result that may come late
    /// is better than none.
    pub(crate) fn is_done(&self) -> bool {
        let spent = self.queries >= self.shape.max_queries;
        let excess = self.excess();
        let counts = |at: usize| !excess.get(at).copied().unwrap_or(false);
        let mut leading = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(at, candidate)| candidate.is_waited_for() && counts(*at))
            .map(|(_, candidate)| candidate)
            .filter(|candidate| !(spent && candidate.is_fresh()))
            .take(self.shape.k);
        leading.all(Candidate::has_answered)
            && (self.has_heard_anyone() || self.in_flight().next().is_none())
    }

    /// Those of the K closest that answered, closest first, our own node among them.
    pub(crate) fn closest(&self) -> impl Iterator<Item = Place> + '_ {
        let excess = self.excess();
        let answered = self
            .candidates
            .iter()
            .enumerate()
            .filter(move |(at, _)| !excess.get(*at).copied().unwrap_or(false))
            .filter(|(_, candidate)| candidate.has_answered());
        answered
            .take(self.shape.k)
            .map(|(_, candidate)| candidate.place)
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
        self.candidates.iter().filter_map(Candidate::silence)
    }

    /// How many contacts in flight may still answer.
    pub(crate) fn waited_for(&self) -> usize {
        let asked = |c: &&Candidate| matches!(c.state, State::Asked { .. }) && c.is_waited_for();
        self.candidates.iter().filter(asked).count()
    }

    /// What to ask someone about. An answer names the K closest to what it is asked about, the dead
    /// among them; once those around the target were asked, another answer about it says little
    /// new, and who is crowded out by the dead stays unknown. So whoever is farther away is asked
    /// about the point closest to the target on its own side of the tree, where it knows best.
    fn about(&self, contact: &Id) -> Id {
        match self.shape.patience {
            Patience::Adaptive => {
                let known = self.candidates.iter().take(self.shape.k).next_back();
                let bits = known.map_or(0, |last| last.distance.leading_zeros() + 1);
                let point = self.coverage.point_for(&self.target, contact, bits);
                // A liar that names one far contact shows more than there is.
                let farthest = self.candidates.iter().take(self.shape.k * 2).next_back();
                let point = point.filter(|point| {
                    farthest.is_none_or(|last| self.target.distance(point) <= last.distance)
                });
                point.unwrap_or(self.target)
            }
            Patience::Fixed => self.target,
        }
    }

    /// Whether a contact belongs to the K closest of those that answered or may well answer.
    pub(crate) fn is_among_the_closest(&self, id: &Id) -> bool {
        let hopeful = |c: &&Candidate| c.is_waited_for();
        let closest = self.candidates.iter().filter(hopeful).take(self.shape.k);
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

    fn candidate(&self, place: Place, state: State, depth: u32) -> Candidate {
        Candidate {
            distance: self.target.distance(place.id()),
            place,
            state,
            round_trip: None,
            depth,
            known_through: None,
            held_back: None,
            elsewhere: Vec::new(),
        }
    }

    fn insert(&mut self, candidate: Candidate) -> Offered {
        let Err(at) = self.position(&candidate.distance) else {
            return Offered::Ignored;
        };
        let was_asked = |other: &Candidate| {
            !other.is_fresh()
                && matches!((other.addr(), candidate.addr()), (Some(a), Some(b)) if self.shape.are_one(a, b))
        };
        if self.candidates.iter().any(was_asked) {
            return Offered::Ignored;
        }
        self.candidates.insert(at, candidate);
        self.note_prefix(at);
        // A contact that was asked stays, however far away: its answer is still to be told from others.
        let fresh = self.candidates.iter().filter(|c| c.is_fresh()).count();
        if fresh <= self.shape.k * Self::SPARES {
            return Offered::New;
        }
        match self.superfluous(fresh) {
            Some(superfluous) => {
                self.candidates.remove(superfluous);
                if superfluous == at {
                    Offered::Ignored
                } else {
                    Offered::New
                }
            }
            None => Offered::New,
        }
    }
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests;
