//! Ending a run early, from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a run to end early. All clones are one: a request on any of them is seen by all.
///
/// A run looks at the end of each window of time, and ends there with what it has so far.
///
/// ```
/// use khashmir_sim::stop::Stop;
///
/// let stop = Stop::default();
/// let clone = stop.clone();
/// assert!(!stop.is_requested());
/// clone.request();
/// assert!(stop.is_requested());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the run to end. There is no way back.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
