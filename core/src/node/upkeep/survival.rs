//! How long holders of values live, as far as this node has seen: it says how soon to ask again.

use core::time::Duration;

/// Time that copies were seen to survive, and how many were seen to be lost.
///
/// Nodes that leave without a word are taken to leave at a steady rate, so losses by the time at
/// risk are that rate. Old observations count ever less, as losses come in.
pub(super) struct Survival {
    time: Duration,
    losses: u32,
}

impl Survival {
    /// What is assumed before anything was seen, with the weight of one loss: half an hour is what
    /// sessions in file-sharing networks take in the middle.
    const FIRST: Duration = Duration::from_secs(30 * 60);
    /// Of how many losses the memory is.
    const MEMORY: u32 = 64;
    /// A holder is asked again after three fifths of the mean time that holders live. Nearly half of
    /// them have left by then, and making their copies anew takes about as much as asking all takes;
    /// and since they are asked in turn, a quarter of the copies is missing on average.
    const INTERVAL_FIFTHS: u32 = 3;
    /// No holder is asked again sooner, however fast holders leave or seem to.
    const SOONEST: Duration = Duration::from_secs(30);

    pub(super) const fn new() -> Self {
        Self {
            time: Self::FIRST,
            losses: 1,
        }
    }

    /// Takes in that copies survived for so long in sum, and that so many were lost.
    ///
    /// Quiet time beyond what makes the interval `longest` is not saved up: when nodes begin to
    /// leave after a quiet year, that shows at once.
    pub(super) fn saw(&mut self, survived: Duration, lost: u32, longest: Duration) {
        self.losses = self.losses.saturating_add(lost);
        let most = longest.saturating_mul(self.losses) / Self::INTERVAL_FIFTHS * 5;
        self.time = self.time.saturating_add(survived).min(most);
        while self.losses > Self::MEMORY {
            self.losses /= 2;
            self.time /= 2;
        }
    }

    /// How long after it was seen a holder is asked again, at most `longest`.
    pub(super) fn interval(&self, longest: Duration) -> Duration {
        let mean = self.time / self.losses.max(1);
        (mean / 5 * Self::INTERVAL_FIFTHS)
            .max(Self::SOONEST)
            .min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(1800);

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn the_interval_follows_how_long_holders_live() {
        let mut survival = Survival::new();
        assert_eq!(survival.interval(LONGEST), minutes(18));
        for _ in 0..200 {
            survival.saw(minutes(6), 1, LONGEST);
        }
        let interval = survival.interval(LONGEST).as_secs();
        assert!((200..=235).contains(&interval), "{interval} s");
        for _ in 0..200 {
            survival.saw(minutes(30), 1, LONGEST);
        }
        let interval = survival.interval(LONGEST).as_secs();
        assert!((1020..=1180).contains(&interval), "{interval} s");
    }

    #[test]
    fn it_has_bounds_and_a_quiet_year_is_soon_forgotten() {
        let mut survival = Survival::new();
        survival.saw(minutes(60 * 24 * 365), 0, LONGEST);
        assert_eq!(survival.interval(LONGEST), LONGEST);
        survival.saw(minutes(1), 8, LONGEST);
        assert!(survival.interval(LONGEST) < minutes(8));
        survival.saw(Duration::ZERO, u32::MAX, LONGEST);
        assert_eq!(survival.interval(LONGEST), Survival::SOONEST);
    }
}
