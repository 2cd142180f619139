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

    /// Takes in another sample, with the weights 1/8 and 1/4 of RFC 6298, section 2.3.
    fn add(&mut self, sample: Duration) {
        let sample = Self::units(sample);
        let error = self.mean.abs_diff(sample);
        self.deviation = blend(self.deviation, error, 4);
        self.mean = blend(self.mean, sample, 8);
    }

    /// The estimate after an answer that cannot be told to belong to one certain send, and so is no
    /// sample: it came no later than this after the first of them.
    pub(crate) fn bounded(most: Duration) -> Self {
        let most = Self::units(most);
        Self {
            mean: most / 2,
            deviation: most / 8,
        }
    }

    /// Widens the estimate so that the next such answer would be waited for: without that, someone
    /// slower than estimated is always asked again too soon, and never measured (RFC 6298,
    /// sections 5.5 to 5.7, where the wait stays backed off until there is a sample).
    pub(crate) fn back_off(&mut self, most: Duration) {
        let beyond = Self::units(most).saturating_sub(self.mean);
        self.deviation = self.deviation.max(beyond / 4);
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

/// How long an answer took, as far as that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RttSample {
    /// This is a round trip.
    Exactly(Duration),
    /// A round trip is no longer than this: it answers something that was sent several times (Karn's
    /// rule, RFC 6298, section 3).
    AtMost(Duration),
    /// It cannot be told: the clock stood still meanwhile.
    Unknown,
}

impl RttSample {
    /// Takes it into an estimate.
    pub(crate) fn add_to(self, estimate: &mut Option<RoundTrip>) {
        match (self, estimate) {
            (Self::Exactly(took), Some(estimate)) => estimate.add(took),
            (Self::AtMost(most), Some(estimate)) => estimate.back_off(most),
            (Self::Exactly(took), none) => *none = Some(RoundTrip::first(took)),
            (Self::AtMost(most), none) => *none = Some(RoundTrip::bounded(most)),
            (Self::Unknown, _) => {}
        }
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
    fn who_answers_late_is_waited_for_longer_until_measured() {
        let late = Duration::from_millis(400);
        let mut estimate = Some(RoundTrip::first(Duration::from_millis(20)));
        let wait = |trip: Option<RoundTrip>| trip.map(|trip| trip.mean() + trip.deviation() * 4);
        assert!(wait(estimate) < Some(late));
        RttSample::AtMost(late).add_to(&mut estimate);
        assert!(
            wait(estimate) >= Some(late - Duration::from_millis(1)),
            "{estimate:?}"
        );
        for _ in 0..60 {
            RttSample::Exactly(Duration::from_millis(20)).add_to(&mut estimate);
        }
        assert!(
            wait(estimate) < Some(Duration::from_millis(40)),
            "{estimate:?}"
        );
        let mut unknown = None;
        RttSample::AtMost(late).add_to(&mut unknown);
        assert!(wait(unknown).is_some_and(|wait| wait.abs_diff(late) < Duration::from_millis(2)));
    }

    #[test]
    fn a_round_trip_that_nobody_can_tell_changes_nothing() {
        for before in [None, Some(RoundTrip::first(Duration::from_millis(20)))] {
            let mut estimate = before;
            RttSample::Unknown.add_to(&mut estimate);
            assert_eq!(estimate, before);
        }
    }

    #[test]
    fn a_huge_sample_saturates() {
        let mut estimate = RoundTrip::first(Duration::MAX);
        estimate.add(Duration::MAX);
        assert!(estimate.mean() > Duration::from_secs(16));
    }
}
