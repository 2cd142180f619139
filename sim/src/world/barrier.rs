//! Where threads wait for each other at the edge of a window: seldom for longer than a few
//! microseconds, so that it does not pay to fall asleep at once.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// A barrier, like that of the standard library, but a thread that waits spins for a while
/// before it sleeps.
pub(super) struct Barrier {
    threads: usize,
    looks: u32,
    /// How many have come to the edge that is next.
    arrived: AtomicUsize,
    /// How many edges all have come to.
    passed: AtomicUsize,
    asleep: Mutex<usize>,
    wake: Condvar,
}

impl Barrier {
    /// How often a thread spins before it sleeps: some tens of microseconds, about as long as it
    /// takes to be woken.
    const LOOKS: u32 = 2000;

    /// A barrier for so many threads.
    pub(super) fn new(threads: usize) -> Self {
        // With more threads than processors, a thread that spins keeps the others from running.
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let looks = if threads > processors { 0 } else { Self::LOOKS };
        Self::with_looks(threads, looks)
    }

    fn with_looks(threads: usize, looks: u32) -> Self {
        Self {
            threads,
            looks,
            arrived: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            asleep: Mutex::new(0),
            wake: Condvar::new(),
        }
    }

    /// Comes back when all threads have called it. What they did before is seen then.
    pub(super) fn wait(&self) {
        let edge = self.passed.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.pass(edge);
            return;
        }
        for _ in 0..self.looks {
            if self.passed.load(Ordering::Acquire) != edge {
                return;
            }
            hint::spin_loop();
        }
        self.sleep_until_passed(edge);
    }

    fn pass(&self, edge: usize) {
        let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.passed.store(edge.wrapping_add(1), Ordering::Release);
        let anybody = *asleep > 0;
        drop(asleep);
        if anybody {
            self.wake.notify_all();
        }
    }

    fn sleep_until_passed(&self, edge: usize) {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep += 1;
        while self.passed.load(Ordering::Acquire) == edge {
            asleep = self
                .wake
                .wait(asleep)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *asleep -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets threads count at each of many edges, and look at what all have counted.
    fn nobody_is_left_behind(threads: usize, looks: u32) {
        const EDGES: usize = 2000;
        let barrier = Barrier::with_looks(threads, looks);
        let counted = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for number in 1..=EDGES {
                        counted.fetch_add(1, Ordering::Relaxed);
                        barrier.wait();
                        assert_eq!(counted.load(Ordering::Relaxed), number * threads);
                        barrier.wait();
                    }
                });
            }
        });
        assert_eq!(*barrier.asleep.lock().expect("nobody panicked"), 0);
    }

    #[test]
    fn all_come_to_an_edge_before_one_goes_on() {
        nobody_is_left_behind(2, Barrier::LOOKS);
        nobody_is_left_behind(5, 10);
    }

    #[test]
    fn who_falls_asleep_is_woken() {
        nobody_is_left_behind(3, 0);
    }
}
