//! What a walk expects of the contacts in flight, by what the node has learnt of its network.

use super::{ClosestNodes, Patience, as_f64};
use crate::estimate::NetworkEstimate;
use crate::lookup::candidate::State;
use crate::time::Instant;

impl ClosestNodes {
    /// Judges the contacts in flight by what is known now.
    pub(crate) fn judge(&mut self, now: Instant, estimate: &NetworkEstimate) {
        let judged = Some((now, estimate.version()));
        if self.shape.patience == Patience::Fixed || self.judged == judged {
            return;
        }
        self.judged = judged;
        let turnout = estimate.turnout(self.in_flight(), now);
        self.there = turnout.share();
        for candidate in &mut self.candidates {
            if let State::Asked {
                silence, outlook, ..
            } = &mut candidate.state
            {
                let there = estimate.there_beside(&turnout, silence, now);
                *outlook = estimate.outlook(there, silence, now);
                if outlook.is_hopeless() {
                    candidate.try_elsewhere();
                }
            }
        }
    }

    /// When the contacts in flight are to be judged again, if none of them answers before.
    pub(crate) fn next_review(&self, now: Instant, estimate: &NetworkEstimate) -> Option<Instant> {
        if self.shape.patience == Patience::Fixed {
            return None;
        }
        let hopeful = self.candidates.iter().filter_map(|c| match c.state {
            State::Asked {
                silence, outlook, ..
            } if !outlook.is_hopeless() => Some((silence, outlook.there)),
            State::Asked { .. } | State::Fresh | State::Answered | State::Failed => None,
        });
        hopeful
            .filter_map(|(silence, there)| estimate.next_review(there, &silence, now))
            .min()
    }

    /// Whether one more may be in flight. Contacts in flight count for as much as they are likely to
    /// answer: of them there may be all of the K closest, and a stand-in for each.
    pub(super) fn has_room(&self) -> bool {
        let (mut likely, mut count) = (0.0, 0);
        for candidate in &self.candidates {
            if let State::Asked { outlook, .. } = candidate.state
                && !outlook.is_hopeless()
            {
                likely += outlook.answers;
                count += 1;
            }
        }
        count < self.shape.k * Self::MOST_IN_FLIGHT && likely + 0.5 < as_f64(self.shape.k * 2)
    }
}
