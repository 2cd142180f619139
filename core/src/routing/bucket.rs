//! A k-bucket: contacts of one part of the id space in the order in which they were last seen, and
//! a few more that would take their place.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::entry::Entry;
use crate::contact::Contact;
use crate::id::Id;
use crate::time::Instant;

/// Contacts of one part of the id space. Neither list grows beyond K.
pub(super) struct Bucket {
    /// Least recently seen first.
    entries: Vec<Entry>,
    /// Candidates for a free place, the best at the back.
    cache: VecDeque<Candidate>,
    /// When this part of the space wants to be looked up again.
    pub(super) stale_at: Instant,
}

/// Someone who found the bucket full.
#[derive(Clone)]
enum Candidate {
    /// It only wrote to us: it has to answer before it enters.
    Unverified(Contact),
    /// It answered us.
    Verified(Entry),
}

impl Candidate {
    const fn id(&self) -> &Id {
        match self {
            Self::Unverified(contact) => &contact.id,
            Self::Verified(entry) => &entry.id,
        }
    }
}

/// Who takes a place that became free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Successor {
    /// A candidate whose last answer still vouches for it took the place.
    Entered,
    /// This candidate may have it once it answers.
    ToVerify(Contact),
    /// Nobody waits for it.
    None,
}

impl Bucket {
    pub(super) const fn new(stale_at: Instant) -> Self {
        Self {
            entries: Vec::new(),
            cache: VecDeque::new(),
            stale_at,
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    pub(super) fn get_mut(&mut self, id: &Id) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == *id)
    }

    /// Adds a contact as the most recently seen.
    pub(super) fn push(&mut self, entry: Entry) {
        self.cache.retain(|candidate| *candidate.id() != entry.id);
        self.entries.push(entry);
    }

    /// Makes a contact the most recently seen.
    pub(super) fn move_to_back(&mut self, id: &Id) {
        if let Some(at) = self.entries.iter().position(|entry| entry.id == *id) {
            self.entries[at..].rotate_left(1);
        }
    }

    /// Takes a contact out, and lets the best candidate in if its last answer is fresh enough.
    pub(super) fn remove(&mut self, id: &Id, now: Instant) -> Successor {
        self.entries.retain(|entry| entry.id != *id);
        // Whoever claims the id of another that is still here waits until that one is gone.
        let free = |candidate: &Candidate| self.get(candidate.id()).is_none();
        let best = self.cache.iter().rposition(free);
        match best.and_then(|at| self.cache.remove(at)) {
            Some(Candidate::Verified(entry)) if entry.fresh_until > now => {
                self.entries.push(entry);
                Successor::Entered
            }
            Some(Candidate::Verified(entry)) => Successor::ToVerify(entry.contact()),
            Some(Candidate::Unverified(contact)) => Successor::ToVerify(contact),
            None => Successor::None,
        }
    }

    /// Remembers someone who answered but found no place: the best candidate now.
    pub(super) fn keep_verified(&mut self, entry: Entry, k: usize) {
        self.cache.retain(|candidate| *candidate.id() != entry.id);
        if self.cache.len() >= k {
            self.cache.pop_front();
        }
        self.cache.push_back(Candidate::Verified(entry));
    }

    /// Remembers someone who wrote to us but found no place. It comes after all who answered, and
    /// displaces none of them.
    pub(super) fn keep_unverified(&mut self, contact: Contact, k: usize) {
        if self
            .cache
            .iter()
            .any(|candidate| *candidate.id() == contact.id)
        {
            return;
        }
        let unverified = |candidate: &Candidate| matches!(candidate, Candidate::Unverified(_));
        if self.cache.len() >= k && !self.cache.front().is_some_and(unverified) {
            return;
        }
        if self.cache.len() >= k {
            self.cache.pop_front();
        }
        let verified_from = self
            .cache
            .iter()
            .take_while(|candidate| unverified(candidate))
            .count();
        self.cache
            .insert(verified_from, Candidate::Unverified(contact));
    }

    /// Forgets a candidate, which did not answer or answers under another id.
    pub(super) fn forget_candidate(&mut self, id: &Id) {
        self.cache.retain(|candidate| candidate.id() != id);
    }

    /// Moves all that belong elsewhere into a bucket of their own.
    pub(super) fn split_off(&mut self, belongs_elsewhere: impl Fn(&Id) -> bool) -> Self {
        let (there, here) = self
            .entries
            .drain(..)
            .partition(|entry| belongs_elsewhere(&entry.id));
        self.entries = here;
        let (there_cache, here_cache) = self
            .cache
            .drain(..)
            .partition(|candidate| belongs_elsewhere(candidate.id()));
        self.cache = here_cache;
        Self {
            entries: there,
            cache: there_cache,
            stale_at: self.stale_at,
        }
    }

    /// Takes in all of another bucket, in the order in which they were last seen.
    pub(super) fn merge(&mut self, other: Self, k: usize) {
        self.entries.extend(other.entries);
        self.entries.sort_by_key(|entry| entry.fresh_until);
        for candidate in other.cache {
            match candidate {
                Candidate::Unverified(contact) => self.keep_unverified(contact, k),
                Candidate::Verified(entry) => self.keep_verified(entry, k),
            }
        }
        self.stale_at = self.stale_at.min(other.stale_at);
    }

    pub(super) fn candidates(&self) -> usize {
        self.cache.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(first: u8) -> Contact {
        Contact::new(Id::new([first; 20]), ([10, 0, 0, first], 1).into())
    }

    fn entry(first: u8, fresh_until: u64) -> Entry {
        Entry::new(contact(first), Instant::from_nanos(fresh_until)).expect("IPv4")
    }

    #[test]
    fn who_answered_comes_before_who_only_wrote() {
        let mut bucket = Bucket::new(Instant::ORIGIN);
        bucket.push(entry(1, 5));
        bucket.keep_verified(entry(2, 50), 3);
        for first in 3..9 {
            bucket.keep_unverified(contact(first), 3);
        }
        assert_eq!(bucket.candidates(), 3);
        assert_eq!(
            bucket.remove(&contact(1).id, Instant::from_nanos(10)),
            Successor::Entered
        );
        assert_eq!(bucket.entries()[0].id, contact(2).id);
        let next = bucket.remove(&contact(2).id, Instant::from_nanos(10));
        assert_eq!(next, Successor::ToVerify(contact(8)));
    }

    #[test]
    fn a_candidate_whose_answer_is_old_must_answer_again() {
        let mut bucket = Bucket::new(Instant::ORIGIN);
        bucket.push(entry(1, 5));
        bucket.keep_verified(entry(2, 50), 3);
        let next = bucket.remove(&contact(1).id, Instant::from_nanos(50));
        assert_eq!(next, Successor::ToVerify(contact(2)));
        assert!(bucket.entries().is_empty());
        assert_eq!(
            bucket.remove(&contact(1).id, Instant::from_nanos(50)),
            Successor::None
        );
    }

    #[test]
    fn the_cache_never_holds_one_contact_twice() {
        let mut bucket = Bucket::new(Instant::ORIGIN);
        bucket.keep_unverified(contact(1), 3);
        bucket.keep_unverified(contact(1), 3);
        bucket.keep_verified(entry(1, 5), 3);
        bucket.keep_unverified(contact(1), 3);
        assert_eq!(bucket.candidates(), 1);
        bucket.push(entry(1, 9));
        assert_eq!(bucket.candidates(), 0);
    }
}
