//! What the driver says of records: they are safe, or they were not written.

use super::journal::{Held, Safe, UnsavedStore};
use super::{Node, RecordNo};
use crate::operation::{Abort, StoredHere};
use crate::time::Instant;
use crate::wire::{Fault, Message, Method};

impl Node {
    /// Takes in that all records up to this one are safe: their values are served from now on, and
    /// the acknowledgements that waited for them leave.
    pub fn handle_durable(&mut self, now: Instant, up_to: RecordNo) {
        self.advance_clock(now);
        if let Some(records) = self.outbox.records() {
            records.confirm(up_to);
        }
        while let Some(saved) = self.take_settled_store() {
            if saved.before.is_none() {
                self.store.saved(&saved.key, &saved.value);
            }
        }
        while let Some(held) = self.take_released() {
            self.outbox.draft().extend_from_slice(&held.bytes);
            self.send_released(&held);
        }
        self.settle_own_stores(StoredHere::Done);
        self.settle();
    }

    /// Takes in that the records up to this one which were polled and not confirmed could not be
    /// written, because a disk is full or broken. Their values are taken back, a value that lived
    /// before ends when it would have ended, and each store is answered with an error. What had to
    /// give way to such a value stays gone, as when any store is full.
    ///
    /// Later records stand for themselves: they can be confirmed when the disk works again.
    pub fn handle_not_durable(&mut self, now: Instant, up_to: RecordNo) {
        self.advance_clock(now);
        if let Some(records) = self.outbox.records() {
            records.fail(up_to);
        }
        while let Some(failed) = self.take_settled_store() {
            self.take_back(&failed);
        }
        while let Some(held) = self.take_released() {
            self.refuse_released(&held);
        }
        self.settle_own_stores(StoredHere::Refused);
        self.settle();
    }

    fn take_settled_store(&mut self) -> Option<UnsavedStore> {
        self.outbox.records()?.take_settled_store()
    }

    fn take_released(&mut self) -> Option<Held> {
        self.outbox.records()?.take_released()
    }

    fn take_back(&mut self, failed: &UnsavedStore) {
        let records = self.outbox.records();
        match records.and_then(|records| records.next_of(failed)) {
            None => self
                .store
                .take_back(&failed.key, &failed.value, failed.before),
            Some(later) if later.before.is_some() => later.before = failed.before,
            // The value had given way in between, and was stored anew.
            Some(_) => self.store.saved(&failed.key, &failed.value),
        }
    }

    /// Sends an error in place of an acknowledgement that waited.
    fn refuse_released(&mut self, held: &Held) {
        let dialect = self.config.dialect;
        if let Ok(Message::Reply { tid, .. }) = dialect.decode(&held.bytes) {
            dialect.encode_fault(tid, &Fault::NotSaved, self.outbox.draft());
            self.stats.of(Method::StoreValue).errors += 1;
            self.send_released(held);
        }
    }

    fn send_released(&mut self, held: &Held) {
        self.send(Safe::Now, held.transmit);
    }

    /// Tells puts what became of the values that they stored in our own store, and of the records that
    /// their values are to be kept.
    fn settle_own_stores(&mut self, stored: StoredHere) {
        while let Some(op) = self
            .operations
            .take_safe(|record| self.outbox.is_settled(record))
        {
            self.with(op, |operation| operation.stored_here(stored));
            self.advance(op);
        }
        while let Some(op) = self
            .operations
            .take_kept(|record| self.outbox.is_settled(record))
        {
            match stored {
                StoredHere::Done | StoredHere::Pending => {
                    self.with(op, |operation| operation.kept());
                    self.advance(op);
                }
                StoredHere::Refused => {
                    self.forget_kept(op);
                    self.abort(op, Abort::NotSaved);
                }
            }
        }
    }
}
