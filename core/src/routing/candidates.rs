//! Which candidate gets a free place, and which contact loses one because another answered at its
//! address.

use alloc::vec::Vec;

use super::entry::{Candidate, Compact, Entry};
use super::{Failed, Table};
use crate::contact::Contact;
use crate::id::Id;
use crate::time::Instant;

impl Table {
    /// The candidate to ask next for a free place in the bucket of this identifier, now that another
    /// candidate for it did not answer. Candidates whose last answer still vouches for them have
    /// entered without being asked.
    pub(crate) fn next_candidate(&mut self, now: Instant, id: &Id) -> Option<Contact> {
        self.fill_bucket(now, self.bucket_of(id))
    }

    /// The same for every bucket that has room.
    pub(crate) fn next_candidates(&mut self, now: Instant) -> Vec<Contact> {
        let buckets = 0..self.entries.count();
        buckets.filter_map(|at| self.fill_bucket(now, at)).collect()
    }

    /// Takes back a candidate that could not be asked.
    pub(crate) fn keep_candidate(&mut self, candidate: Contact) {
        if let Some(candidate) = Compact::new(candidate) {
            let at = self.bucket_of(&candidate.id);
            self.replacements.keep_unverified(at, candidate);
        }
    }

    /// Remembers a claimant that answered under the identifier of a contact known at another address.
    pub(super) fn keep_claimant(&mut self, now: Instant, claimant: Entry) {
        self.forget_address(now, &claimant.compact);
        let at = self.bucket_of(&claimant.compact.id);
        self.replacements.keep_verified(at, claimant);
    }

    /// Gives the free places of a bucket to the best candidates as long as their last answers still
    /// vouch for them. The first that has to be asked before is taken out and given back.
    pub(super) fn fill_bucket(&mut self, now: Instant, at: usize) -> Option<Contact> {
        loop {
            let (own, k) = (self.own, self.settings.k);
            let (has_room, can_split) = (self.has_room(at), self.can_split(at));
            let entries = self.entries.row(at);
            let fits = |id: &Id| {
                let shared = own.common_prefix(id);
                let beside = |entry: &&Entry| own.common_prefix(&entry.compact.id) == shared;
                // A bucket that splits does so until all in it share as much with us as the candidate.
                let room = has_room || can_split && entries.iter().filter(beside).count() < k;
                // A claimant of the id of a contact that is still here waits until that one is gone.
                room && entries.iter().all(|entry| entry.compact.id != *id)
            };
            match self.replacements.take_best(at, fits)? {
                Candidate::Verified(entry) if entry.fresh_until > now => {
                    self.enter(now, entry);
                }
                candidate @ (Candidate::Verified(_) | Candidate::Unverified(_)) => {
                    return Some(candidate.contact());
                }
            }
        }
    }

    /// An address has one node: all that were known there under other identifiers, candidates
    /// included, are gone now that this one has answered. Who could have the place of one of them
    /// stays a candidate, because the newcomer may want it.
    pub(super) fn forget_address(&mut self, now: Instant, newcomer: &Compact) {
        self.replacements.forget_address(newcomer);
        let mut all = self.entries.all().iter();
        let gone = all.find(|entry| entry.compact.is_where(newcomer));
        let Some(gone) = gone.map(Entry::contact) else {
            return;
        };
        if let Failed::RemovedFor(candidate) = self.remove(now, &gone) {
            self.keep_candidate(candidate);
        }
    }
}
