//! The replacement cache: candidates for a place in a full bucket.

use super::entry::{Candidate, Compact, Entry};
use super::rows::Rows;
use crate::id::Id;

/// The candidates of each bucket, never more than K. Those that answered are better than those that
/// only wrote; among either, the latest is at the back, and the best.
///
/// Nothing is allocated until there is a candidate.
pub(super) struct ReplacementCache {
    k: usize,
    /// Apart, because there are many of them and little is known of each.
    unverified: Rows<Compact>,
    verified: Rows<Entry>,
}

impl ReplacementCache {
    /// No candidates, for one bucket.
    pub(super) fn new(k: usize) -> Self {
        Self {
            k,
            unverified: Rows::new(),
            verified: Rows::new(),
        }
    }

    /// How many there are for all buckets.
    pub(super) fn len(&self) -> usize {
        self.unverified.all().len() + self.verified.all().len()
    }

    /// Remembers a contact that answered but found no place: the best candidate now. If all places
    /// are taken, the worst gives way.
    pub(super) fn keep_verified(&mut self, bucket: usize, entry: Entry) {
        self.forget(bucket, &entry.compact.id);
        if self.in_bucket(bucket) >= self.k && self.unverified.remove(bucket, 0).is_none() {
            self.verified.remove(bucket, 0);
        }
        self.verified.push(bucket, entry);
    }

    /// Remembers a contact that wrote to us but found no place. It comes after all that answered, and
    /// displaces none of them.
    pub(super) fn keep_unverified(&mut self, bucket: usize, compact: Compact) {
        if self.knows(bucket, &compact.id) {
            return;
        }
        if self.in_bucket(bucket) < self.k {
            self.unverified.push(bucket, compact);
        } else if let Some(first) = self.unverified.row_mut(bucket).first_mut() {
            *first = compact;
            self.unverified.move_to_end(bucket, 0);
        }
    }

    /// Forgets a candidate, which has entered, did not answer, or answers under another id.
    pub(super) fn forget(&mut self, bucket: usize, id: &Id) {
        let mut unverified = self.unverified.row(bucket).iter();
        if let Some(at) = unverified.position(|compact| compact.id == *id) {
            self.unverified.remove(bucket, at);
        }
        let mut verified = self.verified.row(bucket).iter();
        if let Some(at) = verified.position(|entry| entry.compact.id == *id) {
            self.verified.remove(bucket, at);
        }
    }

    /// Forgets a candidate at this very address: another that has its id may be at another one.
    pub(super) fn forget_contact(&mut self, bucket: usize, contact: &Compact) {
        let mut unverified = self.unverified.row(bucket).iter();
        if let Some(at) = unverified.position(|compact| compact == contact) {
            self.unverified.remove(bucket, at);
        }
        let mut verified = self.verified.row(bucket).iter();
        if let Some(at) = verified.position(|entry| entry.compact == *contact) {
            self.verified.remove(bucket, at);
        }
    }

    /// Forgets all candidates at the address of this one.
    pub(super) fn forget_address(&mut self, newcomer: &Compact) {
        self.unverified
            .remove_where(|compact| compact.is_where(newcomer));
        self.verified
            .remove_where(|entry| entry.compact.is_where(newcomer));
    }

    /// Forgets all at the address of this one that only wrote to us. False, and nothing is forgotten,
    /// when one of them has answered.
    pub(super) fn forget_unverified_at(&mut self, stranger: &Compact) -> bool {
        let mut verified = self.verified.all().iter();
        if verified.any(|entry| entry.compact.is_where(stranger)) {
            return false;
        }
        self.unverified
            .remove_where(|compact| compact.is_where(stranger) && compact.id != stranger.id);
        true
    }

    /// Takes the best candidate whose id is free.
    pub(super) fn take_best(
        &mut self,
        bucket: usize,
        is_free: impl Fn(&Id) -> bool,
    ) -> Option<Candidate> {
        let mut verified = self.verified.row(bucket).iter();
        if let Some(best) = verified.rposition(|entry| is_free(&entry.compact.id)) {
            return self.verified.remove(bucket, best).map(Candidate::Verified);
        }
        let mut unverified = self.unverified.row(bucket).iter();
        let best = unverified.rposition(|compact| is_free(&compact.id))?;
        self.unverified
            .remove(bucket, best)
            .map(Candidate::Unverified)
    }

    /// Gives the candidates of the last bucket that belong closer to ourselves a bucket of their own.
    pub(super) fn split_last(&mut self, is_closer: impl Fn(&Id) -> bool) {
        self.unverified.split_last(|compact| is_closer(&compact.id));
        self.verified
            .split_last(|entry| is_closer(&entry.compact.id));
    }

    /// Joins those for the last two buckets, as if those of the last came after the others.
    pub(super) fn join_last(&mut self) {
        let Some(far) = self.unverified.count().checked_sub(2) else {
            return;
        };
        while let Some(compact) = self.unverified.remove(far + 1, 0) {
            self.keep_unverified(far, compact);
        }
        while let Some(entry) = self.verified.remove(far + 1, 0) {
            self.keep_verified(far, entry);
        }
        self.unverified.join_last();
        self.verified.join_last();
    }

    pub(super) fn in_bucket(&self, bucket: usize) -> usize {
        self.unverified.row(bucket).len() + self.verified.row(bucket).len()
    }

    /// The addresses of all.
    #[cfg(test)]
    pub(super) fn addrs(&self) -> impl Iterator<Item = core::net::SocketAddr> + '_ {
        let unverified = self.unverified.all().iter().map(Compact::contact);
        let verified = self.verified.all().iter().map(Entry::contact);
        unverified.chain(verified).map(|contact| contact.addr)
    }

    fn knows(&self, bucket: usize, id: &Id) -> bool {
        let mut unverified = self.unverified.row(bucket).iter();
        let mut verified = self.verified.row(bucket).iter();
        unverified.any(|compact| compact.id == *id) || verified.any(|entry| entry.compact.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::contact::Contact;
    use crate::time::Instant;

    fn compact(first: u8) -> Compact {
        let contact = Contact::new(Id::new([first; 20]), ([10, 0, 0, first], 1).into());
        Compact::new(contact).expect("IPv4")
    }

    fn entry(first: u8) -> Entry {
        Entry::new(compact(first), Instant::ORIGIN)
    }

    /// The first bytes of the ids of all who wait for a bucket, the best first.
    fn best_first(waiting: &mut ReplacementCache, bucket: usize) -> Vec<u8> {
        let take = || Some(waiting.take_best(bucket, |_| true)?.contact().id.as_bytes()[0]);
        core::iter::from_fn(take).collect()
    }

    #[test]
    fn who_answered_comes_before_who_only_wrote() {
        let mut waiting = ReplacementCache::new(3);
        waiting.keep_verified(0, entry(2));
        for first in 3..9 {
            waiting.keep_unverified(0, compact(first));
        }
        assert_eq!(best_first(&mut waiting, 0), [2, 8, 7]);
    }

    #[test]
    fn who_answered_is_displaced_only_by_who_answered_later() {
        let mut waiting = ReplacementCache::new(3);
        for first in 1..5 {
            waiting.keep_verified(0, entry(first));
        }
        waiting.keep_unverified(0, compact(9));
        assert_eq!(best_first(&mut waiting, 0), [4, 3, 2]);
    }

    #[test]
    fn nobody_waits_twice() {
        let mut waiting = ReplacementCache::new(3);
        waiting.keep_unverified(0, compact(1));
        waiting.keep_unverified(0, compact(1));
        waiting.keep_verified(0, entry(1));
        waiting.keep_unverified(0, compact(1));
        assert_eq!(waiting.len(), 1);
        waiting.forget(0, &compact(1).id);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn the_best_whose_id_is_taken_goes_on_waiting() {
        let mut waiting = ReplacementCache::new(3);
        waiting.keep_verified(0, entry(1));
        waiting.keep_verified(0, entry(2));
        let best = waiting.take_best(0, |id| *id != compact(2).id);
        assert_eq!(best.map(|best| best.contact().id), Some(compact(1).id));
        assert_eq!(best_first(&mut waiting, 0), [2]);
    }

    #[test]
    fn splitting_and_joining_keep_the_order() {
        let mut waiting = ReplacementCache::new(4);
        for first in 1..3 {
            waiting.keep_unverified(0, compact(first));
        }
        for first in 3..5 {
            waiting.keep_verified(0, entry(first));
        }
        let is_even = |id: &Id| id.as_bytes()[0].is_multiple_of(2);
        waiting.split_last(is_even);
        assert_eq!((waiting.in_bucket(0), waiting.in_bucket(1)), (2, 2));
        waiting.join_last();
        assert_eq!(best_first(&mut waiting, 0), [4, 3, 2, 1]);
    }
}
