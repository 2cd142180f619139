//! A moment, as all clocks show it: the node's, which measures spans, and those that outlive it.

use std::time::{Duration, SystemTime};

use khashmir::Instant;

/// One moment on several clocks, so that spans measured by one can be told by another later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The node's clock, which only goes forward.
    pub now: Instant,
    /// The wall clock, which may be set.
    pub wall: SystemTime,
    /// How long the machine is up, sleep included, where the system says so.
    pub since_boot: Option<Duration>,
}

impl Moment {
    /// This moment, at which the node's clock reads `now`.
    #[must_use]
    pub fn at(now: Instant) -> Self {
        Self {
            now,
            wall: SystemTime::now(),
            since_boot: since_boot(),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_boot() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    Duration::try_from(clock_gettime(ClockId::Boottime)).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn since_boot() -> Option<Duration> {
    None
}
