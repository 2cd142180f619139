//! How long answers take: a smoothed mean and deviation of round trips, after RFC 6298.

use core::time::Duration;

/// An estimate of a round trip, packed small because the table keeps one for every contact.
///
/// Both fields count units of [`RoundTrip::UNIT`]; together they reach beyond every timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoundTrip {
    mean: u16,
    deviation: u16,
}

impl RoundTrip {
    const UNIT: Duration = Duration::from_micros(250);

    /// The estimate after a first sample: deviation is half of it (RFC 6298, section 2.2).
    pub(crate) fn first(sample: Duration) -> Self {
        let mean = Self::units(sample);
        Self {
            mean,
            deviation: mean / 2,
        }
    }

    /// Takes in another sample, with the weights 1/8 and 1/4 (RFC 6298, section 2.3).
    pub(crate) fn add(&mut self, sample: Duration) {
        let sample = Self::units(sample);
        let error = self.mean.abs_diff(sample);
        self.deviation = blend(self.deviation, error, 4);
        self.mean = blend(self.mean, sample, 8);
    }

    pub(crate) fn mean(self) -> Duration {
        Self::UNIT * u32::from(self.mean)
    }

    pub(crate) fn deviation(self) -> Duration {
        Self::UNIT * u32::from(self.deviation)
    }

    fn units(sample: Duration) -> u16 {
        u16::try_from(sample.as_nanos() / Self::UNIT.as_nanos()).unwrap_or(u16::MAX)
    }
}

/// Moves `old` towards `new` by one part in `weight`, rounded to the nearest unit.
fn blend(old: u16, new: u16, weight: u32) -> u16 {
    let sum = u32::from(old) * (weight - 1) + u32::from(new) + weight / 2;
    u16::try_from(sum / weight).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_settles_on_a_steady_round_trip() {
        let steady = Duration::from_millis(200);
        let mut estimate = RoundTrip::first(Duration::from_millis(20));
        for _ in 0..60 {
            estimate.add(steady);
        }
        assert!(
            estimate.mean().abs_diff(steady) < Duration::from_millis(3),
            "{estimate:?}"
        );
        assert!(
            estimate.deviation() < Duration::from_millis(3),
            "{estimate:?}"
        );
    }

    #[test]
    fn a_huge_sample_saturates() {
        let mut estimate = RoundTrip::first(Duration::MAX);
        estimate.add(Duration::MAX);
        assert!(estimate.mean() > Duration::from_secs(16));
    }
}
