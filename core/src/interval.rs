//! Something that is due again and again, with jitter so that nodes do not march in step.

use core::time::Duration;

use crate::rng::Rng;
use crate::time::Instant;

/// A repeating deadline.
pub(crate) struct Interval {
    period: Duration,
    jitter_percent: u8,
    next: Instant,
}

impl Interval {
    /// First due `first` from now, then every `period`, give or take the jitter.
    pub(crate) fn new(now: Instant, first: Duration, period: Duration, jitter_percent: u8) -> Self {
        Self {
            period,
            jitter_percent,
            next: now + first,
        }
    }

    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next
    }

    /// True once for each time that it falls due. However many periods have gone by, they count as
    /// one, and the next is a whole period away. What would be due at the end of time never is.
    pub(crate) fn take_due(&mut self, now: Instant, rng: &mut Rng) -> bool {
        if now < self.next || self.next == Instant::MAX {
            return false;
        }
        self.next = now + rng.jitter(self.period, self.jitter_percent);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn missed_periods_count_as_one() {
        let mut rng = Rng::new(Seed::from_number(1));
        let second = Duration::from_secs(1);
        let mut interval = Interval::new(Instant::ORIGIN, second, second, 10);
        assert!(!interval.take_due(Instant::from_nanos(999_999_999), &mut rng));
        let late = Instant::since_origin(Duration::from_secs(60));
        assert!(interval.take_due(late, &mut rng));
        assert!(!interval.take_due(late, &mut rng));
        let wait = interval.next_deadline().since(late);
        assert!((900..=1100).contains(&wait.as_millis()), "{wait:?}");
    }
}
