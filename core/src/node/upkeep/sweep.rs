//! Dropping values that have expired, a few at a time: when a hundred thousand end at once, nobody has
//! to wait for all of them.

use core::time::Duration;

use crate::node::Node;
use crate::time::Instant;

/// When the next step is due, while there is more to drop.
#[derive(Default)]
pub(super) struct Sweep {
    next: Option<Instant>,
}

impl Sweep {
    /// Values that one step drops. The last key of a step is swept whole.
    const STEP: usize = 1000;
    /// The pause after a step, for everything else.
    const PAUSE: Duration = Duration::from_millis(10);

    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.next
    }
}

impl Node {
    /// Does one step, and plans another if there is more to drop.
    pub(super) fn sweep(&mut self) {
        let more = self.store.expire(self.now, Sweep::STEP);
        self.upkeep.sweep.next = more.then(|| self.now + Sweep::PAUSE);
    }
}
