//! Of how many prefixes the closest are: whoever has all addresses of one must not take all places.

use alloc::vec::Vec;

use super::{Candidate, ClosestNodes, Variety};
use crate::address::Prefix;

impl ClosestNodes {
    /// Takes in where a new candidate is. In a network of many prefixes that is all that their bound
    /// costs.
    pub(super) fn note_prefix(&mut self, at: usize) {
        let (Some(most), Some(prefix)) = (self.shape.most_of_prefix, self.prefix_at(at)) else {
            return;
        };
        let prefixes = (0..self.candidates.len()).filter_map(|at| self.prefix_at(at));
        if prefixes.filter(|other| *other == prefix).count() > most {
            self.variety = Variety::Crowded;
        }
    }

    /// The prefix of a candidate, if that counts.
    pub(super) fn prefix_at(&self, at: usize) -> Option<Prefix> {
        let addr = self.candidates.get(at).and_then(Candidate::addr)?;
        self.shape.shared.prefix_of(addr.ip())
    }

    /// Whether more of the result are of one prefix than should be, because there are no others.
    pub(crate) fn is_crowded(&self) -> bool {
        let (Variety::Crowded, Some(most)) = (self.variety, self.shape.most_of_prefix) else {
            return false;
        };
        let contacts = self.closest().filter_map(|place| place.contact());
        let prefixes: Vec<Prefix> = contacts
            .filter_map(|contact| self.shape.shared.prefix_of(contact.addr.ip()))
            .collect();
        let is_of_many = |prefix: &Prefix| {
            let same = prefixes.iter().filter(|other| *other == prefix);
            same.count() > most
        };
        prefixes.iter().any(is_of_many)
    }
}
