//! What calls to anyone have taught a node: how long answers take, and how many calls bring one.

use super::retry::Patience;
use crate::rtt::{Memory, RoundTrip, Took};

/// What is expected of someone of whom nothing is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Experience {
    round_trip: RoundTrip,
    /// Answers that the estimate stands on, as far as they still matter.
    answers: u32,
    /// How many of a thousand calls are answered.
    answering: u32,
}

impl Experience {
    /// How many answers the assumption that an estimate starts from weighs.
    const ASSUMPTION: u32 = 8;
    /// So many calls are remembered: an older one counts for a third of the latest, and less.
    const MEMORY: u32 = 32;

    /// Where so many of a thousand calls are answered, nobody has been silent for forty calls.
    const ALL_ANSWER: u32 = 990;

    /// The experience of a node that has none: it trusts that nearly all who are listed are there.
    pub(super) const NONE: Self = Self {
        round_trip: RoundTrip::ASSUMED,
        answers: 0,
        answering: 980,
    };

    /// Where everybody answers, whoever does not is far away rather than gone, and waiting for the
    /// few who are that far makes a lookup exact. Where some do not, it would make it slow.
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

    /// Somebody answered.
    pub(super) fn answered(&mut self, took: Took) {
        let weight = (Self::ASSUMPTION + self.answers).min(Self::MEMORY);
        took.refine(&mut self.round_trip, Memory::Everyone { weight });
        self.answers = (self.answers + 1).min(Self::MEMORY);
        self.count(1000);
    }

    /// Somebody did not, though asked again.
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
        let mut experience = Experience::NONE;
        let near = Took::Exactly(Duration::from_millis(10));
        experience.answered(near);
        assert!(experience.round_trip().mean() > Duration::from_millis(150));
        for _ in 0..200 {
            experience.answered(near);
        }
        assert!(experience.round_trip().mean() < Duration::from_millis(15));
    }

    #[test]
    fn the_share_that_answers_follows_the_last_calls() {
        let mut experience = Experience::NONE;
        assert_eq!(experience.patience(), Patience::Short);
        for _ in 0..30 {
            experience.answered(Took::Exactly(Duration::from_millis(10)));
        }
        assert_eq!(experience.patience(), Patience::Long);
        experience.silent();
        assert_eq!(experience.patience(), Patience::Short);
        for _ in 0..100 {
            experience.silent();
            experience.answered(Took::Exactly(Duration::from_millis(10)));
        }
        assert!(experience.answering().abs_diff(500) < 50, "{experience:?}");
        for _ in 0..100 {
            experience.silent();
        }
        assert!(experience.answering() < 100, "{experience:?}");
        for _ in 0..300 {
            experience.answered(Took::Exactly(Duration::from_millis(10)));
        }
        assert!(experience.answering() > 990, "{experience:?}");
    }
}
