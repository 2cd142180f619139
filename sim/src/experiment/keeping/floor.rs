//! The least that keeping a value takes where holders come and go.
//!
//! The keeper of this sum knows more than a real one: where each copy is, which nodes to turn to
//! next, and how long sessions are. It asks each holder at equal spans whether it is there, and
//! makes the copies anew that were lost. It may hold more copies than it has to, which lets it ask
//! less often. With `m` copies, sessions without memory of mean `S`, and a check every `T`:
//!
//! - a check takes `m` queries, and an answer from each of the `m · exp(-T/S)` holders that live;
//! - each of the `m · (1 - exp(-T/S))` lost copies takes a query for a token, a store, and an answer
//!   to each: four datagrams;
//! - `T` is the longest span for which fewer than half of the redundancy are left for at most
//!   [`BELOW_HALF`] of the time.
//!
//! The floor is what the best `m` takes in an hour.

/// The share of time for which copies may be below half of the redundancy.
const BELOW_HALF: f64 = 0.01;

/// Datagrams an hour for one value, each counted once; a mean session is in hours.
pub(super) fn datagrams_per_hour(redundancy: usize, mean_session: f64) -> Option<f64> {
    if !(mean_session > 0.0 && mean_session.is_finite()) || redundancy == 0 {
        return None;
    }
    let costs = (redundancy..=4 * redundancy).map(|copies| {
        // In sessions, not in hours.
        let every = longest_span(copies, redundancy);
        let left = libm::exp(-every);
        copies as f64 * (1.0 + left + 4.0 * (1.0 - left)) / (every * mean_session)
    });
    costs.min_by(f64::total_cmp)
}

/// The longest span between checks that leaves enough copies, in mean sessions.
fn longest_span(copies: usize, redundancy: usize) -> f64 {
    let (mut good, mut bad) = (0.0, 8.0);
    for _ in 0..40 {
        let middle = f64::midpoint(good, bad);
        if share_below_half(copies, redundancy, middle) <= BELOW_HALF {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

/// The share of the time between two checks in which fewer than half of the redundancy are left.
fn share_below_half(copies: usize, redundancy: usize, every: f64) -> f64 {
    const STEPS: u32 = 100;
    let at = |step: u32| every * (f64::from(step) + 0.5) / f64::from(STEPS);
    let sum: f64 = (0..STEPS)
        .map(|step| few_left(copies, redundancy, libm::exp(-at(step))))
        .sum();
    sum / f64::from(STEPS)
}

/// The probability that fewer than half of the redundancy are left, if each copy is with `alive`.
fn few_left(copies: usize, redundancy: usize, alive: f64) -> f64 {
    let mut ways = 1.0;
    let mut sum = 0.0;
    for left in (0..=copies).take_while(|left| left * 2 < redundancy) {
        let power = |base: f64, exponent: usize| libm::pow(base, exponent as f64);
        sum += ways * power(alive, left) * power(1.0 - alive, copies - left);
        ways *= (copies - left) as f64 / (left + 1) as f64;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_left_as_often_as_coins_fall() {
        // Of four fair coins, at most one shows heads in 5 of 16 cases.
        assert!((few_left(4, 4, 0.5) - 5.0 / 16.0).abs() < 1e-12);
        assert!(few_left(4, 4, 1.0) < 1e-12);
        assert!((few_left(4, 4, 0.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_floor_follows_the_churn() {
        let floor = |minutes: f64| datagrams_per_hour(6, minutes / 60.0).expect("a session");
        let (long, short) = (floor(30.0), floor(10.0));
        assert!((short / long - 3.0).abs() < 1e-6, "{short} {long}");
        assert!((50.0..150.0).contains(&long), "{long}");
        assert_eq!(datagrams_per_hour(6, 0.0), None);
    }

    #[test]
    fn the_longest_span_is_the_longest() {
        let every = longest_span(6, 6);
        assert!(share_below_half(6, 6, every) <= BELOW_HALF);
        assert!(share_below_half(6, 6, every * 1.01) > BELOW_HALF);
    }
}
