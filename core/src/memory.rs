//! Giving memory back: collections that are empty keep some, and an idle node shall hold none.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

/// A collection that gives back what it holds once it is empty.
///
/// A tree keeps its last leaf, with room for eleven entries, and a queue all of its room. A process may
/// run a million nodes, most of them idle.
pub(crate) trait FreeWhenEmpty {
    /// Gives all memory back if the collection is empty.
    fn free_when_empty(&mut self);
}

impl<K, V> FreeWhenEmpty for BTreeMap<K, V> {
    fn free_when_empty(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }
}

impl<T> FreeWhenEmpty for BTreeSet<T> {
    fn free_when_empty(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }
}

impl<T> FreeWhenEmpty for VecDeque<T> {
    fn free_when_empty(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_queue_holds_nothing_and_another_keeps_its_items() {
        let mut queue = VecDeque::from([1, 2]);
        queue.free_when_empty();
        assert_eq!(queue, [1, 2]);
        queue.clear();
        queue.free_when_empty();
        assert_eq!(queue.capacity(), 0);
    }
}
