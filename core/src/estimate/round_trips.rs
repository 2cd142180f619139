//! How long answers take, as a distribution: the round trips measured last, and a log-normal one fitted
//! to them for what they do not show.

use core::f64::consts::SQRT_2;
use core::time::Duration;

use crate::rtt::RoundTrip;

/// A unit of the samples.
const UNIT: Duration = Duration::from_micros(250);

/// How long contacts take to answer of which nothing else is known.
///
/// The chance that an answer takes longer than some time is the share of the last round trips that did,
/// where a log-normal distribution fitted to all of them counts as one more: after n answers, the next
/// takes longer than each of them with a chance of one in n + 1 (Laplace's rule of succession), and how
/// much longer is what the fitted tail says.
#[derive(Clone, Debug)]
pub(super) struct RoundTrips {
    /// The last ones in units, in no order.
    recent: [u16; Self::MEMORY],
    len: u8,
    oldest: u8,
    fit: Fit,
    tail: LogNormal,
}

impl RoundTrips {
    /// So many round trips are remembered.
    const MEMORY: usize = 64;
    /// By how much the logarithms of round trips differ that are near each other.
    const NEAR: f64 = 0.2;

    /// What is assumed before anything is measured.
    pub(super) const ASSUMED: Self = Self {
        recent: [0; Self::MEMORY],
        len: 0,
        oldest: 0,
        fit: Fit::ASSUMED,
        tail: LogNormal {
            mean: Fit::MEDIAN_LOG,
            // With a weight of one half, the spread times the root of three.
            spread: Fit::SPREAD * 1.732_050_807_568_877_2,
        },
    };

    /// Takes in a round trip.
    pub(super) fn add(&mut self, took: Duration) {
        let units = u16::try_from(took.as_nanos() / UNIT.as_nanos()).unwrap_or(u16::MAX);
        let at = if usize::from(self.len) < Self::MEMORY {
            self.len += 1;
            self.len - 1
        } else {
            let oldest = self.oldest;
            self.oldest = (oldest + 1) % Self::MEMORY as u8;
            oldest
        };
        self.recent[usize::from(at)] = units;
        self.fit.add(libm::log(f64::from(units.max(1))));
        self.tail = self.fit.next();
    }

    /// The chance that an answer takes longer than this.
    pub(super) fn longer_than(&self, wait: Duration) -> f64 {
        let units = in_units(wait);
        let recent = &self.recent[..usize::from(self.len)];
        let longer = recent.iter().filter(|took| f64::from(**took) > units);
        (longer.count() as f64 + self.tail.longer_than(units)) / (recent.len() as f64 + 1.0)
    }

    /// How likely an answer takes this long, beside other times: each of the last round trips makes
    /// times near it likely, and the fit counts as one of them.
    pub(super) fn density(&self, took: Duration) -> f64 {
        let log = libm::log(in_units(took).max(1.0));
        let recent = self.recent[..usize::from(self.len)].iter();
        let near = recent.map(|other| LogNormal {
            mean: libm::log(f64::from(*other).max(1.0)),
            spread: Self::NEAR,
        });
        let sum: f64 = near.chain([self.tail]).map(|one| one.density(log)).sum();
        sum / libm::exp(log)
    }

    /// The time that half of the answers take, by the fit.
    pub(super) fn median(&self) -> Duration {
        UNIT.mul_f64(libm::exp(self.tail.mean))
    }
}

/// What the samples say of the normal distribution of their logarithms, each counting a little less than
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
    /// Half of all contacts answer within 150 ms, and the logarithms of round trips spread by 0.6:
    /// between hosts all over the world they do (those of the simulator's `geo` model, whose
    /// tables name their source).
    const MEDIAN_LOG: f64 = 6.396_929_655_216_146;
    const SPREAD: f64 = 0.6;
    /// How many round trips the assumed median weighs: a node may well be close to all others, or
    /// far from them.
    const MEDIAN_WEIGHT: f64 = 2.0;
    /// And how many the assumed spread weighs: the first contacts that answer may be alike by chance.
    const SPREAD_WEIGHT: f64 = 6.0;

    const ASSUMED: Self = Self {
        mean: Self::MEDIAN_LOG,
        squares: Self::SPREAD * Self::SPREAD * Self::SPREAD_WEIGHT,
        weight: Self::MEDIAN_WEIGHT,
    };

    fn add(&mut self, log: f64) {
        let most = RoundTrips::MEMORY as f64;
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

    /// The distribution of the next sample: the fewer there are, the less is known of the mean, too.
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
            // A normal distribution deviates by 0.8 of its standard deviation in the mean.
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

    /// The chance that an answer takes longer than this time.
    pub(super) fn later_than(&self, wait: Duration) -> f64 {
        self.longer_than(in_units(wait))
    }
}

fn in_units(time: Duration) -> f64 {
    time.as_nanos() as f64 / UNIT.as_nanos() as f64
}
