//! Who named whom: how far names lead, and what counts of those that one source alone has named.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{Candidate, ClosestNodes, Course, Variety};
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

    /// Which of so many candidates that were not asked gives way where there are too many: the farthest; and
    /// where one source has named more than half of them, the farthest of those. Else its inventions,
    /// which are closer than everybody, would drive out all others before they are asked.
    pub(super) fn superfluous(&self, fresh: usize) -> Option<usize> {
        let farthest = self.candidates.iter().rposition(Candidate::is_fresh);
        let is_hearsay =
            |candidate: &&Candidate| candidate.is_fresh() && candidate.known_through.is_some();
        let half = fresh / 2;
        if self.candidates.iter().filter(is_hearsay).count() <= half {
            return farthest;
        }
        let all = self.candidates.iter().enumerate();
        let sources: Vec<(Option<Id>, usize)> = all
            .filter(|(_, candidate)| candidate.is_fresh())
            .map(|(at, candidate)| (self.chain(candidate.place.id()).pop(), at))
            .collect();
        let mut sorted = sources.clone();
        sorted.sort_unstable();
        // Whoever has named more than half stands in the middle.
        let (most, _) = *sorted.get(half)?;
        let mut of_most = sources.iter().filter(|(source, _)| *source == most);
        if of_most.clone().count() <= half {
            return farthest;
        }
        of_most.next_back().map(|(_, at)| *at)
    }

    /// Which candidates do not count, because they are among too many that one source alone has named,
    /// or among too many of one prefix; empty if all count.
    pub(super) fn excess(&self) -> Vec<bool> {
        let most_of_source = match self.course {
            Course::Plain => None,
            Course::Misled => Some(Self::MOST_OF_ONE_SOURCE),
        };
        let most_of_prefix = match self.variety {
            Variety::Enough => None,
            Variety::Crowded => self.shape.most_of_prefix,
        };
        if most_of_source.is_none() && most_of_prefix.is_none() {
            return Vec::new();
        }
        let (mut sources, mut prefixes) = (Tally::new(most_of_source), Tally::new(most_of_prefix));
        let mut excess = vec![false; self.candidates.len()];
        let mut others = 0;
        for (at, candidate) in self.candidates.iter().enumerate() {
            if !candidate.is_waited_for() {
                continue;
            }
            let source = most_of_source.and_then(|_| self.chain(candidate.place.id()).pop());
            let prefix = most_of_prefix.and_then(|_| self.prefix_at(at));
            excess[at] = sources.is_full_of(source) || prefixes.is_full_of(prefix);
            if !excess[at] {
                sources.count(source);
                prefixes.count(prefix);
                // Our own node has a place only where it is closer than those of the others.
                others += usize::from(candidate.addr().is_some());
            }
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

/// How many contacts there are of each kind, where so many of one count.
struct Tally<K> {
    most: Option<usize>,
    counted: Vec<(K, usize)>,
}

impl<K: Copy + PartialEq> Tally<K> {
    const fn new(most: Option<usize>) -> Self {
        Self {
            most,
            counted: Vec::new(),
        }
    }

    /// Whether as many of this kind were counted as may.
    fn is_full_of(&self, kind: Option<K>) -> bool {
        let (Some(most), Some(kind)) = (self.most, kind) else {
            return false;
        };
        let mut counted = self.counted.iter();
        counted.any(|(other, count)| *other == kind && *count >= most)
    }

    fn count(&mut self, kind: Option<K>) {
        let Some(kind) = kind else {
            return;
        };
        match self.counted.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, count)) => *count += 1,
            None => self.counted.push((kind, 1)),
        }
    }
}
