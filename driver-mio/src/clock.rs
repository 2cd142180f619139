//! The core's time, read from the operating system, and whether the machine slept meanwhile.

use std::time::Duration;

use khashmir::Instant;

/// A clock that starts at the core's origin when it is made, and goes on while the machine sleeps.
///
/// Linux has a clock for that. Elsewhere a sleep shows as a jump of the wall clock against a clock
/// that stands still meanwhile, once [`slept`](Self::slept) is asked.
#[derive(Debug)]
pub struct Clock {
    origin: Reading,
    /// How far the time that goes on was ahead of the time awake when that was last looked at.
    ahead: Duration,
    /// Time asleep that the clock which goes on does not count.
    uncounted: Duration,
    /// What tests let the machine sleep.
    #[cfg(test)]
    pretended: Duration,
}

/// Two clocks of the system, read at nearly the same time.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// This one stands still while the machine sleeps.
    awake: Duration,
    /// This one goes on.
    passed: Duration,
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start() -> Self {
        let origin = system::read();
        Self {
            origin,
            ahead: origin.passed.saturating_sub(origin.awake),
            uncounted: Duration::ZERO,
            #[cfg(test)]
            pretended: Duration::ZERO,
        }
    }

    /// What it is now.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::since_origin(system::elapsed(&self.origin).saturating_add(self.uncounted))
    }

    /// How long it is until then; zero when that is past.
    #[must_use]
    pub fn until(&self, then: Instant) -> Duration {
        then.since(self.now())
    }

    /// How long the machine slept since this was last asked, if it did:
    /// [`Node::handle_sleep`](khashmir::Node::handle_sleep) wants to know.
    pub fn slept(&mut self) -> Option<Duration> {
        let reading = system::read();
        #[cfg(test)]
        let reading = Reading {
            passed: reading.passed + self.pretended,
            ..reading
        };
        self.notice(reading)
    }

    fn notice(&mut self, reading: Reading) -> Option<Duration> {
        let ahead = reading.passed.saturating_sub(reading.awake);
        let slept = ahead.saturating_sub(self.ahead);
        self.ahead = ahead;
        if slept < system::SHORTEST_SLEEP {
            return None;
        }
        self.uncounted += slept.min(system::MOST_UNCOUNTED);
        Some(slept)
    }

    /// Lets the machine have slept until now.
    #[cfg(test)]
    pub(crate) fn sleep(&mut self, slept: Duration) {
        self.pretended += slept;
        self.uncounted += slept.saturating_sub(system::MOST_UNCOUNTED);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    //! Linux: `CLOCK_MONOTONIC` stands still, `CLOCK_BOOTTIME` goes on.

    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    use super::Reading;

    /// The two clocks differ by no more than the time between two readings.
    pub(super) const SHORTEST_SLEEP: Duration = Duration::from_millis(500);
    /// The clock that tells the time counts all.
    pub(super) const MOST_UNCOUNTED: Duration = Duration::ZERO;

    pub(super) fn read() -> Reading {
        let awake = of(ClockId::Monotonic);
        let passed = of(ClockId::Boottime);
        Reading { awake, passed }
    }

    pub(super) fn elapsed(origin: &Reading) -> Duration {
        of(ClockId::Boottime).saturating_sub(origin.passed)
    }

    fn of(clock: ClockId) -> Duration {
        // Neither clock is ever below zero, nor a fraction of a second above one.
        Duration::try_from(clock_gettime(clock)).unwrap_or_default()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    //! Elsewhere: the standard library's clock may stand still, the wall clock goes on.

    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime};

    use super::Reading;

    /// A wall clock may be set, too, by a little and often.
    pub(super) const SHORTEST_SLEEP: Duration = Duration::from_secs(30);
    /// Who sets a clock by more than that corrects it: only so much is taken for time that passed.
    pub(super) const MOST_UNCOUNTED: Duration = Duration::from_secs(24 * 60 * 60);

    pub(super) fn read() -> Reading {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Reading {
            awake: awake(),
            passed: wall.unwrap_or_default(),
        }
    }

    pub(super) fn elapsed(origin: &Reading) -> Duration {
        awake().saturating_sub(origin.awake)
    }

    fn awake() -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_clock_runs_forward_from_the_origin() {
        let clock = Clock::start();
        let first = clock.now();
        let later = first + seconds(3600);
        assert!(first.as_nanos() < 1_000_000_000, "it starts at the origin");
        assert!(clock.now() >= first);
        assert!(clock.until(later) > seconds(3590));
        assert_eq!(clock.until(Instant::ORIGIN), Duration::ZERO);
    }

    #[test]
    fn a_sleep_is_noticed_once_and_counts_as_time() {
        let mut clock = Clock::start();
        assert_eq!(clock.slept(), None);
        clock.sleep(seconds(4 * 3600));
        assert!(clock.now() >= Instant::since_origin(seconds(4 * 3600)));
        let slept = clock.slept().expect("it is noticed");
        let off = slept.abs_diff(seconds(4 * 3600));
        assert!(off < seconds(60), "{slept:?}");
        assert_eq!(clock.slept(), None);
    }

    #[test]
    fn only_what_the_two_clocks_drift_apart_is_sleep() {
        let mut clock = Clock::start();
        let mut notice = |awake, passed| {
            let (awake, passed) = (seconds(awake), seconds(passed));
            clock.notice(Reading { awake, passed })
        };
        notice(1000, 5000);
        assert_eq!(notice(1500, 5500), None, "the machine was busy");
        assert_eq!(notice(1510, 5600), Some(seconds(90)));
        assert_eq!(notice(1520, 5300), None, "the clock was set back");
        assert_eq!(notice(1530, 5410), Some(seconds(100)));
    }
}
