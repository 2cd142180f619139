//! Which contacts of a bucket are closest to a target: every query for contacts asks that.

use super::MAX_K;
use super::entry::Entry;
use crate::id::Id;

/// Room for ordering the contacts of one bucket after another by their distance to a target.
pub(super) struct Ranking<'t> {
    target: &'t Id,
    ranks: [Rank; MAX_K],
}

/// The first bits of a contact's distance, and in the last ones its place in its bucket: a number
/// sorts faster than a contact.
type Rank = u64;

/// The bits of a rank that hold a place.
const PLACE: Rank = MAX_K as Rank - 1;
const _: () = assert!(MAX_K.is_power_of_two());

impl<'t> Ranking<'t> {
    pub(super) const fn new(target: &'t Id) -> Self {
        Self {
            target,
            ranks: [0; MAX_K],
        }
    }

    /// The contacts of a bucket, closest first.
    pub(super) fn order<'e>(&mut self, bucket: &'e [Entry]) -> impl Iterator<Item = &'e Entry> {
        let from = self.target.first_64();
        let count = bucket.len().min(MAX_K);
        for (end, entry) in bucket.iter().take(MAX_K).enumerate() {
            let rank = (from ^ entry.compact.id.first_64()) & !PLACE | end as Rank;
            // Insertion is the fastest way to sort so few.
            let mut at = end;
            while at > 0 && self.ranks[at - 1] > rank {
                self.ranks[at] = self.ranks[at - 1];
                at -= 1;
            }
            self.ranks[at] = rank;
        }
        let ranks = &mut self.ranks[..count];
        let at = |rank: Rank| &bucket[(rank & PLACE) as usize];
        // Only distances that begin alike have to be looked at as a whole.
        if ranks.windows(2).any(|two| two[0] ^ two[1] <= PLACE) {
            ranks.sort_unstable_by_key(|rank| self.target.distance(&at(*rank).compact.id));
        }
        ranks.iter().map(move |rank| at(*rank))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::super::entry::Compact;
    use super::*;
    use crate::contact::Contact;
    use crate::time::Instant;

    quickcheck! {
        /// Also when many share their first bytes, as those in a deep bucket do.
        fn it_is_the_order_of_distances(target: Vec<u8>, ids: Vec<Vec<u8>>, shared: u8) -> bool {
            let target = Id::normalised(&target);
            let shared = usize::from(shared) % Id::LEN;
            let id = |own: &Vec<u8>| Id::normalised(&[&[7; Id::LEN][..shared], own].concat());
            let mut ids: Vec<Id> = ids.iter().map(id).take(MAX_K).collect();
            let contact = |id: &Id| Contact::new(*id, ([10, 0, 0, 1], 1).into());
            let entry = |id: &Id| Entry::new(Compact::new(contact(id)).expect("IPv4"), Instant::ORIGIN);
            let bucket: Vec<Entry> = ids.iter().map(entry).collect();
            let mut ranking = Ranking::new(&target);
            let ranked: Vec<Id> = ranking.order(&bucket).map(|entry| entry.compact.id).collect();
            ids.sort_by_key(|id| target.distance(id));
            ranked == ids
        }
    }
}
