//! Records that the driver is to make durable, and acknowledgements that wait until it has.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::queue::Queued;
use super::{Record, RecordNo, Transmit};
use crate::config::Limits;

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
    last: u64,
    durable: RecordNo,
    /// Acknowledgements, each with the record that has to be safe before it leaves.
    held: VecDeque<Held>,
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
            last: 0,
            durable: RecordNo(0),
            held: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, record: Record) -> RecordNo {
        self.last += 1;
        let number = RecordNo(self.last);
        self.waiting.push_back((number, record));
        number
    }

    pub(super) fn poll(&mut self) -> Option<(RecordNo, Record)> {
        self.waiting.pop_front()
    }

    /// Whether another change can be noted.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < self.max
    }

    /// All up to this one are durable, as far as they exist.
    pub(super) fn confirm(&mut self, up_to: RecordNo) {
        let known = RecordNo(up_to.0.min(self.last));
        self.durable = self.durable.max(known);
    }

    pub(super) const fn is_durable(&self, record: RecordNo) -> bool {
        record.0 <= self.durable.0
    }

    /// Keeps a datagram until that record is durable.
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

    /// The next datagram that need not wait any longer.
    pub(super) fn take_released(&mut self) -> Option<Held> {
        let first = self.held.front()?;
        if first.until > self.durable {
            return None;
        }
        self.held.pop_front()
    }
}
