//! The one source of randomness of a node: a generator seeded from outside, so that a run can be
//! repeated.

use core::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::id::Id;

/// Where a node's randomness starts: its ids, transaction ids, token secrets and jitter.
///
/// In production the 32 bytes come from the operating system; in a test or a simulation they are
/// chosen, and equal seeds give equal runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of 32 bytes, which for a real node must be unpredictable.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A seed for tests and simulations, told apart by a number.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }
}

/// Keeps secrets out of logs: a seed predicts every transaction id and token of its node.
impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The generator that a seed starts.
pub(crate) struct Rng(ChaCha12Rng);

impl Rng {
    pub(crate) fn new(seed: Seed) -> Self {
        Self(ChaCha12Rng::from_seed(seed.0))
    }

    /// Fills an array with random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn id(&mut self) -> Id {
        Id::new(self.bytes())
    }

    /// A number from 0 to `bound`-1, each as likely as the others; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Numbers from the ragged end of the range would favour small results.
        let ragged = u64::MAX - u64::MAX % bound;
        loop {
            let number = self.0.next_u64();
            if number < ragged {
                return number % bound;
            }
        }
    }

    /// Puts the items into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let chosen = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(chosen).unwrap_or(last));
        }
    }

    /// A duration drawn evenly from `around` minus to plus that many percent of it.
    pub(crate) fn jitter(&mut self, around: Duration, percent: u8) -> Duration {
        let nanos = u64::try_from(around.as_nanos()).unwrap_or(u64::MAX);
        let spread = nanos / 100 * u64::from(percent);
        let low = nanos.saturating_sub(spread);
        Duration::from_nanos(
            low.saturating_add(self.below(spread.saturating_mul(2).saturating_add(1))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_draws() {
        let (mut a, mut b) = (
            Rng::new(Seed::from_number(1)),
            Rng::new(Seed::from_number(1)),
        );
        assert_eq!(a.id(), b.id());
        assert_ne!(a.id(), Rng::new(Seed::from_number(2)).id());
    }

    #[test]
    fn draws_stay_within_their_bounds_and_reach_them() {
        let mut rng = Rng::new(Seed::from_number(3));
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[rng.below(5) as usize] = true;
            let jittered = rng.jitter(Duration::from_secs(300), 10);
            assert!((270..=330).contains(&jittered.as_secs()));
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(rng.below(0), 0);
    }
}
