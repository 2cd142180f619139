//! Who named whom: how far names lead, and what counts of those that one source alone has named.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{ClosestNodes, Course};
use crate::id::Id;
use crate::lookup::candidate::State;

impl ClosestNodes {
    /// How long a chain of names is followed now.
    pub(super) fn most_hops(&self) -> u32 {
        match self.began {
            Some(began) if self.now.since(began) >= Self::LONG => Self::MOST_HOPS_WHERE_LONG,
            Some(_) | None => Self::MOST_HOPS,
        }
    }

    /// Takes in that a contact that is known was named by another one.
    pub(super) fn named_again(&mut self, at: usize, addr: SocketAddr, by: &Id) {
        self.candidates[at].is_named_at(addr);
        if matches!(self.candidates[at].state, State::Failed) {
            self.candidates[at].try_elsewhere();
        }
        let Some(through) = self.candidates[at].known_through else {
            return;
        };
        let id = *self.candidates[at].place.id();
        let before = self.chain(&through);
        let now = self.chain(by);
        // Named by one that is known through it alone, it is known no better.
        if !now.contains(&id) {
            let common = before.into_iter().find(|id| now.contains(id));
            self.candidates[at].known_through = common;
            let vouched = self.candidates[at].vouched();
            if let State::Asked { silence, .. } = &mut self.candidates[at].state {
                *silence = silence.vouched(vouched);
            }
        }
    }

    /// A contact and those through which alone it is known, the source last.
    pub(super) fn chain(&self, id: &Id) -> Vec<Id> {
        let mut chain = vec![*id];
        while let Some(at) = chain.last().and_then(|id| self.find(id))
            && let Some(through) = self.candidates[at].known_through
            && !chain.contains(&through)
        {
            chain.push(through);
        }
        chain
    }

    /// Which candidates do not count, because they are among too many that one source alone has named;
    /// empty if all count.
    pub(super) fn excess(&self) -> Vec<bool> {
        if self.course == Course::Plain {
            return Vec::new();
        }
        let mut counted: Vec<(Id, usize)> = Vec::new();
        let mut excess = vec![false; self.candidates.len()];
        let mut others = 0;
        for (at, candidate) in self.candidates.iter().enumerate() {
            if !candidate.is_waited_for() {
                continue;
            }
            let Some(source) = self.chain(candidate.place.id()).pop() else {
                continue;
            };
            let place = counted.iter().position(|(other, _)| *other == source);
            let place = place.unwrap_or_else(|| {
                counted.push((source, 0));
                counted.len() - 1
            });
            counted[place].1 += 1;
            excess[at] = counted[place].1 > Self::MOST_OF_ONE_SOURCE;
            others += usize::from(!excess[at]);
        }
        if others < self.shape.k {
            // Where others cannot take all places, the closest of the rest do.
            let rest = excess.iter_mut().filter(|excess| **excess);
            for excess in rest.take(self.shape.k - others) {
                *excess = false;
            }
        }
        excess
    }
}
