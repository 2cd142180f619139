//! The routing table: whom we know, in k-buckets that are finer the closer they are to ourselves.
//!
//! Bucket `i` holds the contacts that share exactly `i` leading bits with our own identifier; the
//! last bucket holds all that share more. So the buckets always cover the whole space without
//! overlap, only the one around ourselves can split, and only the last two can merge.

mod bucket;
mod entry;

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use bucket::{Bucket, Successor};
use entry::Entry;

use crate::contact::Contact;
use crate::id::{Distance, Id, NextBit};
use crate::rng::Rng;
use crate::rtt::{RoundTrip, Took};
use crate::time::Instant;

/// The contacts of one address family, at most K in each of at most 160 buckets, and as many
/// candidates.
pub(crate) struct Table {
    own: Id,
    habits: Habits,
    buckets: Vec<Bucket>,
}

/// The settings of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Contacts in a bucket.
    pub(crate) k: usize,
    /// Failures in a row after which a contact is removed.
    pub(crate) max_failures: u8,
    /// How long an answer vouches for a contact.
    pub(crate) fresh: Duration,
    /// How long a bucket may go unused.
    pub(crate) staleness: Duration,
}

/// Why the table hears of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It answered us, after this long.
    Answered(Took),
    /// It asked us something: anyone can write any id and forge any address.
    Asked,
}

/// What the table makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The identifier is known at another address, which has to be asked who is right.
    Elsewhere(Contact),
    /// It is in the table since now.
    Entered,
    /// There is no room; the least recently seen of its bucket is fresh enough to stay.
    Full,
    /// There is no room, unless this one, long unseen, does not answer.
    FullOfDoubt(Contact),
    /// It was in the table before.
    Known,
    /// There is room for it, if it answers.
    Room,
    /// No such contact belongs into this table.
    Unwanted,
}

/// What became of a contact that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It has failures left.
    Kept,
    /// It is gone, and nobody waits for its place, or somebody has it already.
    Removed,
    /// It is gone; this one may have its place, if it answers.
    RemovedFor(Contact),
    /// It was not in the table.
    Unknown,
}

impl Table {
    pub(crate) fn new(own: Id, habits: Habits, now: Instant) -> Self {
        Self {
            own,
            habits,
            buckets: vec![Bucket::new(now + habits.staleness)],
        }
    }

    /// Takes note of a contact.
    pub(crate) fn see(&mut self, now: Instant, contact: Contact, heard: Heard) -> Seen {
        let fresh_until = now + self.habits.fresh;
        let Some(mut newcomer) = Entry::new(contact, fresh_until) else {
            return Seen::Unwanted;
        };
        if contact.id == self.own || contact.id.is_null() {
            return Seen::Unwanted;
        }
        let at = self.bucket_of(&contact.id);
        let known = self.buckets[at]
            .get_mut(&contact.id)
            .map(|known| (known.addr, known));
        match (known, heard) {
            (Some((addr, known)), Heard::Answered(took)) if addr == newcomer.addr => {
                known.answered(fresh_until, took);
                self.buckets[at].move_to_back(&contact.id);
                Seen::Known
            }
            (Some((addr, _)), Heard::Asked) if addr == newcomer.addr => Seen::Known,
            (Some((_, known)), Heard::Asked) => Seen::Elsewhere(known.contact()),
            (Some((_, known)), Heard::Answered(_)) => {
                let known = known.contact();
                self.buckets[at].keep_verified(newcomer, self.habits.k);
                Seen::Elsewhere(known)
            }
            (None, Heard::Answered(took)) => {
                newcomer.answered(fresh_until, took);
                self.forget_address(now, contact.addr);
                self.enter(now, newcomer)
            }
            (None, Heard::Asked) => self.see_stranger(now, at, contact),
        }
    }

    /// Puts back a contact that answered `age` ago, and was in the table before a restart.
    pub(crate) fn restore(&mut self, now: Instant, contact: Contact, age: Duration) {
        let fresh_until = now + self.habits.fresh.saturating_sub(age);
        let wanted = contact.id != self.own && !contact.id.is_null();
        let known = self.buckets[self.bucket_of(&contact.id)]
            .get(&contact.id)
            .is_some();
        if let Some(entry) = Entry::new(contact, fresh_until).filter(|_| wanted && !known) {
            self.enter(now, entry);
        }
    }

    /// Counts a failure of a contact, and removes it when it had enough of them.
    pub(crate) fn fail(&mut self, now: Instant, contact: &Contact) -> Failed {
        let at = self.bucket_of(&contact.id);
        let max_failures = self.habits.max_failures;
        match self.buckets[at].get_mut(&contact.id) {
            Some(entry) if entry.contact() == *contact => {
                entry.failures = entry.failures.saturating_add(1);
                if entry.failures < max_failures {
                    return Failed::Kept;
                }
                self.take_out(now, at, &contact.id)
            }
            Some(_) => Failed::Unknown,
            None => {
                self.buckets[at].forget_candidate(&contact.id);
                Failed::Unknown
            }
        }
    }

    /// Removes a contact that is no longer who it was.
    pub(crate) fn remove(&mut self, now: Instant, contact: &Contact) -> Failed {
        let at = self.bucket_of(&contact.id);
        match self.buckets[at].get(&contact.id) {
            Some(entry) if entry.contact() == *contact => self.take_out(now, at, &contact.id),
            Some(_) | None => Failed::Unknown,
        }
    }

    /// Exactly the `count` contacts closest to the target, closest first.
    pub(crate) fn closest(&self, target: &Id, count: usize) -> Vec<Contact> {
        let mut found: Vec<(Distance, &Entry)> = Vec::with_capacity(count + 1);
        // Around the target's own bucket the space falls apart into shells: that bucket, all finer
        // ones together, then each coarser one. No contact of a later shell is closer.
        let home = self.bucket_of(target);
        let finer = home + 1..self.buckets.len();
        let shells = [home..home + 1, finer]
            .into_iter()
            .chain((0..home).rev().map(|at| at..at + 1));
        for shell in shells {
            if found.len() >= count {
                break;
            }
            for entry in self.buckets[shell].iter().flat_map(Bucket::entries) {
                let distance = target.distance(&entry.id);
                let at = found.partition_point(|(other, _)| *other < distance);
                if at < count {
                    found.truncate(count - 1);
                    found.insert(at, (distance, entry));
                }
            }
        }
        found
            .into_iter()
            .map(|(_, entry)| entry.contact())
            .collect()
    }

    /// The measured round trip of a contact.
    pub(crate) fn round_trip(&self, contact: &Contact) -> Option<RoundTrip> {
        let entry = self.buckets[self.bucket_of(&contact.id)].get(&contact.id)?;
        entry.round_trip.filter(|_| entry.contact() == *contact)
    }

    /// Notes that the part of the space around the target was looked up.
    pub(crate) fn touch(&mut self, now: Instant, target: &Id) {
        let at = self.bucket_of(target);
        self.buckets[at].stale_at = now + self.habits.staleness;
    }

    /// A random target in each bucket that has gone unused for too long.
    pub(crate) fn stale_targets(&self, now: Instant, rng: &mut Rng) -> Vec<Id> {
        let stale = |at: &usize| self.buckets[*at].stale_at <= now;
        (0..self.buckets.len())
            .filter(stale)
            .map(|at| self.target_in(at, rng))
            .collect()
    }

    /// A random target in each bucket.
    pub(crate) fn all_targets(&self, rng: &mut Rng) -> Vec<Id> {
        (0..self.buckets.len())
            .map(|at| self.target_in(at, rng))
            .collect()
    }

    /// A random target in each bucket but the one around ourselves.
    pub(crate) fn far_targets(&self, rng: &mut Rng) -> Vec<Id> {
        (0..self.buckets.len() - 1)
            .map(|at| self.target_in(at, rng))
            .collect()
    }

    /// Contacts that have failed since their last answer.
    pub(crate) fn failing(&self) -> impl Iterator<Item = Contact> + '_ {
        self.entries()
            .filter(|entry| entry.failures > 0)
            .map(Entry::contact)
    }

    pub(crate) fn len(&self) -> usize {
        self.buckets
            .iter()
            .map(|bucket| bucket.entries().len())
            .sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets
            .iter()
            .all(|bucket| bucket.entries().is_empty())
    }

    /// Candidates for a place in a full bucket.
    pub(crate) fn candidates(&self) -> usize {
        self.buckets.iter().map(Bucket::candidates).sum()
    }

    /// Each contact with the time since its last answer; within a bucket, least recently seen
    /// first.
    pub(crate) fn contacts(&self, now: Instant) -> impl Iterator<Item = (Contact, Duration)> + '_ {
        let fresh = self.habits.fresh;
        self.entries()
            .map(move |entry| (entry.contact(), age(now, entry.fresh_until, fresh)))
    }

    /// Each bucket's contacts, from the farthest bucket to the one around ourselves.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = impl Iterator<Item = Contact> + '_> + '_ {
        self.buckets
            .iter()
            .map(|bucket| bucket.entries().iter().map(Entry::contact))
    }

    /// The time since each bucket was last looked up, in the same order.
    pub(crate) fn bucket_ages(&self, now: Instant) -> impl Iterator<Item = Duration> + '_ {
        let staleness = self.habits.staleness;
        self.buckets
            .iter()
            .map(move |bucket| age(now, bucket.stale_at, staleness))
    }

    /// Puts back how long ago each bucket was last looked up. Those that are missing keep theirs.
    pub(crate) fn restore_ages(&mut self, now: Instant, ages: impl Iterator<Item = Duration>) {
        for (bucket, age) in self.buckets.iter_mut().zip(ages) {
            bucket.stale_at = now + self.habits.staleness.saturating_sub(age);
        }
    }

    /// How many nodes the network has, by the original's estimate: as if all buckets but the last
    /// were full halves (specification, section 11).
    pub(crate) fn estimated_network(&self) -> u64 {
        let halvings = u32::try_from(self.buckets.len() - 1).unwrap_or(u32::MAX);
        let multiple = 1u64.checked_shl(halvings).unwrap_or(u64::MAX);
        (self.habits.k as u64).saturating_mul(multiple)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(Bucket::entries)
    }

    fn bucket_of(&self, id: &Id) -> usize {
        self.own.common_prefix(id).min(self.buckets.len() - 1)
    }

    /// Somebody who wrote to us: all it gets is a chance to answer, or a place among those who wait.
    fn see_stranger(&mut self, now: Instant, at: usize, contact: Contact) -> Seen {
        if self.has_room(at) {
            return Seen::Room;
        }
        self.buckets[at].keep_unverified(contact, self.habits.k);
        self.full(at, now)
    }

    /// Whether one more would fit into this bucket, after a split if need be.
    fn has_room(&self, at: usize) -> bool {
        self.buckets[at].entries().len() < self.habits.k || self.can_split(at)
    }

    const fn can_split(&self, at: usize) -> bool {
        at + 1 == self.buckets.len() && self.buckets.len() < Id::BITS
    }

    fn enter(&mut self, now: Instant, entry: Entry) -> Seen {
        loop {
            let at = self.bucket_of(&entry.id);
            if self.buckets[at].entries().len() < self.habits.k {
                self.buckets[at].push(entry);
                return Seen::Entered;
            }
            if !self.can_split(at) {
                self.buckets[at].keep_verified(entry, self.habits.k);
                return self.full(at, now);
            }
            self.split();
        }
    }

    fn full(&self, at: usize, now: Instant) -> Seen {
        match self.buckets[at].entries().first() {
            Some(oldest) if oldest.fresh_until <= now => Seen::FullOfDoubt(oldest.contact()),
            Some(_) | None => Seen::Full,
        }
    }

    /// Gives the part of the last bucket that is closer to ourselves a bucket of its own.
    fn split(&mut self) {
        let (own, shared) = (self.own, self.buckets.len() - 1);
        if let Some(last) = self.buckets.last_mut() {
            let closer = last.split_off(|id| own.common_prefix(id) > shared);
            self.buckets.push(closer);
        }
    }

    /// Joins the last two buckets while they fit into one.
    fn merge(&mut self) {
        while let [.., far, near] = self.buckets.as_mut_slice()
            && far.entries().len() + near.entries().len() <= self.habits.k
        {
            let near = core::mem::replace(near, Bucket::new(Instant::ORIGIN));
            far.merge(near, self.habits.k);
            self.buckets.pop();
        }
    }

    fn take_out(&mut self, now: Instant, at: usize, id: &Id) -> Failed {
        match self.buckets[at].remove(id, now) {
            Successor::Entered => Failed::Removed,
            Successor::ToVerify(contact) => {
                self.merge();
                Failed::RemovedFor(contact)
            }
            Successor::None => {
                self.merge();
                Failed::Removed
            }
        }
    }

    /// An address has one node: whoever answered there before, under another id, is gone. Who could
    /// have its place stays a candidate, because the newcomer may want it.
    fn forget_address(&mut self, now: Instant, addr: SocketAddr) {
        let gone = self
            .entries()
            .map(Entry::contact)
            .find(|contact| contact.addr == addr);
        let Some(gone) = gone else {
            return;
        };
        if let Failed::RemovedFor(candidate) = self.remove(now, &gone) {
            let at = self.bucket_of(&candidate.id);
            self.buckets[at].keep_unverified(candidate, self.habits.k);
        }
    }

    fn target_in(&self, at: usize, rng: &mut Rng) -> Id {
        let after = if at + 1 == self.buckets.len() {
            NextBit::Any
        } else {
            NextBit::Flipped
        };
        rng.id().under(&self.own, at, after)
    }
}

/// How long ago a span began that ends, or ended, at `end`.
fn age(now: Instant, end: Instant, span: Duration) -> Duration {
    (now + span).since(end)
}

#[cfg(test)]
mod tests;
