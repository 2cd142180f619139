//! Records that the driver is to make durable, and acknowledgements that wait until it has.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::queue::Queued;
use super::{Record, RecordNo, Transmit};
use crate::config::Limits;
use crate::id::Id;
use crate::time::Instant;
use crate::value::Value;

/// When what a record stands for may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Safe {
    /// Now: there is no journal.
    Now,
    /// Once this record is safe.
    After(RecordNo),
}

/// What a node with a journal keeps for it.
pub(super) struct UnsavedRecords {
    max: usize,
    max_held: usize,
    waiting: VecDeque<(RecordNo, Record)>,
    /// Records for which there is no room yet, of changes that cannot be refused: the secrets behind
    /// tokens once, and the ends of kept puts. None is accepted while any waits here, so these are at
    /// most as many as puts can be kept.
    owed: VecDeque<Record>,
    last: u64,
    /// Up to this record the driver has said of each whether it was written.
    settled: RecordNo,
    /// The stores of records that are not settled, at most `max`.
    stores: VecDeque<(RecordNo, UnsavedStore)>,
    /// Acknowledgements, each with the record that has to be safe before it leaves.
    held: VecDeque<Held>,
}

/// A value in the store whose record is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnsavedStore {
    pub(super) key: Id,
    pub(super) value: Value,
    /// Until when it was stored before, if it was.
    pub(super) before: Option<Instant>,
}

/// A datagram that waits for a record.
pub(super) struct Held {
    until: RecordNo,
    pub(super) transmit: Transmit,
    pub(super) bytes: Box<[u8]>,
}

impl UnsavedRecords {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            max: limits.max_records,
            max_held: limits.max_datagrams,
            waiting: VecDeque::new(),
            owed: VecDeque::new(),
            last: 0,
            settled: RecordNo(0),
            stores: VecDeque::new(),
            held: VecDeque::new(),
        }
    }

    /// Adds a record, with the store that it is of, if it is of one.
    pub(super) fn push(&mut self, record: Record, store: Option<UnsavedStore>) -> RecordNo {
        self.last += 1;
        let number = RecordNo(self.last);
        self.waiting.push_back((number, record));
        self.stores.extend(store.map(|store| (number, store)));
        number
    }

    /// Adds a record now, or as soon as there is room for it.
    pub(super) fn push_soon(&mut self, record: Record) {
        if let Record::TokenSecrets { .. } = record {
            let are_secrets = |owed: &Record| matches!(owed, Record::TokenSecrets { .. });
            self.owed.retain(|owed| !are_secrets(owed));
        }
        self.owed.push_back(record);
        self.push_owed();
    }

    pub(super) fn poll(&mut self) -> Option<(RecordNo, Record)> {
        self.waiting.pop_front()
    }

    /// Whether another change can be noted. Records that were polled and are not settled count, so
    /// that nothing grows behind a dead disk.
    pub(super) fn has_room(&self) -> bool {
        self.owed.is_empty() && self.has_place()
    }

    /// All records up to this one are durable, as far as they exist.
    pub(super) fn confirm(&mut self, up_to: RecordNo) {
        let known = RecordNo(up_to.0.min(self.last));
        self.settled = self.settled.max(known);
        self.push_owed();
    }

    /// Those up to this one that were polled and not confirmed are lost.
    pub(super) fn fail(&mut self, up_to: RecordNo) {
        let next = self.waiting.front().map(|(number, _)| number.0);
        let polled = next.map_or(self.last, |next| next.saturating_sub(1));
        self.confirm(RecordNo(up_to.0.min(polled)));
    }

    pub(super) const fn is_settled(&self, record: RecordNo) -> bool {
        record.0 <= self.settled.0
    }

    /// The oldest store whose record is settled.
    pub(super) fn take_settled_store(&mut self) -> Option<UnsavedStore> {
        let (number, _) = self.stores.front()?;
        if !self.is_settled(*number) {
            return None;
        }
        self.stores.pop_front().map(|(_, store)| store)
    }

    /// The next store of the same value whose record is not settled.
    pub(super) fn next_of(&mut self, store: &UnsavedStore) -> Option<&mut UnsavedStore> {
        let mut stores = self.stores.iter_mut().map(|(_, store)| store);
        stores.find(|next| next.key == store.key && next.value == store.value)
    }

    /// Keeps a datagram until that record is safe.
    pub(super) fn hold(&mut self, until: RecordNo, transmit: Transmit, bytes: &[u8]) -> Queued {
        let bytes = bytes.into();
        self.held.push_back(Held {
            until,
            transmit,
            bytes,
        });
        if self.held.len() <= self.max_held {
            return Queued::Whole;
        }
        self.held.pop_front();
        Queued::DroppedOldest
    }

    /// The next datagram whose record is settled.
    pub(super) fn take_released(&mut self) -> Option<Held> {
        let first = self.held.front()?;
        if !self.is_settled(first.until) {
            return None;
        }
        self.held.pop_front()
    }

    fn push_owed(&mut self) {
        while self.has_place()
            && let Some(record) = self.owed.pop_front()
        {
            self.push(record, None);
        }
    }

    fn has_place(&self) -> bool {
        self.last.saturating_sub(self.settled.0) < self.max as u64
    }
}
