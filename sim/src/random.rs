//! Chance that can be repeated: streams of numbers, each found from a seed and from what it is for.
//!
//! A draw does not come from one generator that everything shares, but from a stream named by the
//! seed and by words: what is drawn, for which host, and its number. So a draw that is left out, or one
//! more, changes no other, and threads may draw in any order.
//!
//! The same bits come out on every machine: whole numbers are mixed by the function of SplitMix64
//! (Steele, Lea and Flood, 2014), and logarithms and powers are those of the `libm` crate, since
//! those of the standard library are the platform's.

use std::f64::consts::TAU;
use std::time::Duration;

/// The step of the stream's counter: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// How many values [`Draw::unit`] can take: 2^53, as many as a double holds evenly.
const UNITS: f64 = 9_007_199_254_740_992.0;

/// A word for a stream, made from a name, that says what the stream is for.
#[must_use]
pub const fn topic(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0;
    let mut at = 0;
    while at < bytes.len() {
        hash = mix((hash ^ bytes[at] as u64).wrapping_add(STEP));
        at += 1;
    }
    hash
}

/// A stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw(u64);

impl Draw {
    /// The stream that belongs to a seed and some words. By custom the first word is a [`topic`].
    #[must_use]
    pub fn new(seed: u64, words: &[u64]) -> Self {
        words
            .iter()
            .fold(Self(mix(seed.wrapping_add(STEP))), |draw, word| {
                draw.fork(*word)
            })
    }

    /// The stream named by one word more. It depends on how far this one has been used.
    #[must_use]
    pub const fn fork(&self, word: u64) -> Self {
        Self(mix((self.0.rotate_left(32) ^ word).wrapping_add(STEP)))
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number from 0 to `bound`-1, each as likely as the others; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product spreads the numbers over the range; those products that would
        // give some results one chance more than others are drawn again.
        let uneven = bound.wrapping_neg().checked_rem(bound).unwrap_or_default();
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            let (high, low) = ((product >> 64) as u64, product as u64);
            if low >= uneven {
                return high;
            }
        }
    }

    /// A number from 0 up to but not including 1, of 53 bits.
    pub const fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / UNITS
    }

    /// Whether something of that probability happens.
    pub const fn chance(&mut self, chance: Chance) -> bool {
        (self.next_u64() >> 11) < chance.0
    }

    /// A duration between two, each nanosecond as likely as the others; `low` when `high` is not
    /// above it.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let (low, high) = (nanos(low), nanos(high));
        let steps = high.saturating_sub(low).saturating_add(1);
        Duration::from_nanos(low + self.below(steps))
    }

    /// A number from the normal distribution of mean 0 and deviation 1, by Box and Muller's
    /// transform. It takes two numbers off the stream, always.
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.exponent(), self.unit());
        libm::sqrt(2.0 * radius) * libm::cos(TAU * angle)
    }

    /// A duration from the exponential distribution.
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        scaled(mean, self.exponent())
    }

    /// A duration from the Weibull distribution. Its median is `scale` times ln 2 to the power of
    /// 1/`shape`.
    pub fn weibull(&mut self, scale: Duration, shape: f64) -> Duration {
        scaled(scale, libm::pow(self.exponent(), 1.0 / shape))
    }

    /// A duration whose logarithm has a normal distribution of deviation `sigma`.
    pub fn log_normal(&mut self, median: Duration, sigma: f64) -> Duration {
        scaled(median, libm::exp(sigma * self.normal()))
    }

    /// A number from the gamma distribution of that shape, at least 1, and of scale 1, by the
    /// method of Marsaglia and Tsang (2000). The shape itself if that is not finite.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        if !(d.is_finite() && c.is_finite()) {
            return shape;
        }
        // More than nineteen of twenty are taken at the first try.
        loop {
            let normal = self.normal();
            let root = 1.0 + c * normal;
            let cube = root * root * root;
            let bound = 0.5 * normal * normal + d - d * cube + d * libm::log(cube);
            if root > 0.0 && -self.exponent() < bound {
                return d * cube;
            }
        }
    }

    /// A number from the exponential distribution of mean 1.
    fn exponent(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }
}

/// A probability, made into a whole number once so that each draw only compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The probability in steps of 2^-53: below 0 is never, above 1 always, and what is not a
    /// number never.
    #[must_use]
    pub const fn new(probability: f64) -> Self {
        let steps = (probability * UNITS) as u64;
        let always = UNITS as u64;
        Self(if steps < always { steps } else { always })
    }

    /// Whether it never happens.
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }
}

/// That many times a duration, saturating; zero when the factor is not a number.
pub(crate) fn scaled(duration: Duration, factor: f64) -> Duration {
    // A cast from a floating-point number saturates.
    Duration::from_nanos((duration.as_nanos() as f64 * factor) as u64)
}

/// Mixes 64 bits so that each bit of the result depends on all of them; no two inputs give the same.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MANY: u64 = 100_000;

    fn seconds(mut draw: impl FnMut() -> Duration) -> Vec<f64> {
        let mut all: Vec<f64> = (0..MANY).map(|_| draw().as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn mean(all: &[f64]) -> f64 {
        all.iter().sum::<f64>() / all.len() as f64
    }

    fn median(all: &[f64]) -> f64 {
        all[all.len() / 2]
    }

    fn close(found: f64, expected: f64, share: f64) {
        let off = (found - expected).abs();
        assert!(
            off <= expected.abs() * share,
            "{found} instead of {expected}"
        );
    }

    /// Found with a program of its own in another language.
    #[test]
    fn whole_numbers_are_the_same_on_every_machine() {
        let mut draw = Draw::new(42, &[1, 2, 3]);
        let numbers = [draw.next_u64(), draw.next_u64(), draw.next_u64()];
        assert_eq!(
            numbers,
            [
                0xb7dc_7f40_8019_d899,
                0xe7c2_f860_c5db_7999,
                0x8752_921b_c13d_e511
            ]
        );
        assert_eq!(topic("network/link"), 0x2ff2_bb6f_ecb2_8f92);
        let mut draw = Draw::new(7, &[9]);
        let digits: Vec<u64> = (0..12).map(|_| draw.below(10)).collect();
        assert_eq!(digits, [8, 9, 0, 1, 6, 2, 1, 3, 1, 0, 0, 6]);
    }

    #[test]
    fn variates_are_the_same_on_every_machine() {
        let mut draw = Draw::new(42, &[topic("golden")]);
        let second = Duration::from_secs(1);
        let normals = [draw.normal().to_bits(), draw.normal().to_bits()];
        let durations = [
            draw.exponential(second),
            draw.weibull(second, 0.6),
            draw.log_normal(second, 1.2),
            draw.between(second, 2 * second),
        ];
        assert_eq!(normals, [0xbff3_2b22_dbea_0fc3, 0x3fc0_f5b1_7ea5_cee8]);
        assert_eq!(
            durations.map(|duration| duration.as_nanos()),
            [1_342_270_867, 638_544_429, 1_109_318_391, 1_856_826_340]
        );
    }

    #[test]
    fn seed_words_and_their_order_name_different_streams() {
        let streams: [(u64, &[u64]); 9] = [
            (1, &[]),
            (2, &[]),
            (1, &[2]),
            (2, &[1]),
            (1, &[1]),
            (1, &[2, 3]),
            (1, &[3, 2]),
            (1, &[2, 3, 0]),
            (1, &[0, 2, 3]),
        ];
        let firsts: BTreeSet<u64> = streams
            .iter()
            .map(|(seed, words)| Draw::new(*seed, words).next_u64())
            .collect();
        assert_eq!(firsts.len(), streams.len());
    }

    #[test]
    fn a_forked_stream_is_the_one_with_the_word_appended() {
        fn holds(seed: u64, words: Vec<u64>, last: u64) -> bool {
            let forked = Draw::new(seed, &words).fork(last);
            let mut longer = words;
            longer.push(last);
            forked == Draw::new(seed, &longer)
        }
        quickcheck::quickcheck(holds as fn(u64, Vec<u64>, u64) -> bool);
    }

    #[test]
    fn first_numbers_of_neighbouring_streams_are_independent() {
        let firsts: Vec<f64> = (0..MANY).map(|n| Draw::new(1, &[5, n]).unit()).collect();
        close(mean(&firsts), 0.5, 0.01);
        let products: Vec<f64> = firsts.windows(2).map(|two| two[0] * two[1]).collect();
        close(mean(&products), 0.25, 0.01);
        for bit in 0..64 {
            let ones = (0..MANY)
                .filter(|n| Draw::new(*n, &[5]).next_u64() >> bit & 1 == 1)
                .count();
            close(ones as f64, MANY as f64 / 2.0, 0.015);
        }
    }

    #[test]
    fn numbers_below_a_bound_are_below_it_and_even() {
        fn holds(seed: u64, bound: u64) -> bool {
            let number = Draw::new(seed, &[]).below(bound);
            number < bound || bound == 0 && number == 0
        }
        quickcheck::quickcheck(holds as fn(u64, u64) -> bool);
        let mut draw = Draw::new(3, &[]);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[usize::try_from(draw.below(7)).expect("small")] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_600..10_400).contains(count)),
            "{counts:?}"
        );
        // With three quarters of the range as the bound, every third number would come twice as
        // often as the others if none were drawn again.
        let third = (0..MANY).filter(|_| draw.below(3 << 62).is_multiple_of(3));
        close(third.count() as f64, MANY as f64 / 3.0, 0.015);
    }

    #[test]
    fn a_chance_comes_true_as_often_as_it_says() {
        for probability in [0.001, 0.01, 0.3, 0.999] {
            let (mut draw, chance) = (Draw::new(4, &[]), Chance::new(probability));
            let times = (0..10 * MANY).filter(|_| draw.chance(chance)).count();
            close(times as f64 / (10 * MANY) as f64, probability, 0.1);
        }
        let mut draw = Draw::new(4, &[]);
        for never in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            assert!(
                (0..1000).all(|_| !draw.chance(Chance::new(never))),
                "{never}"
            );
        }
        for always in [1.0, 2.0, f64::INFINITY] {
            assert!(
                (0..1000).all(|_| draw.chance(Chance::new(always))),
                "{always}"
            );
        }
    }

    #[test]
    fn units_fill_the_range_without_its_end() {
        let mut draw = Draw::new(5, &[]);
        let all: Vec<f64> = (0..MANY).map(|_| draw.unit()).collect();
        assert!(all.iter().all(|unit| (0.0..1.0).contains(unit)));
        close(mean(&all), 0.5, 0.01);
        assert!(all.iter().any(|unit| *unit < 0.001) && all.iter().any(|unit| *unit > 0.999));
    }

    #[test]
    fn normal_numbers_have_mean_and_deviation() {
        let mut draw = Draw::new(6, &[]);
        let all: Vec<f64> = (0..MANY).map(|_| draw.normal()).collect();
        assert!(mean(&all).abs() < 0.01, "{}", mean(&all));
        let squares: Vec<f64> = all.iter().map(|number| number * number).collect();
        close(mean(&squares), 1.0, 0.02);
        let within = all.iter().filter(|number| number.abs() < 1.96).count();
        close(within as f64 / MANY as f64, 0.95, 0.005);
    }

    #[test]
    fn durations_have_the_mean_and_median_of_their_distribution() {
        let (mut draw, ten) = (Draw::new(7, &[]), Duration::from_secs(10));
        let exponential = seconds(|| draw.exponential(ten));
        close(mean(&exponential), 10.0, 0.02);
        close(median(&exponential), 6.931, 0.02);
        let weibull = seconds(|| draw.weibull(ten, 2.0));
        close(mean(&weibull), 8.862, 0.02);
        close(median(&weibull), 8.326, 0.02);
        let log_normal = seconds(|| draw.log_normal(ten, 0.5));
        close(mean(&log_normal), 11.331, 0.02);
        close(median(&log_normal), 10.0, 0.02);
        let uniform = seconds(|| draw.between(ten, 2 * ten));
        close(mean(&uniform), 15.0, 0.02);
        assert!(uniform[0] >= 10.0 && uniform[uniform.len() - 1] <= 20.0);
    }

    #[test]
    fn extremes_saturate_and_nothing_panics() {
        fn holds(seed: u64, low: u64, high: u64, shape: f64) -> bool {
            let mut draw = Draw::new(seed, &[]);
            let (low, high) = (Duration::from_nanos(low), Duration::from_nanos(high));
            draw.weibull(Duration::MAX, shape);
            draw.log_normal(low, shape);
            draw.exponential(high);
            let between = draw.between(low, high);
            between >= low && (between <= high || between == low)
        }
        quickcheck::quickcheck(holds as fn(u64, u64, u64, f64) -> bool);
        let most = Duration::from_nanos(u64::MAX);
        assert_eq!(scaled(Duration::MAX, 2.0), most);
        assert_eq!(scaled(Duration::MAX, f64::NAN), Duration::ZERO);
        let mut draw = Draw::new(8, &[]);
        assert!(draw.between(Duration::ZERO, Duration::MAX) <= most);
        assert_eq!(draw.between(Duration::MAX, Duration::MAX), most);
    }
}
