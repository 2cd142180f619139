//! Contacts that a walk would ask, and that are not asked: their addresses are spared.

use super::{Candidate, ClosestNodes};
use crate::id::Id;
use crate::lookup::candidate::State;
use crate::time::Instant;

impl ClosestNodes {
    /// Reports that a contact was not asked after all, nor will be: its address does not answer.
    pub(crate) fn not_asked(&mut self, id: &Id) {
        if let Some(candidate) = self.take_back(id)
            && !candidate.try_elsewhere()
        {
            candidate.state = State::Failed;
        }
    }

    /// Reports that a contact was not asked after all, and may be from then on: enough calls to its
    /// address are under way. If the walk has an answer before, it tries at once.
    pub(crate) fn not_asked_before(&mut self, id: &Id, then: Instant) {
        if let Some(candidate) = self.take_back(id) {
            candidate.state = State::Fresh;
            candidate.held_back = Some(then);
        }
    }

    /// When the first of the contacts that are held back may be asked.
    pub(crate) fn next_held_back(&self, now: Instant) -> Option<Instant> {
        let fresh = self.candidates.iter().filter(|c| c.is_fresh());
        fresh
            .filter_map(|c| c.held_back)
            .filter(|at| *at > now)
            .min()
    }

    /// Lets all contacts go that are held back.
    pub(super) fn release(&mut self) {
        for candidate in &mut self.candidates {
            candidate.held_back = None;
        }
    }

    /// Takes back that a contact was asked: no query was sent.
    fn take_back(&mut self, id: &Id) -> Option<&mut Candidate> {
        let at = self.find(id)?;
        self.candidates[at].silence()?;
        self.queries = self.queries.saturating_sub(1);
        self.candidates.get_mut(at)
    }
}
