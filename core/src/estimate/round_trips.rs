//! How long answers take, as a distribution: the last round trips, and what a log-normal distribution
//! fitted to them says of the next.

use core::f64::consts::SQRT_2;
use core::time::Duration;

use crate::rtt::RoundTrip;

/// What round trips are counted in.
const UNIT: Duration = Duration::from_micros(250);

/// How long contacts of which nothing else is known take to answer.
///
/// The chance that an answer takes longer than some time is the share of the last round trips that did,
/// and a log-normal distribution fitted to all of them counts as one more. After n answers, the next
/// takes longer than each of them with a chance of one in n + 1 (Laplace's rule of succession); how much
/// longer is what the fitted tail says.
#[derive(Clone, Debug)]
pub(super) struct RoundTrips {
    /// The last ones in units, one overwriting the oldest.
    recent: [u16; Self::MEMORY as usize],
    /// The same, the shortest first.
    sorted: [u16; Self::MEMORY as usize],
    len: u8,
    oldest: u8,
    fit: Fit,
    /// What the fit says of the next one.
    tail: LogNormal,
}

impl RoundTrips {
    /// How many round trips are remembered.
    const MEMORY: u8 = 64;
    /// How far the logarithms of round trips are apart that are near each other.
    const NEAR: f64 = 0.2;

    /// What is assumed before anything is measured.
    pub(super) const ASSUMED: Self = Self {
        recent: [0; Self::MEMORY as usize],
        sorted: [0; Self::MEMORY as usize],
        len: 0,
        oldest: 0,
        fit: Fit::ASSUMED,
        tail: LogNormal {
            mean: Fit::MEDIAN_LOG,
            // With a weight of one, the spread times the root of two.
            spread: Fit::SPREAD * SQRT_2,
        },
    };

    /// Takes in a round trip.
    pub(super) fn add(&mut self, took: Duration) {
        let units = u16::try_from(took.as_nanos() / UNIT.as_nanos()).unwrap_or(u16::MAX);
        let mut kept = usize::from(self.len);
        let at = if self.len < Self::MEMORY {
            self.len += 1;
            kept
        } else {
            let oldest = usize::from(self.oldest);
            self.oldest = (self.oldest + 1) % Self::MEMORY;
            let place = self.place_of(self.recent[oldest], kept);
            self.sorted.copy_within(place + 1..kept, place);
            kept -= 1;
            oldest
        };
        self.recent[at] = units;
        let place = self.place_of(units, kept);
        self.sorted.copy_within(place..kept, place + 1);
        self.sorted[place] = units;
        self.fit.add(libm::log(f64::from(units.max(1))));
        self.tail = self.fit.next();
    }

    /// The chance that an answer takes longer than this.
    pub(super) fn longer_than(&self, wait: Duration) -> f64 {
        if wait.is_zero() {
            return 1.0;
        }
        let units = in_units(wait);
        let recent = &self.sorted[..usize::from(self.len)];
        let shorter = recent.partition_point(|took| f64::from(*took) <= units);
        let longer = self.len - u8::try_from(shorter).unwrap_or(self.len);
        (f64::from(longer) + self.tail.longer_than(units)) / (f64::from(self.len) + 1.0)
    }

    /// How likely it is that an answer takes this long, beside other times. Each of the last round trips
    /// makes times near it likely, and the fit counts as one of them.
    pub(super) fn density(&self, took: Duration) -> f64 {
        let log = libm::log(in_units(took).max(1.0));
        let recent = self.recent[..usize::from(self.len)].iter();
        let near = recent.map(|other| LogNormal {
            mean: libm::log(f64::from(*other).max(1.0)),
            spread: Self::NEAR,
        });
        let sum: f64 = near.chain([self.tail]).map(|one| one.density(log)).sum();
        sum / (f64::from(self.len) + 1.0) / libm::exp(log)
    }

    /// By the fit, half of the answers take longer than this.
    pub(super) fn median(&self) -> Duration {
        UNIT.mul_f64(libm::exp(self.tail.mean))
    }

    /// The place of a round trip among the first of those that are sorted.
    fn place_of(&self, units: u16, kept: usize) -> usize {
        self.sorted[..kept].partition_point(|other| *other < units)
    }
}

/// What the samples say of the normal distribution of their logarithms. Each counts for a little less than
/// the one after it.
#[derive(Clone, Copy, Debug)]
struct Fit {
    mean: f64,
    /// The sum of the squared deviations.
    squares: f64,
    /// How many samples the mean stands on.
    weight: f64,
}

impl Fit {
    /// Half of all contacts are taken to answer within 150 ms, and the logarithms of round trips to spread
    /// by 0.6. Between hosts all over the world they do: those of the simulator's `geo` model, whose
    /// tables name their source.
    const MEDIAN_LOG: f64 = 6.396_929_655_216_146;
    const SPREAD: f64 = 0.6;
    /// How many round trips the assumed median weighs. It is one: a node may well be close to all
    /// others, or far from them.
    const MEDIAN_WEIGHT: f64 = 1.0;
    /// How many round trips the assumed spread weighs. They are more: the first contacts that answer may
    /// be alike by chance.
    const SPREAD_WEIGHT: f64 = 6.0;

    const ASSUMED: Self = Self {
        mean: Self::MEDIAN_LOG,
        squares: Self::SPREAD * Self::SPREAD * Self::SPREAD_WEIGHT,
        weight: Self::MEDIAN_WEIGHT,
    };

    fn add(&mut self, log: f64) {
        let most = f64::from(RoundTrips::MEMORY);
        if self.weight + 1.0 > most {
            let kept = 1.0 - 1.0 / most;
            self.weight *= kept;
            self.squares *= kept;
        }
        let before = log - self.mean;
        self.weight += 1.0;
        self.mean += before / self.weight;
        self.squares += before * (log - self.mean);
    }

    /// The distribution of the next sample. The fewer there are, the less is known of the mean, too: that
    /// makes it wider.
    fn next(&self) -> LogNormal {
        let of_spread = self.weight - Self::MEDIAN_WEIGHT + Self::SPREAD_WEIGHT;
        let variance = self.squares / of_spread * (1.0 + 1.0 / self.weight);
        LogNormal {
            mean: self.mean,
            spread: libm::sqrt(variance),
        }
    }
}

/// A log-normal distribution of a time in units.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogNormal {
    mean: f64,
    spread: f64,
}

impl LogNormal {
    /// However steady a contact was, its answers are taken to deviate by this part of their mean.
    const LEAST_DEVIATION: f64 = 0.125;

    /// The distribution of the answers of one contact that was measured itself.
    pub(super) fn of(contact: RoundTrip) -> Self {
        let mean = in_units(contact.mean()).max(1.0);
        let deviation = (in_units(contact.deviation()) / mean).max(Self::LEAST_DEVIATION);
        Self {
            mean: libm::log(mean),
            // On average, a normal variable deviates from its mean by 0.8 of the standard deviation.
            spread: deviation * 1.25,
        }
    }

    /// The chance that an answer takes longer than this.
    fn longer_than(&self, units: f64) -> f64 {
        if units <= 0.0 {
            return 1.0;
        }
        let deviations = (libm::log(units) - self.mean) / self.spread;
        libm::erfc(deviations / SQRT_2) / 2.0
    }

    /// How likely this logarithm is, beside others.
    fn density(&self, log: f64) -> f64 {
        let deviations = (log - self.mean) / self.spread;
        libm::exp(-deviations * deviations / 2.0) / self.spread
    }

    /// How likely this time is, beside others.
    pub(super) fn density_of(&self, took: Duration) -> f64 {
        let units = in_units(took).max(1.0);
        self.density(libm::log(units)) / units
    }

    /// The chance that an answer takes longer than this time.
    pub(super) fn later_than(&self, wait: Duration) -> f64 {
        self.longer_than(in_units(wait))
    }
}

fn in_units(time: Duration) -> f64 {
    time.div_duration_f64(UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn after(round_trips: impl IntoIterator<Item = u64>) -> RoundTrips {
        let mut after = RoundTrips::ASSUMED;
        for took in round_trips {
            after.add(millis(took));
        }
        after
    }

    #[test]
    fn after_n_answers_the_next_takes_longer_than_each_with_a_chance_below_one_in_n_plus_1() {
        for count in [1, 9, 63] {
            let round_trips = after((0..count).map(|n| 100 + n));
            let beyond = round_trips.longer_than(millis(100 + count));
            let one_more = 1.0 / (count as f64 + 1.0);
            assert!((0.0..=one_more).contains(&beyond), "{beyond}");
            let shortest = round_trips.longer_than(millis(50));
            assert!((1.0 - one_more..=1.0).contains(&shortest), "{shortest}");
        }
    }

    #[test]
    fn the_last_round_trips_are_remembered_and_older_ones_are_not() {
        let memory = u64::from(RoundTrips::MEMORY);
        let long_ago = after((0..3 * memory).map(|_| 1000).chain((0..memory).map(|_| 10)));
        let most = 1.0 / (memory as f64 + 1.0);
        assert!(long_ago.longer_than(millis(11)) <= most);
        let lately = after((0..3 * memory).map(|_| 10).chain((0..memory).map(|_| 1000)));
        assert!(lately.longer_than(millis(999)) >= 1.0 - most);
    }

    #[test]
    fn times_near_those_measured_are_likelier_than_others() {
        let round_trips = after([100, 110, 90, 100, 400, 420]);
        let density = |took| round_trips.density(millis(took));
        assert!(density(100) > density(200) && density(410) > density(250));
        assert!(density(0) < density(100) && density(60_000) < density(410));
    }

    #[test]
    fn the_median_follows_the_samples_from_what_is_assumed() {
        let assumed = RoundTrips::ASSUMED.median();
        assert!(assumed.abs_diff(millis(150)) < millis(1), "{assumed:?}");
        let measured = after((0..200).map(|_| 20)).median();
        assert!(measured.abs_diff(millis(20)) < millis(1), "{measured:?}");
    }

    #[test]
    fn a_contact_of_its_own_pace_is_judged_by_that() {
        let steady = LogNormal::of(RoundTrip::first(millis(200)));
        assert!((steady.later_than(millis(200)) - 0.5).abs() < 1e-9);
        assert!(steady.later_than(millis(2000)) < 0.001);
        assert!(steady.later_than(Duration::ZERO) >= 1.0);
    }
}
