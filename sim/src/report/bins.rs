//! Many numbers made few: bins of a distribution, steps of a cumulative one, spans of time.

use std::time::Duration;

use super::scale::round_up;
use crate::experiment::{Ending, Quality};

/// A distribution in bins of equal width.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bins {
    /// Where the first bin begins.
    pub(super) start: f64,
    pub(super) width: f64,
    /// The share of all numbers that lies in each bin.
    pub(super) shares: Vec<f64>,
    /// How many numbers lie beyond the last bin.
    pub(super) beyond: usize,
}

impl Bins {
    /// How many bins a distribution has at most, or one more; rounding may leave 20.
    const COUNT: f64 = 50.0;
    /// Outliers must not squeeze all other bins into a corner: numbers far above this quantile are
    /// only counted.
    const BODY: f64 = 0.995;
    const FAR: f64 = 1.5;

    /// The distribution of numbers in ascending order, none of them negative, in bins no narrower
    /// than `finest`. Nothing for no numbers.
    pub(super) fn new(sorted: &[f64], finest: f64) -> Option<Self> {
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let body = quantile(sorted, Self::BODY);
        let end = if most > body * Self::FAR { body } else { most };
        let span = if end > least {
            end - least
        } else {
            least.max(finest)
        };
        let width = round_up((span / Self::COUNT).max(finest));
        let start = (least / width).floor() * width;
        let bin = |value: f64| ((value - start) / width).floor() as usize;
        let mut counts = vec![0_usize; bin(end) + 1];
        let mut beyond = 0;
        for value in sorted {
            match counts.get_mut(bin(*value)) {
                Some(count) => *count += 1,
                None => beyond += 1,
            }
        }
        let share = |count: usize| count as f64 / sorted.len() as f64;
        Some(Self {
            start,
            width,
            shares: counts.into_iter().map(share).collect(),
            beyond,
        })
    }

    /// Where the last bin ends.
    pub(super) fn end(&self) -> f64 {
        self.start + self.width * self.shares.len() as f64
    }
}

/// The largest number that [`shares`] tells from those above.
const LARGEST: u32 = 40;

/// The shares of each number from 0 to the largest; those above [`LARGEST`] count as that.
pub(super) fn shares(numbers: &[u32]) -> Vec<f64> {
    let mut counts: Vec<usize> = Vec::new();
    for number in numbers {
        let place = (*number).min(LARGEST) as usize;
        if place >= counts.len() {
            counts.resize(place + 1, 0);
        }
        counts[place] += 1;
    }
    let share = |count: usize| count as f64 / numbers.len() as f64;
    counts.into_iter().map(share).collect()
}

/// The number that no less than this share of the numbers, in ascending order, do not exceed.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// A cumulative distribution: which share of the numbers, in ascending order, does not exceed what.
/// At most so many points, the first and the last of the numbers among them.
pub(super) fn cumulative(sorted: &[f64], points: usize) -> Vec<(f64, f64)> {
    let step = sorted.len().div_ceil(points.max(2) - 1).max(1);
    let last = sorted.len().saturating_sub(1);
    let every = (0..sorted.len()).filter(|rank| rank % step == 0 || *rank == last);
    every
        .map(|rank| (sorted[rank], (rank + 1) as f64 / sorted.len() as f64))
        .collect()
}

/// How well lookups went over time, in spans of equal length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeSeries {
    /// When the first span begins.
    pub(super) start: Duration,
    /// How long each is.
    pub(super) span: Duration,
    /// The shares of lookups that ended in each, if any did.
    pub(super) shares: Vec<Option<Shares>>,
}

/// Shares of lookups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shares {
    /// Those whose result holds the closest node.
    pub(super) success: f64,
    /// Those whose result is exactly the K closest.
    pub(super) exact: f64,
}

impl TimeSeries {
    /// The lengths of spans that are easily told, in seconds. Beyond, days.
    const SPANS: [u64; 16] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200,
    ];
    const DAY: u64 = 86_400;
    /// The second in which virtual time ends.
    const LATEST: u64 = u64::MAX / 1_000_000_000;
    /// The most spans that a plot shows.
    const MOST: u64 = 48;
    /// Lookups in a span, as a mean, below which spans are made longer: fewer say little.
    const ENOUGH: u64 = 25;

    /// Nothing if no lookup ended.
    pub(super) fn new(endings: &[Ending]) -> Option<Self> {
        let seconds = |ending: &Ending| ending.at.as_secs().min(Self::LATEST);
        let first = endings.iter().map(seconds).min()?;
        let last = endings.iter().map(seconds).max()?;
        let spans = (endings.len() as u64 / Self::ENOUGH).clamp(1, Self::MOST);
        let least = (last - first + 1).div_ceil(spans);
        let round = Self::SPANS.into_iter().find(|span| *span >= least);
        let span = round.unwrap_or_else(|| least.next_multiple_of(Self::DAY));
        let start = first - first % span;
        let mut counts = vec![[0_u64; 3]; usize::try_from((last - start) / span).ok()? + 1];
        for ending in endings {
            let place = usize::try_from((seconds(ending) - start) / span).ok()?;
            counts[place][ending.quality as usize] += 1;
        }
        let share = |[exact, success, failure]: [u64; 3]| {
            let all = (exact + success + failure) as f64;
            (all > 0.0).then(|| Shares {
                success: (exact + success) as f64 / all,
                exact: exact as f64 / all,
            })
        };
        Some(Self {
            start: Duration::from_secs(start),
            span: Duration::from_secs(span),
            shares: counts.into_iter().map(share).collect(),
        })
    }

    /// The spans in which lookups ended, in groups without a gap: when each begins, and the shares.
    pub(super) fn groups(&self) -> Vec<Vec<(Duration, Shares)>> {
        let mut groups = Vec::new();
        let mut group = Vec::new();
        let mut at = self.start;
        for shares in &self.shares {
            match shares {
                Some(shares) => group.push((at, *shares)),
                None => groups.push(std::mem::take(&mut group)),
            }
            at += self.span;
        }
        groups.push(group);
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// When the last span ends.
    pub(super) fn end(&self) -> Duration {
        self.start + self.span * u32::try_from(self.shares.len()).unwrap_or(u32::MAX)
    }
}

/// The order in which a series counts them.
const _: () = assert!(
    Quality::Exact as usize == 0
        && Quality::Success as usize == 1
        && Quality::Failure as usize == 2
);

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    fn sorted(numbers: &[u16]) -> Vec<f64> {
        let mut sorted: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    #[test]
    fn every_number_lies_in_a_bin_or_beyond() {
        fn holds(numbers: Vec<u16>) -> bool {
            let numbers = sorted(&numbers);
            let Some(bins) = Bins::new(&numbers, 1.0) else {
                return numbers.is_empty();
            };
            let all: f64 = bins.shares.iter().sum();
            let beyond = bins.beyond as f64 / numbers.len() as f64;
            let inside = numbers
                .iter()
                .filter(|number| **number < bins.end())
                .count();
            (all + beyond - 1.0).abs() < 1e-9
                && inside + bins.beyond == numbers.len()
                && bins.start <= numbers[0]
                && bins.shares.len() < 100
        }
        quickcheck(holds as fn(Vec<u16>) -> bool);
    }

    #[test]
    fn a_far_tail_is_only_counted() {
        let mut numbers: Vec<u16> = (0..1000).map(|number| 100 + number % 50).collect();
        numbers.push(60_000);
        let bins = Bins::new(&sorted(&numbers), 1.0).expect("numbers");
        assert_eq!(bins.beyond, 1);
        assert!((150.0..160.0).contains(&bins.end()), "{bins:?}");
    }

    #[test]
    fn equal_numbers_lie_in_one_bin() {
        for number in [0, 1, 7, 50_000] {
            let bins = Bins::new(&sorted(&[number; 5]), 1.0).expect("numbers");
            assert_eq!((&bins.shares[..], bins.beyond), (&[1.0][..], 0), "{number}");
        }
    }

    #[test]
    fn shares_count_each_number() {
        assert_eq!(shares(&[1, 1, 3, 1]), [0.0, 0.75, 0.0, 0.25]);
        assert!(shares(&[]).is_empty());
        assert_eq!(shares(&[u32::MAX]).len(), 41);
    }

    #[test]
    fn quantiles_are_ranks() {
        let numbers = sorted(&[1, 2, 3, 4]);
        let got = [0.0, 0.25, 0.5, 0.51, 0.99, 1.0].map(|share| quantile(&numbers, share));
        assert_eq!(got, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn a_cumulative_distribution_climbs_to_the_whole() {
        fn holds(numbers: Vec<u16>, points: u8) -> bool {
            let points = usize::from(points.max(2));
            let numbers = sorted(&numbers);
            let steps = cumulative(&numbers, points);
            let ascending = steps
                .windows(2)
                .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 < pair[1].1);
            let end = steps.last().copied() == numbers.last().map(|last| (*last, 1.0));
            ascending && end && steps.len() <= points + 1
        }
        quickcheck(holds as fn(Vec<u16>, u8) -> bool);
    }

    fn ending(at: u64, quality: Quality) -> Ending {
        let at = Duration::from_secs(at);
        Ending { at, quality }
    }

    #[test]
    fn a_course_tells_spans_apart() {
        let mut endings = vec![ending(203, Quality::Exact); 30];
        endings.extend(vec![ending(209, Quality::Failure); 10]);
        endings.extend(vec![ending(221, Quality::Success); 20]);
        endings.extend(vec![ending(221, Quality::Exact); 20]);
        let series = TimeSeries::new(&endings).expect("lookups");
        assert_eq!(series.span, Duration::from_secs(10));
        assert_eq!(series.start, Duration::from_secs(200));
        assert_eq!(series.end(), Duration::from_secs(230));
        let shares = |success, exact| Some(Shares { success, exact });
        assert_eq!(series.shares, [shares(0.75, 0.75), None, shares(1.0, 0.5)]);
        let starts: Vec<Vec<u64>> = series
            .groups()
            .iter()
            .map(|group| group.iter().map(|(at, _)| at.as_secs()).collect())
            .collect();
        assert_eq!(starts, [[200], [220]]);
        assert_eq!(TimeSeries::new(&[]), None);
    }

    #[test]
    fn a_course_has_few_spans_however_long_it_is() {
        fn holds(times: Vec<u64>) -> bool {
            let endings: Vec<Ending> = times
                .iter()
                .map(|at| ending(at >> 16, Quality::Exact))
                .collect();
            TimeSeries::new(&endings)
                .is_none_or(|series| series.shares.len() as u64 <= TimeSeries::MOST + 1)
        }
        quickcheck(holds as fn(Vec<u64>) -> bool);
    }
}
