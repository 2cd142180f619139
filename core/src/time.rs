//! Points in time, counted from an origin that the driver picks.

use core::fmt;
use core::ops::Add;
use core::time::Duration;

/// A point in time: nanoseconds since an origin of the driver's choosing.
///
/// The core never reads a clock. The driver of a node hands it a reading with every input, from
/// whatever monotonic clock it has: `std::time::Instant` in a real process, virtual time in a
/// simulator. The range is 584 years; all arithmetic saturates, and a deadline that saturates is
/// never reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The origin itself.
    pub const ORIGIN: Self = Self(0);

    /// The end of time: a deadline here is never reached.
    pub const MAX: Self = Self(u64::MAX);

    /// The point that many nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point that much time after the origin.
    #[must_use]
    pub fn since_origin(elapsed: Duration) -> Self {
        Self::ORIGIN + elapsed
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:06}s",
            self.0 / 1_000_000_000,
            self.0 / 1_000 % 1_000_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::MAX + Duration::from_secs(1), Instant::MAX);
        assert_eq!(Instant::ORIGIN + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::ORIGIN.since(Instant::MAX), Duration::ZERO);
        assert_eq!(
            Instant::since_origin(Duration::from_secs(2)).as_nanos(),
            2_000_000_000
        );
    }
}
