//! What happens next: an event queue that stays fast with ten million events pending.
//!
//! Time is cut into windows of equal length. The windows ahead are a ring of unsorted lists; what
//! lies beyond the ring waits in coarser lists, one for each whole turn of it. An event is moved at
//! most once and sorted once, when its window comes up, so its cost does not grow with the number
//! of those that wait.

use std::collections::BTreeMap;
use std::time::Duration;

use khashmir::Instant;

/// Something that happens at a certain time.
pub trait Timed {
    /// When.
    fn time(&self) -> Instant;
}

/// The number of a window: those of its length since the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(u64);

/// Events by the window in which they happen.
#[derive(Debug)]
pub struct Wheel<E> {
    length: u64,
    /// The window that comes next; none before it has events.
    next: u64,
    ring: Vec<Vec<E>>,
    in_ring: usize,
    /// By the number of the turn.
    beyond: BTreeMap<u64, Vec<E>>,
    in_all: usize,
}

impl<E: Timed> Wheel<E> {
    /// Windows in the ring: ten seconds of windows of 10 ms.
    const RING: u64 = 1024;

    /// An empty wheel with windows of this length, which is at least a nanosecond.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        let length = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX).max(1);
        let ring = (0..Self::RING).map(|_| Vec::new()).collect();
        Self {
            length,
            next: 0,
            ring,
            in_ring: 0,
            beyond: BTreeMap::new(),
            in_all: 0,
        }
    }

    /// How many events wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.in_all
    }

    /// Whether none does.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.in_all == 0
    }

    /// The window in which a moment lies.
    #[must_use]
    pub const fn window_of(&self, time: Instant) -> Window {
        Window(time.as_nanos() / self.length)
    }

    /// The first moment of a window.
    #[must_use]
    pub const fn start_of(&self, window: Window) -> Instant {
        Instant::from_nanos(window.0.saturating_mul(self.length))
    }

    /// The first moment after a window.
    #[must_use]
    pub const fn end_of(&self, window: Window) -> Instant {
        Instant::from_nanos(window.0.saturating_add(1).saturating_mul(self.length))
    }

    /// Adds an event. One whose window is over happens in the next.
    pub fn push(&mut self, event: E) {
        let window = self.window_of(event.time()).0.max(self.next);
        self.in_all += 1;
        if window / Self::RING == self.next / Self::RING {
            self.put_in_ring(window, event);
        } else {
            self.beyond
                .entry(window / Self::RING)
                .or_default()
                .push(event);
        }
    }

    /// The first window that has events.
    #[must_use]
    pub fn first(&self) -> Option<Window> {
        if self.in_ring > 0 {
            let turn = self.next / Self::RING * Self::RING;
            let of_turn = self.next..turn + Self::RING;
            return of_turn
                .map(Window)
                .find(|window| !self.ring[slot(window.0, Self::RING)].is_empty());
        }
        let events = self.beyond.values().next()?;
        events
            .iter()
            .map(|event| self.window_of(event.time()).0.max(self.next))
            .min()
            .map(Window)
    }

    /// Takes all events of a window, in no order. Windows before it must be empty.
    pub fn take(&mut self, window: Window) -> Vec<E> {
        debug_assert!(
            self.first().is_none_or(|first| first >= window),
            "a window was skipped"
        );
        if window.0 < self.next {
            return Vec::new();
        }
        if window.0 / Self::RING != self.next / Self::RING {
            self.next = window.0;
            for event in self
                .beyond
                .remove(&(window.0 / Self::RING))
                .unwrap_or_default()
            {
                let at = self.window_of(event.time()).0.max(window.0);
                self.put_in_ring(at, event);
            }
        }
        let events = std::mem::take(&mut self.ring[slot(window.0, Self::RING)]);
        self.in_ring -= events.len();
        self.in_all -= events.len();
        self.next = window.0 + 1;
        if self.next.is_multiple_of(Self::RING) {
            for event in self
                .beyond
                .remove(&(self.next / Self::RING))
                .unwrap_or_default()
            {
                let at = self.window_of(event.time()).0.max(self.next);
                self.put_in_ring(at, event);
            }
        }
        events
    }

    fn put_in_ring(&mut self, window: u64, event: E) {
        self.in_ring += 1;
        self.ring[slot(window, Self::RING)].push(event);
    }
}

const fn slot(window: u64, ring: u64) -> usize {
    (window % ring) as usize
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    struct At(u64);

    impl Timed for At {
        fn time(&self) -> Instant {
            Instant::from_nanos(self.0)
        }
    }

    fn wheel() -> Wheel<At> {
        Wheel::new(Duration::from_nanos(10))
    }

    /// Everything in the order of its windows, as (window, time).
    fn drain(wheel: &mut Wheel<At>) -> Vec<(u64, u64)> {
        let mut all = Vec::new();
        while let Some(window) = wheel.first() {
            let mut events = wheel.take(window);
            events.sort_by_key(|at| at.0);
            all.extend(events.into_iter().map(|at| (window.0, at.0)));
        }
        all
    }

    #[test]
    fn windows_come_in_order_however_far_apart() {
        let mut wheel = wheel();
        for time in [5, 19, 10, 10_239, 10_240, 500_000, u64::MAX] {
            wheel.push(At(time));
        }
        assert_eq!(wheel.len(), 7);
        let order: Vec<u64> = drain(&mut wheel)
            .into_iter()
            .map(|(_, time)| time)
            .collect();
        assert_eq!(order, [5, 10, 19, 10_239, 10_240, 500_000, u64::MAX]);
        assert!(wheel.is_empty());
    }

    #[test]
    fn what_comes_too_late_happens_next() {
        let mut wheel = wheel();
        wheel.push(At(100));
        let window = wheel.first().expect("one event");
        wheel.take(window);
        wheel.push(At(3));
        assert_eq!(drain(&mut wheel), [(11, 3)]);
    }

    quickcheck! {
        fn nothing_is_lost_and_nothing_comes_early(steps: Vec<(u32, bool)>) -> bool {
            let (mut wheel, mut pushed, mut taken) = (wheel(), Vec::new(), Vec::new());
            let mut now = 0;
            for (ahead, take) in steps {
                let time = now + u64::from(ahead % 40_000);
                wheel.push(At(time));
                pushed.push(time);
                if take && let Some(window) = wheel.first() {
                    now = wheel.end_of(window).as_nanos();
                    for event in wheel.take(window) {
                        assert!(wheel.window_of(event.time()) == window);
                        taken.push(event.0);
                    }
                }
            }
            taken.extend(drain(&mut wheel).into_iter().map(|(_, time)| time));
            pushed.sort();
            taken.is_sorted_by_key(|time| time / 10) && {
                taken.sort();
                taken == pushed
            }
        }
    }
}
