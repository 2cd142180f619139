//! Rows of differing length, one after the other in one allocation that fits them closely.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// Rows of which any can grow and shrink, and the last can be split and joined again.
///
/// There is always at least one. A row that does not exist is empty, and cannot grow.
pub(super) struct Rows<T> {
    items: Vec<T>,
    /// Where each row ends: 16 bits count the contacts of 160 buckets easily.
    ends: Vec<u16>,
}

impl<T> Rows<T> {
    /// How many more items get room at once: few, because a vector that doubles is half empty when
    /// there are a million of them, and copying a whole table takes no longer than a microsecond.
    const STEP: usize = 4;

    /// One empty row.
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            ends: vec![0],
        }
    }

    /// How many rows there are.
    pub(super) const fn count(&self) -> usize {
        self.ends.len()
    }

    /// The items of all rows.
    pub(super) fn all(&self) -> &[T] {
        &self.items
    }

    /// The items of one row.
    pub(super) fn row(&self, row: usize) -> &[T] {
        self.items.get(self.bounds(row)).unwrap_or_default()
    }

    /// The items of one row, to change them.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [T] {
        let bounds = self.bounds(row);
        self.items.get_mut(bounds).unwrap_or_default()
    }

    /// Adds an item at the end of a row.
    pub(super) fn push(&mut self, row: usize, item: T) {
        let at = self.row(row).len();
        self.insert(row, at, item);
    }

    /// Adds an item before the one at that place of a row, or at its end.
    pub(super) fn insert(&mut self, row: usize, at: usize, item: T) {
        let bounds = self.bounds(row);
        if row >= self.ends.len() {
            return;
        }
        if self.items.len() == self.items.capacity() {
            self.items.reserve_exact(Self::STEP);
        }
        self.items.insert(bounds.end.min(bounds.start + at), item);
        for end in &mut self.ends[row..] {
            *end += 1;
        }
    }

    /// Moves the item at that place of a row to its end.
    pub(super) fn move_to_end(&mut self, row: usize, at: usize) {
        if let Some(since @ [_, ..]) = self.row_mut(row).get_mut(at..) {
            since.rotate_left(1);
        }
    }

    /// Takes out the item at that place of a row.
    pub(super) fn remove(&mut self, row: usize, at: usize) -> Option<T> {
        let bounds = self.bounds(row);
        if at >= bounds.len() {
            return None;
        }
        let item = self.items.remove(bounds.start + at);
        for end in &mut self.ends[row..] {
            *end -= 1;
        }
        self.shrink_to_fit();
        Some(item)
    }

    /// Takes out all such items of all rows: mostly there are none.
    pub(super) fn remove_where(&mut self, goes: impl Fn(&T) -> bool) {
        while let Some(at) = self.items.iter().position(&goes) {
            let row = self.ends.iter().position(|end| at < usize::from(*end));
            let row = row.unwrap_or_default();
            self.remove(row, at - self.bounds(row).start);
        }
    }

    /// Moves some items of the last row into a new row behind it. Both keep their order.
    pub(super) fn split_last(&mut self, moves: impl Fn(&T) -> bool) {
        let last = self.bounds(self.ends.len() - 1);
        let row = self.row_mut(self.ends.len() - 1);
        // A stable sort.
        row.sort_by_key(&moves);
        let end = last.start + row.partition_point(|item| !moves(item));
        let end = u16::try_from(end).unwrap_or(u16::MAX);
        self.ends.reserve_exact(1);
        self.ends.insert(self.ends.len() - 1, end);
    }

    /// Joins the last two rows into one.
    pub(super) fn join_last(&mut self) {
        if let [.., far, near] = self.ends.as_mut_slice() {
            *far = *near;
            self.ends.pop();
            self.ends.shrink_to_fit();
        }
    }

    fn bounds(&self, row: usize) -> Range<usize> {
        let end = |row: usize| usize::from(self.ends.get(row).copied().unwrap_or_default());
        match row.checked_sub(1) {
            Some(before) => end(before)..end(row).max(end(before)),
            None => 0..end(row),
        }
    }

    /// Lets go of room that has become too much.
    fn shrink_to_fit(&mut self) {
        if self.items.is_empty() {
            self.items = Vec::new();
        } else if self.items.capacity() - self.items.len() > 2 * Self::STEP {
            self.items.shrink_to(self.items.len() + Self::STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn rows_are_as_lists_of_their_own(steps: Vec<(u8, u8, u8)>) -> bool {
            let (mut rows, mut lists) = (Rows::new(), vec![Vec::new()]);
            for (what, row, at) in steps {
                let row = usize::from(row) % lists.len();
                let at = usize::from(at) % (lists[row].len() + 1);
                match what % 9 {
                    0..4 => {
                        rows.insert(row, at, what);
                        lists[row].insert(at, what);
                    }
                    4 => {
                        rows.move_to_end(row, at);
                        if at < lists[row].len() {
                            lists[row][at..].rotate_left(1);
                        }
                    }
                    5 => {
                        let removed = (at < lists[row].len()).then(|| lists[row].remove(at));
                        assert_eq!(rows.remove(row, at), removed);
                    }
                    6 => {
                        let moves = |item: &u8| usize::from(item / 8) < at;
                        let last = lists.pop().expect("there is always one");
                        let (moved, kept) = last.into_iter().partition(moves);
                        lists.extend([kept, moved]);
                        rows.split_last(moves);
                    }
                    7 => {
                        rows.remove_where(|item| usize::from(item / 8) == at);
                        for list in &mut lists {
                            list.retain(|item| usize::from(item / 8) != at);
                        }
                    }
                    _ => {
                        rows.join_last();
                        if lists.len() > 1 {
                            let near = lists.pop().expect("there are two");
                            lists.last_mut().expect("there is one left").extend(near);
                        }
                    }
                }
                assert!(rows.items.capacity() - rows.items.len() <= 2 * Rows::<u8>::STEP);
            }
            rows.count() == lists.len()
                && lists.iter().enumerate().all(|(row, list)| rows.row(row) == list)
                && rows.all() == lists.concat()
        }
    }
}
