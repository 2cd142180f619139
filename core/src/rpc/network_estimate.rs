//! What calls to anyone have taught a node: how long answers take, and how many calls bring one.

use super::retransmit::Patience;
use crate::rtt::{Memory, RoundTrip, RttSample};

/// What is expected of a contact of which nothing is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct NetworkEstimate {
    round_trip: RoundTrip,
    /// Answers that the estimate stands on, as far as they still matter.
    answers: u32,
    /// How many of a thousand calls are answered.
    answering: u32,
}

impl NetworkEstimate {
    /// How many answers the assumption that an estimate starts from weighs.
    const ASSUMPTION: u32 = 8;
    /// So many calls are remembered: an older one counts for a third of the latest, and less.
    const MEMORY: u32 = 32;

    /// Where so many of a thousand calls are answered, no contact has been silent for forty calls.
    const ALL_ANSWER: u32 = 990;

    /// The estimate of a node that has measured nothing: it trusts that nearly all who are listed are there.
    pub(super) const NONE: Self = Self {
        round_trip: RoundTrip::ASSUMED,
        answers: 0,
        answering: 980,
    };

    /// Where all contacts answer, one that does not is far away rather than gone, and waiting for the
    /// few that are so far makes a lookup exact. Where some do not, it would make it slow.
    pub(super) const fn patience(&self) -> Patience {
        if self.answering >= Self::ALL_ANSWER {
            Patience::Long
        } else {
            Patience::Short
        }
    }

    pub(super) const fn round_trip(&self) -> RoundTrip {
        self.round_trip
    }

    /// How many of a thousand calls are answered.
    pub(super) const fn answering(&self) -> u32 {
        self.answering
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, took: RttSample) {
        let weight = (Self::ASSUMPTION + self.answers).min(Self::MEMORY);
        took.refine(&mut self.round_trip, Memory::Everyone { weight });
        self.answers = (self.answers + 1).min(Self::MEMORY);
        self.count(1000);
    }

    /// A call was not, though it was sent again.
    pub(super) fn silent(&mut self) {
        self.count(0);
    }

    fn count(&mut self, of_thousand: u32) {
        self.answering = (self.answering * (Self::MEMORY - 1) + of_thousand).div_ceil(Self::MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn the_assumption_gives_way_to_what_is_measured() {
        let mut network_estimate = NetworkEstimate::NONE;
        let near = RttSample::Exactly(Duration::from_millis(10));
        network_estimate.answered(near);
        assert!(network_estimate.round_trip().mean() > Duration::from_millis(150));
        for _ in 0..200 {
            network_estimate.answered(near);
        }
        assert!(network_estimate.round_trip().mean() < Duration::from_millis(15));
    }

    #[test]
    fn the_share_that_answers_follows_the_last_calls() {
        let mut network_estimate = NetworkEstimate::NONE;
        assert_eq!(network_estimate.patience(), Patience::Short);
        for _ in 0..30 {
            network_estimate.answered(RttSample::Exactly(Duration::from_millis(10)));
        }
        assert_eq!(network_estimate.patience(), Patience::Long);
        network_estimate.silent();
        assert_eq!(network_estimate.patience(), Patience::Short);
        for _ in 0..100 {
            network_estimate.silent();
            network_estimate.answered(RttSample::Exactly(Duration::from_millis(10)));
        }
        assert!(
            network_estimate.answering().abs_diff(500) < 50,
            "{network_estimate:?}"
        );
        for _ in 0..100 {
            network_estimate.silent();
        }
        assert!(network_estimate.answering() < 100, "{network_estimate:?}");
        for _ in 0..300 {
            network_estimate.answered(RttSample::Exactly(Duration::from_millis(10)));
        }
        assert!(network_estimate.answering() > 990, "{network_estimate:?}");
    }
}
