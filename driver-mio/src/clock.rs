//! The core's time, read from the operating system's monotonic clock.

use std::time::Duration;

use khashmir::Instant;

/// A clock that starts at the core's origin when it is made.
pub(crate) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::since_origin(self.origin.elapsed())
    }

    /// How long it is until then; zero when that is past.
    pub(crate) fn until(&self, then: Instant) -> Duration {
        then.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_forward_from_the_origin() {
        let clock = Clock::start();
        let first = clock.now();
        let later = first + Duration::from_secs(3600);
        assert!(first.as_nanos() < 1_000_000_000, "it starts at the origin");
        assert!(clock.now() >= first);
        assert!(clock.until(later) > Duration::from_secs(3590));
        assert_eq!(clock.until(Instant::ORIGIN), Duration::ZERO);
    }
}
