//! The routing table: contacts in k-buckets that are finer the closer they are to ourselves.
//!
//! Bucket `i` holds the contacts that share exactly `i` leading bits with our own identifier; the
//! last bucket holds all that share more. So the buckets always cover the whole space without
//! overlap, only the one around ourselves can split, and only the last two can merge.

mod candidates;
mod entry;
mod facts;
mod rank;
mod replacement_cache;
mod rows;

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

pub(crate) use facts::{Failed, Heard, Seen};

use entry::{Compact, Entry};
use rank::Ranking;
use replacement_cache::ReplacementCache;
use rows::Rows;

use crate::contact::Contact;
use crate::id::{Id, NextBit};
use crate::rng::Rng;
use crate::rtt::{RoundTrip, RttSample};
use crate::time::Instant;

/// The most contacts that a bucket may be set to hold: more do not fit into one answer of 1472
/// bytes, whatever the transaction id.
pub(crate) const MAX_K: usize = 32;

/// The contacts of one address family, at most K in each of at most 160 buckets, and as many
/// candidates.
///
/// Each kind of thing that buckets have lies in one allocation for all of them.
pub(crate) struct Table {
    own: Id,
    settings: TableSettings,
    /// The contacts of each bucket, least recently seen first.
    entries: Rows<Entry>,
    /// The candidates for a free place in each bucket.
    replacements: ReplacementCache,
    /// When the part of the space that each bucket covers wants to be looked up again.
    stale_at: Vec<Instant>,
    /// Contacts are named to others that an answer vouches for until then or later.
    vouched_from: Instant,
}

/// The settings of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableSettings {
    /// Contacts in a bucket: at most [`MAX_K`].
    pub(crate) k: usize,
    /// Failures in a row after which a contact is removed.
    pub(crate) max_failures: u8,
    /// How long an answer vouches for a contact.
    pub(crate) fresh: Duration,
    /// How long a bucket may go unused.
    pub(crate) staleness: Duration,
}

impl Table {
    pub(crate) fn new(own: Id, settings: TableSettings, now: Instant) -> Self {
        Self {
            own,
            settings,
            entries: Rows::new(),
            replacements: ReplacementCache::new(settings.k),
            stale_at: vec![now + settings.staleness],
            vouched_from: Instant::ORIGIN,
        }
    }

    /// Takes note of a contact.
    pub(crate) fn see(&mut self, now: Instant, contact: Contact, heard: Heard) -> Seen {
        let Some(compact) = Compact::new(contact).filter(|compact| self.wants(&compact.id)) else {
            return Seen::Unwanted;
        };
        let at = self.bucket_of(&compact.id);
        let Some(place) = self.position(at, &compact.id) else {
            return match heard {
                Heard::Answered(took) => self.see_newcomer(now, compact, took),
                Heard::Asked => self.see_stranger(now, at, compact),
            };
        };
        let fresh_until = now + self.settings.fresh;
        match self.entries.row_mut(at).get_mut(place) {
            Some(known) if known.compact.is_where(&compact) => {
                if let Heard::Answered(took) = heard {
                    known.answered(fresh_until, took);
                    self.entries.move_to_end(at, place);
                }
                Seen::Known
            }
            Some(known) => {
                let elsewhere = known.contact();
                if let Heard::Answered(_) = heard {
                    self.keep_claimant(now, Entry::new(compact, fresh_until));
                }
                Seen::IdentityConflict(elsewhere)
            }
            None => Seen::Unwanted,
        }
    }

    /// Puts back a contact that answered `age` ago, and was in the table before a restart.
    pub(crate) fn restore(&mut self, now: Instant, contact: Contact, age: Duration) {
        let fresh_until = now + self.settings.fresh.saturating_sub(age);
        let known = self.find(&contact.id).is_some();
        let wanted = self.wants(&contact.id) && !known;
        let Some(compact) = Compact::new(contact).filter(|_| wanted) else {
            return;
        };
        let mut all = self.entries.all().iter();
        let neighbour = all.find(|entry| entry.compact.is_where(&compact));
        if neighbour.is_none_or(|neighbour| neighbour.fresh_until < fresh_until) {
            self.forget_address(now, &compact);
            self.enter(now, Entry::new(compact, fresh_until));
        }
    }

    /// Counts a failure of a contact, and removes it when it had enough of them.
    pub(crate) fn fail(&mut self, now: Instant, contact: &Contact) -> Failed {
        let Some(compact) = Compact::new(*contact) else {
            return Failed::Unknown;
        };
        let at = self.bucket_of(&compact.id);
        let mut entries = self.entries.row_mut(at).iter_mut().enumerate();
        match entries.find(|(_, entry)| entry.compact == compact) {
            Some((place, entry)) => {
                if entry.failed() < self.settings.max_failures {
                    return Failed::Kept;
                }
                self.take_out(now, at, place)
            }
            None => {
                self.replacements.forget_contact(at, &compact);
                Failed::Unknown
            }
        }
    }

    /// Removes a contact that answers under another identifier now.
    pub(crate) fn remove(&mut self, now: Instant, contact: &Contact) -> Failed {
        let at = self.bucket_of(&contact.id);
        match self.position(at, &contact.id) {
            Some(place) if self.find(&contact.id).map(Entry::contact) == Some(*contact) => {
                self.take_out(now, at, place)
            }
            Some(_) | None => Failed::Unknown,
        }
    }

    /// The contact that is known under this identifier at another address.
    pub(crate) fn known_elsewhere(&self, contact: &Contact) -> Option<Contact> {
        let known = self.find(&contact.id)?.contact();
        (known.addr != contact.addr).then_some(known)
    }

    /// Whether this identifier is known at this address.
    pub(crate) fn holds(&self, contact: &Contact) -> bool {
        self.find(&contact.id)
            .is_some_and(|entry| entry.contact() == *contact)
    }

    /// Exactly the `count` contacts closest to the target, closest first.
    pub(crate) fn closest(&self, target: &Id, count: usize) -> Vec<Contact> {
        let mut room = vec![Contact::FILLER; count];
        let found = self.fill(target, &mut room, |_| true).len();
        room.truncate(found);
        room
    }

    /// Those of them that can be named to others, as many as there is room for.
    pub(crate) fn vouched_into<'r>(&self, target: &Id, room: &'r mut [Contact]) -> &'r [Contact] {
        self.fill(target, room, |entry| entry.fresh_until >= self.vouched_from)
    }

    /// Names no contact to others any more until it has answered again.
    pub(crate) fn distrust(&mut self, now: Instant) {
        self.vouched_from = now + self.settings.fresh;
    }

    fn fill<'r>(
        &self,
        target: &Id,
        room: &'r mut [Contact],
        wanted: impl Fn(&Entry) -> bool,
    ) -> &'r [Contact] {
        let mut found = 0;
        let mut ranking = Ranking::new(target);
        for bucket in self.buckets_by_distance(target) {
            let left = &mut room[found..];
            if left.is_empty() {
                break;
            }
            let entries = self.entries.row(bucket);
            let wanted = ranking.order(entries).filter(|entry| wanted(entry));
            for (next, entry) in left.iter_mut().zip(wanted) {
                *next = entry.contact();
                found += 1;
            }
        }
        &room[..found]
    }

    /// The measured round trip of a contact.
    pub(crate) fn round_trip(&self, contact: &Contact) -> Option<RoundTrip> {
        let entry = self.find(&contact.id)?;
        entry.round_trip().filter(|_| entry.contact() == *contact)
    }

    /// Notes that the part of the space around the target was looked up.
    pub(crate) fn touch(&mut self, now: Instant, target: &Id) {
        let at = self.bucket_of(target);
        self.stale_at[at] = now + self.settings.staleness;
    }

    /// A random target in each bucket that has gone unused for too long.
    pub(crate) fn stale_targets(&self, now: Instant, rng: &mut Rng) -> Vec<Id> {
        self.targets_where(|at| self.stale_at[at] <= now, rng)
    }

    /// The same for those that have room.
    pub(crate) fn stale_targets_with_room(&self, now: Instant, rng: &mut Rng) -> Vec<Id> {
        self.targets_where(|at| self.stale_at[at] <= now && self.has_room(at), rng)
    }

    /// A random target in each bucket.
    pub(crate) fn all_targets(&self, rng: &mut Rng) -> Vec<Id> {
        self.targets_where(|_| true, rng)
    }

    /// A random target in each bucket but the one around ourselves.
    pub(crate) fn far_targets(&self, rng: &mut Rng) -> Vec<Id> {
        self.targets_where(|at| at + 1 < self.entries.count(), rng)
    }

    /// A random target in each bucket that has room for another contact.
    pub(crate) fn targets_with_room(&self, rng: &mut Rng) -> Vec<Id> {
        self.targets_where(|at| self.has_room(at), rng)
    }

    /// Contacts that have failed since their last answer.
    pub(crate) fn failing(&self) -> impl Iterator<Item = Contact> + '_ {
        let all = self.entries.all().iter();
        all.filter(|entry| entry.failures() > 0).map(Entry::contact)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.all().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.all().is_empty()
    }

    /// Candidates for a place in a full bucket.
    pub(crate) fn candidates(&self) -> usize {
        self.replacements.len()
    }

    /// Each contact with the time since its last answer; within a bucket, least recently seen
    /// first.
    pub(crate) fn contacts(&self, now: Instant) -> impl Iterator<Item = (Contact, Duration)> + '_ {
        let fresh = self.settings.fresh;
        let all = self.entries.all().iter();
        all.map(move |entry| (entry.contact(), age(now, entry.fresh_until, fresh)))
    }

    /// Each bucket's contacts, from the farthest bucket to the one around ourselves.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = impl Iterator<Item = Contact> + '_> + '_ {
        let buckets = 0..self.entries.count();
        buckets.map(|bucket| self.entries.row(bucket).iter().map(Entry::contact))
    }

    /// The time since each bucket was last looked up, in the same order.
    pub(crate) fn bucket_ages(&self, now: Instant) -> impl Iterator<Item = Duration> + '_ {
        let staleness = self.settings.staleness;
        let ends = self.stale_at.iter();
        ends.map(move |end| age(now, *end, staleness))
    }

    /// Puts back how long ago each bucket was last looked up.
    ///
    /// The table that gave these ages may have had more buckets: then the last one here covers all
    /// that follow there, and takes the greatest of their ages. Or it had fewer: then the ones that
    /// are missing there were parts of its last bucket, and take the age of that.
    pub(crate) fn restore_ages(&mut self, now: Instant, ages: impl Iterator<Item = Duration>) {
        let mut ages = ages.fuse();
        let (mut latest, last) = (None, self.stale_at.len() - 1);
        for (at, stale_at) in self.stale_at.iter_mut().enumerate() {
            latest = if at == last {
                ages.by_ref().max().or(latest)
            } else {
                ages.next().or(latest)
            };
            if let Some(age) = latest {
                *stale_at = now + self.settings.staleness.saturating_sub(age);
            }
        }
    }

    /// How many nodes the network has, by the original's estimate: as if all buckets but the last
    /// were full halves (specification, section 11).
    pub(crate) fn estimated_network(&self) -> u64 {
        let halvings = u32::try_from(self.entries.count() - 1).unwrap_or(u32::MAX);
        let multiple = 1u64.checked_shl(halvings).unwrap_or(u64::MAX);
        (self.settings.k as u64).saturating_mul(multiple)
    }

    fn targets_where(&self, wanted: impl Fn(usize) -> bool, rng: &mut Rng) -> Vec<Id> {
        let buckets = (0..self.entries.count()).filter(|at| wanted(*at));
        buckets.map(|at| self.target_in(at, rng)).collect()
    }

    /// Whether a node of that identifier may be in this table at all.
    fn wants(&self, id: &Id) -> bool {
        *id != self.own && !id.is_null()
    }

    fn bucket_of(&self, id: &Id) -> usize {
        self.own.common_prefix(id).min(self.entries.count() - 1)
    }

    fn position(&self, bucket: usize, id: &Id) -> Option<usize> {
        let mut entries = self.entries.row(bucket).iter();
        entries.position(|entry| entry.compact.id == *id)
    }

    fn find(&self, id: &Id) -> Option<&Entry> {
        let bucket = self.bucket_of(id);
        let place = self.position(bucket, id)?;
        self.entries.row(bucket).get(place)
    }

    /// The buckets in the order of the distance of what they hold: no contact of a later one is
    /// closer to the target than any of one before.
    fn buckets_by_distance(&self, target: &Id) -> impl Iterator<Item = usize> {
        let distance = self.own.distance(target);
        let last = self.entries.count() - 1;
        let home = distance.leading_zeros().min(last);
        // A contact in the target's own bucket shares more with it than any other. The finer
        // buckets all share less, and what sets one apart from those that are finer still is one
        // bit: it is closer than all of these if the target has that bit as its contacts have it.
        let finer = home + 1..last + 1;
        let before = move |at: &usize| *at == last || distance.bit(*at);
        let near = finer.clone().filter(before);
        let far = finer.rev().filter(move |at| !before(at));
        // Coarser ones share less the coarser they are.
        let coarser = (0..home).rev();
        core::iter::once(home).chain(near).chain(far).chain(coarser)
    }

    /// A new contact that answered us.
    fn see_newcomer(&mut self, now: Instant, compact: Compact, took: RttSample) -> Seen {
        let fresh_until = now + self.settings.fresh;
        let mut newcomer = Entry::new(compact, fresh_until);
        newcomer.answered(fresh_until, took);
        // A candidate of that id elsewhere must not enter meanwhile.
        self.replacements
            .forget(self.bucket_of(&compact.id), &compact.id);
        self.forget_address(now, &compact);
        self.enter(now, newcomer)
    }

    /// A contact that wrote to us: all it gets is a chance to answer, or a place among the candidates.
    fn see_stranger(&mut self, now: Instant, at: usize, compact: Compact) -> Seen {
        if self.has_room(at) || self.can_split(at) {
            return Seen::Room;
        }
        // An address has one node: the one that answered there, if one did, or the last to write.
        let mut entries = self.entries.all().iter();
        let answered = entries.any(|entry| entry.compact.is_where(&compact));
        if !answered && self.replacements.forget_unverified_at(&compact) {
            self.replacements.keep_unverified(at, compact);
        }
        self.full(at, now)
    }

    fn has_room(&self, at: usize) -> bool {
        self.entries.row(at).len() < self.settings.k
    }

    const fn can_split(&self, at: usize) -> bool {
        at + 1 == self.entries.count() && self.entries.count() < Id::BITS
    }

    fn enter(&mut self, now: Instant, entry: Entry) -> Seen {
        loop {
            let at = self.bucket_of(&entry.compact.id);
            if self.has_room(at) {
                self.replacements.forget(at, &entry.compact.id);
                self.insert(at, entry);
                return Seen::Entered;
            }
            if !self.can_split(at) {
                self.replacements.keep_verified(at, entry);
                return self.full(at, now);
            }
            self.split();
        }
    }

    /// Puts a contact behind all that were seen no later than it.
    fn insert(&mut self, at: usize, entry: Entry) {
        let entries = self.entries.row(at);
        let place = entries.partition_point(|known| known.fresh_until <= entry.fresh_until);
        self.entries.insert(at, place, entry);
    }

    fn full(&self, at: usize, now: Instant) -> Seen {
        match self.entries.row(at).first() {
            Some(oldest) if oldest.fresh_until <= now => Seen::Questionable(oldest.contact()),
            Some(_) | None => Seen::Full,
        }
    }

    /// Gives the part of the last bucket that is closer to ourselves a bucket of its own.
    fn split(&mut self) {
        let (own, at) = (self.own, self.entries.count() - 1);
        let is_closer = |id: &Id| own.common_prefix(id) > at;
        self.entries
            .split_last(|entry| is_closer(&entry.compact.id));
        self.replacements.split_last(is_closer);
        self.stale_at.reserve_exact(1);
        self.stale_at.push(self.stale_at[at]);
    }

    /// Joins the last two buckets while they fit into one, in the order in which all were last
    /// seen.
    fn merge(&mut self) {
        while let Some(far) = self.entries.count().checked_sub(2)
            && self.entries.row(far).len() + self.entries.row(far + 1).len() <= self.settings.k
        {
            self.entries.join_last();
            self.entries
                .row_mut(far)
                .sort_by_key(|entry| entry.fresh_until);
            self.replacements.join_last();
            if let Some(near) = self.stale_at.pop() {
                self.stale_at[far] = self.stale_at[far].min(near);
            }
        }
        self.stale_at.shrink_to_fit();
    }

    /// Takes a contact out, and fills its place if a candidate can have it at once.
    fn take_out(&mut self, now: Instant, at: usize, place: usize) -> Failed {
        self.entries.remove(at, place);
        let candidate = self.fill_bucket(now, at);
        self.merge();
        candidate.map_or(Failed::Removed, Failed::RemovedFor)
    }

    fn target_in(&self, at: usize, rng: &mut Rng) -> Id {
        let after = if at + 1 == self.entries.count() {
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
