//! Transactions: which query is in flight to which contact, what it belongs to, and until when it waits
//! for its reply.

mod network_estimate;
mod retransmit;
mod tid_hasher;

use alloc::collections::BTreeMap;
use core::net::SocketAddr;
use core::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

pub(crate) use retransmit::{Patience, RetransmitSchedule, Sends, Slow};

use crate::config::Retry;
use crate::contact::Peer;
use crate::memory::FreeWhenEmpty;
use crate::rng::Rng;
use crate::rtt::{RoundTrip, RttSample};
use crate::time::Instant;
use crate::wire::{Method, TID_LEN};
use network_estimate::NetworkEstimate;
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
    network_estimate: NetworkEstimate,
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
    sent: Sent,
    schedule: RetransmitSchedule,
    due: Instant,
}

/// Whether an answer can be told to belong to one certain send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Once,
    Again,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed<O, Q> {
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    pub(crate) owner: O,
    /// What was asked.
    pub(crate) question: Q,
    /// Time since the first send.
    pub(crate) elapsed: Duration,
    /// What that says of the round trip.
    pub(crate) sample: RttSample,
}

/// What has fallen due for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// It is slower than nearly all answers are.
    Late { peer: Peer, owner: O },
    /// It is slower than most answers are.
    Slow { peer: Peer, owner: O },
}

/// A call that is to be opened.
pub(crate) struct Opening<'c, O, Q> {
    pub(crate) retry: &'c Retry,
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    pub(crate) owner: O,
    pub(crate) question: Q,
    pub(crate) sends: Sends,
    pub(crate) slow: Slow,
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
            network_estimate: NetworkEstimate::NONE,
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
            slow,
            round_trip,
        } = opening;
        let estimate = round_trip.unwrap_or(self.network_estimate.round_trip());
        let patience = self.network_estimate.patience();
        let schedule = RetransmitSchedule::new(retry, method, estimate, patience, slow, sends);
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
            sent: Sent::Once,
            schedule,
            due: now,
        };
        call.due = call.next_due(now);
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
        Some(call.close(now))
    }

    /// Takes in how long an answer took.
    pub(crate) fn measured(&mut self, took: RttSample) {
        self.network_estimate.answered(took);
    }

    /// How many of a thousand calls are answered, by what the last ones were like.
    pub(crate) const fn answering(&self) -> u32 {
        self.network_estimate.answering()
    }

    /// How long a call waits for a contact that does not answer.
    pub(crate) const fn patience(&self) -> Patience {
        self.network_estimate.patience()
    }

    /// When the next thing falls due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timeline.first_key_value().map(|((due, _), _)| *due)
    }

    /// The next thing that has fallen due. A call that is overdue by several things does the worst,
    /// and one that its owner no longer wants is not sent again.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        is_wanted: impl Fn(&O) -> bool,
    ) -> Option<Due<O, Q>> {
        loop {
            let entry = self
                .timeline
                .first_entry()
                .filter(|entry| entry.key().0 <= now)?;
            let tid = entry.remove();
            let call = self.by_tid.get_mut(&tid)?;
            let elapsed = now.since(call.asked);
            if call.asked + call.schedule.give_up <= now {
                let call = self.by_tid.remove(&tid)?;
                self.shrink_to_fit();
                return Some(Due::GaveUp(call.close(now)));
            }
            if !is_wanted(&call.owner) {
                call.schedule.resend.clear();
            }
            let due = call.pass(elapsed, tid);
            // A call that is sent only once may have gone to a forged address: its silence says nothing.
            if let (Some(Due::Silent { .. }), Sent::Again) = (&due, call.sent) {
                self.network_estimate.silent();
            }
            call.due = call.next_due(now);
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
        for ((_, number), tid) in core::mem::take(&mut self.timeline) {
            if let Some(call) = self.by_tid.get_mut(&tid) {
                // An answer that waited while the machine slept says nothing of the way.
                (call.asked, call.sent) = (now, Sent::Again);
                call.schedule.resume();
                call.due = call.next_due(now);
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
    fn close(self, now: Instant) -> Closed<O, Q> {
        let elapsed = now.since(self.opened);
        let sample = match self.sent {
            Sent::Once => RttSample::Exactly(elapsed),
            Sent::Again => RttSample::AtMost(elapsed),
        };
        Closed {
            peer: self.peer,
            method: self.method,
            owner: self.owner,
            question: self.question,
            elapsed,
            sample,
        }
    }

    /// Strikes off what is due, and says what it was, if anything is: the worst first, and all that
    /// before a resend, which follows on the next turn.
    fn pass(&mut self, elapsed: Duration, tid: Tid) -> Option<Due<O, Q>> {
        let (peer, owner) = (self.peer, self.owner.clone());
        if self.schedule.silent.is_some_and(|at| at <= elapsed) {
            (self.schedule.silent, self.schedule.late, self.schedule.slow) = (None, None, None);
            return Some(Due::Silent { peer, owner });
        }
        if self.schedule.late.is_some_and(|at| at <= elapsed) {
            (self.schedule.late, self.schedule.slow) = (None, None);
            return Some(Due::Late { peer, owner });
        }
        if self.schedule.slow.is_some_and(|at| at <= elapsed) {
            self.schedule.slow = None;
            return Some(Due::Slow { peer, owner });
        }
        let missed = self
            .schedule
            .resend
            .iter()
            .take_while(|at| **at <= elapsed)
            .count();
        if missed == 0 {
            return None;
        }
        self.schedule.resend.drain(..missed);
        self.sent = Sent::Again;
        Some(Due::Resend {
            peer,
            tid,
            method: self.method,
            owner,
            question: self.question.clone(),
        })
    }

    fn next_due(&self, now: Instant) -> Instant {
        let waits = [
            self.schedule.slow,
            self.schedule.late,
            self.schedule.resend.first().copied(),
            self.schedule.silent,
        ];
        let next = waits
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.schedule.give_up);
        // What else is overdue comes on the next turn, not in the past.
        (self.asked + next.min(self.schedule.give_up)).max(now)
    }
}

#[cfg(test)]
mod tests;
