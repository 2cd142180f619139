//! A share that is measured: how many of the last cases were of one kind.

/// An estimate of a probability from cases that are counted as they come. It begins with an assumption
/// that weighs like some cases, and an old case counts for less than a late one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share<const MEMORY: u32> {
    mean: f64,
    weight: f64,
}

impl<const MEMORY: u32> Share<MEMORY> {
    /// A share that is taken to be `mean`, as if `weight` cases had shown it. Of the cases to come it
    /// remembers about `MEMORY`.
    pub(super) const fn assumed(mean: f64, weight: f64) -> Self {
        Self { mean, weight }
    }

    /// The share, from 0 to 1.
    pub(super) const fn mean(&self) -> f64 {
        self.mean
    }

    /// How many cases it stands on, those of the assumption among them.
    pub(super) const fn weight(&self) -> f64 {
        self.weight
    }

    /// The chance that the next case is of this kind, after so many in a row that were and are not
    /// counted: each makes it likelier (the predictive chance of a beta distribution).
    pub(super) fn after_hits(&self, hits: u8) -> f64 {
        let hits = f64::from(hits);
        (self.mean * self.weight + hits) / (self.weight + hits)
    }

    /// Counts a case that was of this kind.
    pub(super) fn hit(&mut self) {
        self.add_hits(1.0);
    }

    /// Counts cases of this kind, of which it is only known how many are to be expected.
    pub(super) fn add_hits(&mut self, expected: f64) {
        self.count(1.0, expected);
    }

    /// Counts a case that was not.
    pub(super) fn miss(&mut self) {
        self.count(0.0, 1.0);
    }

    fn count(&mut self, case: f64, times: f64) {
        self.weight = (self.weight + times).min(f64::from(MEMORY));
        self.mean += (case - self.mean) * times / self.weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assumption_gives_way_to_what_is_counted() {
        let mut share = Share::<32>::assumed(0.9, 4.0);
        share.miss();
        assert!((share.mean() - 0.72).abs() < 1e-9, "{share:?}");
        for _ in 0..200 {
            share.miss();
            share.hit();
        }
        assert!((share.mean() - 0.5).abs() < 0.02, "{share:?}");
        for _ in 0..200 {
            share.hit();
        }
        assert!(share.mean() > 0.99 && share.mean() < 1.0, "{share:?}");
    }

    #[test]
    fn what_was_not_counted_yet_counts_like_what_was() {
        let mut share = Share::<100>::assumed(0.25, 4.0);
        for hits in 0..20 {
            let predicted = Share::<100>::assumed(0.25, 4.0).after_hits(hits);
            assert!((predicted - share.mean()).abs() < 1e-12, "{share:?}");
            share.hit();
        }
        assert!((share.mean() - 21.0 / 24.0).abs() < 1e-12, "{share:?}");
    }
}
