//! Transactions: which query is in flight to which contact, what it belongs to, and until when it waits
//! for its reply.

mod retransmit;
mod tid_hasher;

use alloc::collections::BTreeMap;
use core::net::SocketAddr;
use core::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

pub(crate) use retransmit::{RetransmitSchedule, Sends};

use crate::config::Retry;
use crate::contact::Peer;
use crate::estimate::{NetworkEstimate, Silence, Vouched};
use crate::memory::FreeWhenEmpty;
use crate::rng::Rng;
use crate::rtt::{RoundTrip, RttSample};
use crate::time::Instant;
use crate::wire::{Method, TID_LEN};
use retransmit::{Resend, Silent};
use tid_hasher::TidHasher;

/// A transaction id of ours: 20 bytes that no other node can guess.
pub(crate) type Tid = [u8; TID_LEN];

/// The calls in flight, at most as many as the settings say; `O` says what one belongs to, `Q` what is
/// asked.
pub(crate) struct Transactions<O, Q> {
    max: usize,
    by_tid: HashMap<Tid, Transaction<O, Q>, TidHasher>,
    /// What is due when, and for the how-many-th call: ties go to the older call.
    timeline: BTreeMap<(Instant, u64), Tid>,
    opened: u64,
    estimate: NetworkEstimate,
    /// The wait before a resend by which the calls in flight were planned last, since the origin.
    planned: Instant,
}

/// One call in flight.
struct Transaction<O, Q> {
    number: u64,
    peer: Peer,
    method: Method,
    owner: O,
    /// What would give the same datagram again.
    question: Q,
    opened: Instant,
    /// From when on the waits of the schedule count: since it was opened, or since the machine woke up.
    asked: Instant,
    silence: Silence,
    schedule: RetransmitSchedule,
    sleep: Sleep,
    due: Instant,
}

/// Whether the machine was asleep while a call was in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    None,
    /// It was, and the call is to be sent again for it.
    Over,
    /// It was, and the call was sent again.
    SentAgain,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closed<O, Q> {
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    pub(crate) owner: O,
    /// What was asked.
    pub(crate) question: Q,
    /// Time since the first send.
    pub(crate) elapsed: Duration,
    /// What an answer now says of the round trip.
    pub(crate) sample: RttSample,
    /// How many sends were lost if it is answered now, as far as that can be told.
    pub(crate) lost: Option<f64>,
}

/// What has fallen due for a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Due<O, Q> {
    /// It has failed, and is closed.
    GaveUp(Closed<O, Q>),
    /// The same is to be sent to the same address again.
    Resend {
        peer: Peer,
        tid: Tid,
        method: Method,
        owner: O,
        question: Q,
    },
    /// It is no use waiting for it any longer.
    Silent { peer: Peer, owner: O },
}

/// A call that is to be opened.
pub(crate) struct Opening<'c, O, Q> {
    pub(crate) retry: &'c Retry,
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    pub(crate) owner: O,
    pub(crate) question: Q,
    pub(crate) sends: Sends,
    pub(crate) vouched: Vouched,
    /// The estimate for this peer, if there is one.
    pub(crate) round_trip: Option<RoundTrip>,
}

impl<O: Clone, Q: Clone> Transactions<O, Q> {
    pub(crate) fn new(max: usize, rng: &mut Rng) -> Self {
        let hasher = TidHasher::new(rng.bytes());
        Self {
            max,
            by_tid: HashMap::with_hasher(hasher),
            timeline: BTreeMap::new(),
            opened: 0,
            estimate: NetworkEstimate::ASSUMED,
            planned: Instant::ORIGIN,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.by_tid.len() >= self.max
    }

    pub(crate) fn len(&self) -> usize {
        self.by_tid.len()
    }

    /// Opens a call, and gives what is to be sent under which transaction id. `None` when there are
    /// too many already.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        opening: Opening<'_, O, Q>,
        rng: &mut Rng,
    ) -> Option<(Tid, &Q)> {
        if self.is_full() {
            return None;
        }
        let mut tid = rng.bytes();
        while self.by_tid.contains_key(&tid) {
            tid = rng.bytes();
        }
        let Opening {
            retry,
            peer,
            method,
            owner,
            question,
            sends,
            vouched,
            round_trip,
        } = opening;
        let number = self.opened;
        self.opened += 1;
        let mut call = Transaction {
            number,
            peer,
            method,
            owner,
            question,
            opened: now,
            asked: now,
            silence: Silence::new(now, round_trip).vouched(vouched),
            schedule: RetransmitSchedule::new(retry, method, sends),
            sleep: Sleep::None,
            due: now,
        };
        call.due = call.next_due(now, &self.estimate);
        self.timeline.insert((call.due, number), tid);
        let call = self.by_tid.entry(tid).insert(call).into_mut();
        Some((tid, &call.question))
    }

    /// Closes the call that an answer with this transaction id from this address belongs to.
    pub(crate) fn close(
        &mut self,
        now: Instant,
        tid: &[u8],
        from: SocketAddr,
    ) -> Option<Closed<O, Q>> {
        let Entry::Occupied(call) = self.by_tid.entry(tid.try_into().ok()?) else {
            return None;
        };
        if call.get().peer.addr != from {
            return None;
        }
        let call = call.remove();
        self.timeline.remove(&(call.due, call.number));
        self.shrink_to_fit();
        Some(self.closed(now, call))
    }

    /// Closes the oldest of the calls of an owner that were given up.
    pub(crate) fn close_given_up(
        &mut self,
        now: Instant,
        is_of: impl Fn(&O) -> bool,
    ) -> Option<Closed<O, Q>> {
        let given_up = |tid: &&Tid| {
            let call = self.by_tid.get(*tid);
            call.is_some_and(|call| call.schedule.silent == Silent::Told && is_of(&call.owner))
        };
        // The timeline is sorted by when a call fails, and so by when it began.
        let tid = *self.timeline.values().find(given_up)?;
        let call = self.by_tid.remove(&tid)?;
        self.timeline.remove(&(call.due, call.number));
        Some(self.closed(now, call))
    }

    /// Takes in that a call was answered in order, after so many sends that were lost. What that says of
    /// the network goes for the calls in flight, too.
    pub(crate) fn measured(&mut self, now: Instant, sample: RttSample, lost: Option<f64>) {
        self.estimate.answered(sample, lost);
        let wait = self.estimate.resend_wait();
        let planned = self.planned.since(Instant::ORIGIN);
        if wait.abs_diff(planned) > planned / 4 {
            self.planned = Instant::ORIGIN + wait;
            self.plan(now);
        }
    }

    /// What the calls so far have taught.
    pub(crate) const fn estimate(&self) -> &NetworkEstimate {
        &self.estimate
    }

    /// When the next thing falls due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timeline.first_key_value().map(|((due, _), _)| *due)
    }

    /// The next thing that has fallen due. A call that is overdue by several things does the worst.
    ///
    /// `vouched` says who speaks for a contact by now: others may have named it since it was asked. A
    /// call that its owner no longer wants, for which it is `None`, is not sent again.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        mut vouched: impl FnMut(&O, &Peer) -> Option<Vouched>,
    ) -> Option<Due<O, Q>> {
        loop {
            let entry = self
                .timeline
                .first_entry()
                .filter(|entry| entry.key().0 <= now)?;
            let tid = entry.remove();
            let call = self.by_tid.get_mut(&tid)?;
            if call.asked + call.schedule.give_up <= now {
                let call = self.by_tid.remove(&tid)?;
                self.shrink_to_fit();
                return Some(Due::GaveUp(self.closed(now, call)));
            }
            if let Some(vouched) = vouched(&call.owner, &call.peer) {
                call.silence = call.silence.vouched(vouched);
            } else {
                call.schedule.resend = Resend::Never;
                call.sleep = match call.sleep {
                    Sleep::None => Sleep::None,
                    Sleep::Over | Sleep::SentAgain => Sleep::SentAgain,
                };
            }
            let due = call.pass(now, tid, &self.estimate);
            // A call that is sent only once may have gone to a forged address: its silence says nothing.
            if matches!(due, Some(Due::Silent { .. })) && call.schedule.resend != Resend::Never {
                self.estimate.silent();
            }
            call.due = call.next_due(now, &self.estimate);
            let next = (call.due, call.number);
            self.timeline.insert(next, tid);
            if due.is_some() {
                return due;
            }
        }
    }

    /// Sends every call again, and lets what is left of its waits begin anew: the machine was asleep,
    /// and heard no answer.
    pub(crate) fn resume(&mut self, now: Instant) {
        for tid in self.timeline.values() {
            if let Some(call) = self.by_tid.get_mut(tid) {
                (call.asked, call.sleep) = (now, Sleep::Over);
            }
        }
        self.plan(now);
    }

    fn closed(&self, now: Instant, call: Transaction<O, Q>) -> Closed<O, Q> {
        let elapsed = now.since(call.opened);
        let (sample, lost) = match call.sleep {
            // No answer takes no time: the clock was set back, and stands still until it has caught up.
            _ if elapsed == Duration::ZERO => (RttSample::Unknown, None),
            Sleep::None => self.estimate.sample(&call.silence, now),
            // An answer that waited while the machine slept says nothing of the way.
            Sleep::Over | Sleep::SentAgain => (RttSample::AtMost(elapsed), None),
        };
        Closed {
            peer: call.peer,
            method: call.method,
            owner: call.owner,
            question: call.question,
            elapsed,
            sample,
            lost,
        }
    }

    /// Works out anew when something falls due for each call.
    fn plan(&mut self, now: Instant) {
        for ((_, number), tid) in core::mem::take(&mut self.timeline) {
            if let Some(call) = self.by_tid.get_mut(&tid) {
                call.due = call.next_due(now, &self.estimate);
                self.timeline.insert((call.due, number), tid);
            }
        }
    }

    /// An idle node holds no room for calls: there may be a million of them in one process.
    fn shrink_to_fit(&mut self) {
        if self.by_tid.is_empty() {
            self.by_tid.shrink_to(0);
            self.timeline.free_when_empty();
        }
    }

    /// Closes every call whose owner is gone for good.
    pub(crate) fn clear(&mut self) {
        self.by_tid.clear();
        self.shrink_to_fit();
    }
}

impl<O: Clone, Q: Clone> Transaction<O, Q> {
    /// Does what is due, and says what it was, if anything is.
    fn pass(&mut self, now: Instant, tid: Tid, estimate: &NetworkEstimate) -> Option<Due<O, Q>> {
        let (peer, owner) = (self.peer, self.owner.clone());
        if self.resend_at(now, estimate).is_some_and(|at| at <= now) {
            if let Resend::After(waits) = &mut self.schedule.resend {
                let elapsed = now.since(self.asked);
                let missed = waits.iter().take_while(|at| **at <= elapsed).count();
                waits.drain(..missed);
            }
            if self.sleep == Sleep::Over {
                self.sleep = Sleep::SentAgain;
                self.silence.begin_anew(now);
            } else {
                self.silence.sent_again(now);
            }
            return Some(Due::Resend {
                peer,
                tid,
                method: self.method,
                owner,
                question: self.question.clone(),
            });
        }
        if self.silent_at(now, estimate).is_some_and(|at| at <= now) {
            self.schedule.silent = Silent::Told;
            return Some(Due::Silent { peer, owner });
        }
        None
    }

    fn next_due(&self, now: Instant, estimate: &NetworkEstimate) -> Instant {
        let resend = self.resend_at(now, estimate);
        let silent = self.silent_at(now, estimate);
        let next = resend.into_iter().chain(silent).min();
        let give_up = self.asked + self.schedule.give_up;
        // What else is overdue comes on the next turn, not in the past.
        next.map_or(give_up, |next| next.min(give_up)).max(now)
    }

    fn resend_at(&self, now: Instant, estimate: &NetworkEstimate) -> Option<Instant> {
        match (self.sleep, &self.schedule.resend) {
            (Sleep::Over, _) => Some(now),
            (_, Resend::Never) => None,
            (_, Resend::After(waits)) => waits.first().map(|wait| self.asked + *wait),
            (_, Resend::Measured) => estimate.resend_at(&self.silence, now),
        }
    }

    fn silent_at(&self, now: Instant, estimate: &NetworkEstimate) -> Option<Instant> {
        match (self.schedule.silent, &self.schedule.resend) {
            (Silent::Never | Silent::Told, _) => None,
            (Silent::After(wait), _) => Some(self.asked + wait),
            (Silent::Measured, Resend::Measured) => estimate.give_up_at(&self.silence, now),
            (Silent::Measured, _) => Some(estimate.give_up_once_at(&self.silence, now)),
        }
    }
}

#[cfg(test)]
mod tests;
