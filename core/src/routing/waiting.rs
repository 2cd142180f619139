//! Those who wait for a place in a full bucket.

use super::entry::{Candidate, Compact, Entry};
use super::rows::Rows;
use crate::id::Id;

/// The candidates of each bucket, never more than K. Those who only wrote come before those who
/// answered; among either, the latest is at the back, and the best is at the back of all.
///
/// Nothing is allocated until somebody waits.
pub(super) struct Waiting {
    k: usize,
    rows: Rows<Candidate>,
}

impl Waiting {
    /// Nobody, for one bucket.
    pub(super) fn new(k: usize) -> Self {
        Self {
            k,
            rows: Rows::new(),
        }
    }

    /// How many there are for all buckets.
    pub(super) fn len(&self) -> usize {
        self.rows.all().len()
    }

    /// Remembers someone who answered but found no place: the best candidate now.
    pub(super) fn keep_verified(&mut self, bucket: usize, entry: Entry) {
        self.forget(bucket, &entry.compact.id);
        let back = self.rows.row(bucket).len();
        self.add(bucket, back, Candidate::Verified(entry));
    }

    /// Remembers someone who wrote to us but found no place. It comes after all who answered, and
    /// displaces none of them.
    pub(super) fn keep_unverified(&mut self, bucket: usize, compact: Compact) {
        let row = self.rows.row(bucket);
        if row.iter().any(|candidate| *candidate.id() == compact.id) {
            return;
        }
        let unverified = row.partition_point(|candidate| !candidate.is_verified());
        if row.len() < self.k || unverified > 0 {
            self.add(bucket, unverified, Candidate::Unverified(compact));
        }
    }

    /// Forgets a candidate, which has entered, did not answer, or answers under another id.
    pub(super) fn forget(&mut self, bucket: usize, id: &Id) {
        let found = self.rows.row(bucket).iter();
        let found = found.map(Candidate::id).position(|known| known == id);
        if let Some(at) = found {
            self.rows.remove(bucket, at);
        }
    }

    /// Takes the best of those whose id is free.
    pub(super) fn take_best(
        &mut self,
        bucket: usize,
        is_free: impl Fn(&Id) -> bool,
    ) -> Option<Candidate> {
        let row = self.rows.row(bucket);
        let best = row.iter().rposition(|waiting| is_free(waiting.id()))?;
        self.rows.remove(bucket, best)
    }

    /// Gives those for the last bucket who belong closer to ourselves a bucket of their own.
    pub(super) fn split_last(&mut self, is_closer: impl Fn(&Id) -> bool) {
        let last = self.rows.row_mut(self.rows.count() - 1);
        // A stable sort: both parts keep their order.
        last.sort_by_key(|candidate| is_closer(candidate.id()));
        let kept = last.partition_point(|candidate| !is_closer(candidate.id()));
        self.rows.split_last(kept);
    }

    /// Joins those for the last two buckets, as if those of the last came after the others.
    pub(super) fn join_last(&mut self) {
        let Some(far) = self.rows.count().checked_sub(2) else {
            return;
        };
        while let Some(candidate) = self.rows.remove(far + 1, 0) {
            match candidate {
                Candidate::Unverified(compact) => self.keep_unverified(far, compact),
                Candidate::Verified(entry) => self.keep_verified(far, entry),
            }
        }
        self.rows.join_last();
    }

    /// Adds a candidate before the one at that place; if all places are taken, the first gives way.
    fn add(&mut self, bucket: usize, at: usize, candidate: Candidate) {
        if self.rows.row(bucket).len() < self.k {
            self.rows.insert(bucket, at, candidate);
        } else if let Some(before) = self.rows.row_mut(bucket).get_mut(..at)
            && let Some(first) = before.first_mut()
        {
            *first = candidate;
            before.rotate_left(1);
        }
    }

    #[cfg(test)]
    pub(super) fn in_bucket(&self, bucket: usize) -> usize {
        self.rows.row(bucket).len()
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
    fn best_first(waiting: &mut Waiting, bucket: usize) -> Vec<u8> {
        let take = || Some(waiting.take_best(bucket, |_| true)?.id().as_bytes()[0]);
        core::iter::from_fn(take).collect()
    }

    #[test]
    fn who_answered_comes_before_who_only_wrote() {
        let mut waiting = Waiting::new(3);
        waiting.keep_verified(0, entry(2));
        for first in 3..9 {
            waiting.keep_unverified(0, compact(first));
        }
        assert_eq!(best_first(&mut waiting, 0), [2, 8, 7]);
    }

    #[test]
    fn who_answered_is_displaced_only_by_who_answered_later() {
        let mut waiting = Waiting::new(3);
        for first in 1..5 {
            waiting.keep_verified(0, entry(first));
        }
        waiting.keep_unverified(0, compact(9));
        assert_eq!(best_first(&mut waiting, 0), [4, 3, 2]);
    }

    #[test]
    fn nobody_waits_twice() {
        let mut waiting = Waiting::new(3);
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
        let mut waiting = Waiting::new(3);
        waiting.keep_verified(0, entry(1));
        waiting.keep_verified(0, entry(2));
        let best = waiting.take_best(0, |id| *id != compact(2).id);
        assert_eq!(best.map(|best| *best.id()), Some(compact(1).id));
        assert_eq!(best_first(&mut waiting, 0), [2]);
    }

    #[test]
    fn splitting_and_joining_keep_the_order() {
        let mut waiting = Waiting::new(4);
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
