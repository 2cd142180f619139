//! The clock of a host, which may run too fast or too slow, and jump.

use std::time::Duration;

use khashmir::Instant;

/// How a host's clock relates to the time of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// A moment of the world.
    since: Instant,
    /// What the clock showed then.
    reading: Instant,
    /// How much faster than the world it runs, in millionths.
    drift: i32,
}

/// A clock that shows the time of the world.
impl Default for Clock {
    fn default() -> Self {
        Self {
            since: Instant::ORIGIN,
            reading: Instant::ORIGIN,
            drift: 0,
        }
    }
}

impl Clock {
    /// Clocks go at most that much wrong, in millionths: half and one and a half times as fast.
    pub const MOST: i32 = 500_000;

    /// What it shows.
    #[must_use]
    pub fn read(&self, at: Instant) -> Instant {
        let passed = i128::from(at.since(self.since).as_nanos() as u64);
        let gained = passed * i128::from(self.drift) / 1_000_000;
        self.reading + nanos(passed + gained)
    }

    /// The first moment of the world at which it shows at least that.
    #[must_use]
    pub fn when(&self, reading: Instant) -> Instant {
        let shown = i128::from(reading.since(self.reading).as_nanos() as u64);
        let rate = 1_000_000 + i128::from(self.drift);
        let mut at = self.since + nanos(shown * 1_000_000 / rate);
        // The division rounds down; the reading may still be short of it.
        while self.read(at) < reading && at < Instant::MAX {
            at = at + Duration::from_nanos(1);
        }
        at
    }

    /// Whether it runs too fast or too slow.
    #[must_use]
    pub const fn is_drifting(&self) -> bool {
        self.drift != 0
    }

    /// The same clock, from now on that many millionths too fast.
    #[must_use]
    pub fn drifting(&self, now: Instant, drift: i32) -> Self {
        Self {
            since: now,
            reading: self.read(now),
            drift: drift.clamp(-Self::MOST, Self::MOST),
        }
    }

    /// The same clock, set forward.
    #[must_use]
    pub fn forward(&self, now: Instant, by: Duration) -> Self {
        Self {
            since: now,
            reading: self.read(now) + by,
            ..*self
        }
    }

    /// The same clock, set back; not before the origin.
    #[must_use]
    pub fn back(&self, now: Instant, by: Duration) -> Self {
        let reading = self.read(now).since(Instant::ORIGIN).saturating_sub(by);
        Self {
            since: now,
            reading: Instant::since_origin(reading),
            ..*self
        }
    }
}

fn nanos(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    quickcheck! {
        fn a_clock_shows_a_time_at_the_moment_at_which_it_shows_it(
            start: u32, drift: i32, jump: u32, reading: u64
        ) -> bool {
            let now = at(u64::from(start));
            let clock = Clock::default()
                .drifting(now, drift % Clock::MOST)
                .forward(now, Duration::from_nanos(u64::from(jump)));
            let reading = at(reading >> 2).max(clock.read(now));
            let when = clock.when(reading);
            let before = when.as_nanos().checked_sub(3).map(at);
            let is_first = |before| before < now || clock.read(before) < reading;
            clock.read(when) >= reading && before.is_none_or(is_first)
        }
    }

    #[test]
    fn a_clock_that_is_right_shows_the_world_s_time() {
        let clock = Clock::default();
        assert_eq!(clock.read(at(5)), at(5));
        assert_eq!(clock.when(at(5)), at(5));
        assert_eq!(clock.when(Instant::MAX), Instant::MAX);
    }

    #[test]
    fn clocks_drift_and_jump() {
        let second = 1_000_000_000;
        let fast = Clock::default().drifting(at(0), 100_000);
        assert_eq!(fast.read(at(10 * second)), at(11 * second));
        let back = fast.back(at(10 * second), Duration::from_secs(2));
        assert_eq!(back.read(at(10 * second)), at(9 * second));
        assert_eq!(back.read(at(20 * second)), at(20 * second));
        let start = back.back(at(20 * second), Duration::from_secs(60));
        assert_eq!(start.read(at(20 * second)), Instant::ORIGIN);
    }
}
