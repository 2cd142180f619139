//! What waits to be polled: datagrams, events and records, and what waits for a record to be safe.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::journal::{Safe, UnsavedRecords, UnsavedStore};
use super::queue::{Queue, Queued};
use super::{Event, OpId, Record, RecordNo, Transmit};
use crate::config::{Journal, Limits};
use crate::memory::FreeWhenEmpty;
use crate::storage::Durability;

/// The queues behind every `poll_*`.
pub(super) struct Outbox {
    max_datagrams: usize,
    max_events: usize,
    datagrams: Queue,
    /// If there is a journal.
    records: Option<Box<UnsavedRecords>>,
    events: VecDeque<Event>,
    /// Room kept free for what running commands may still report.
    reserved: usize,
    /// The node's own latest event of each kind; an older one is no longer true.
    own: BTreeMap<OwnEvent, Event>,
    /// The latest word on the copies of each kept value, at most one for each of them.
    copies: BTreeMap<OpId, Event>,
}

/// The kinds of events that the node has of itself, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OwnEvent {
    Presence,
    Checkpoint,
    BootstrapWanted,
    FewPrefixes,
}

impl Outbox {
    pub(super) fn new(journal: Journal, limits: &Limits) -> Self {
        let records = match journal {
            Journal::Off => None,
            Journal::On => Some(UnsavedRecords::new(limits).into()),
        };
        Self {
            max_datagrams: limits.max_datagrams,
            max_events: limits.max_events,
            datagrams: Queue::default(),
            records,
            events: VecDeque::new(),
            reserved: 0,
            own: BTreeMap::new(),
            copies: BTreeMap::new(),
        }
    }

    /// Where the next datagram is written, at the end of what is there. What was written before
    /// and not [sent](Self::send) is gone.
    pub(super) fn draft(&mut self) -> &mut Vec<u8> {
        self.datagrams.draft()
    }

    /// How many bytes of it were written.
    pub(super) fn draft_len(&self) -> usize {
        self.datagrams.drafted().len()
    }

    /// Sends what was written once the record is safe, or at once if it is.
    pub(super) fn send(&mut self, safe: Safe, transmit: Transmit) -> Queued {
        match (safe, &mut self.records) {
            (Safe::After(until), Some(records)) if !records.is_settled(until) => {
                records.hold(until, transmit, self.datagrams.drafted())
            }
            (Safe::After(_) | Safe::Now, _) => self.send_now(transmit),
        }
    }

    /// The records that the driver has still to settle, if there is a journal.
    pub(super) fn records(&mut self) -> Option<&mut UnsavedRecords> {
        self.records.as_deref_mut()
    }

    /// Whether the driver has settled that record: there is none where there is no journal.
    pub(super) fn is_settled(&self, record: RecordNo) -> bool {
        let records = self.records.as_ref();
        records.is_none_or(|records| records.is_settled(record))
    }

    /// When a value may be served that is stored now.
    pub(super) const fn durability(&self) -> Durability {
        match self.records {
            None => Durability::Now,
            Some(_) => Durability::OnceSaved,
        }
    }

    pub(super) fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<Transmit> {
        self.datagrams.pop(|next| {
            datagram.clear();
            datagram.extend_from_slice(next);
        })
    }

    /// Gives back the memory that is kept for datagrams to come: there may be a million nodes in
    /// one process, most of them idle.
    pub(super) fn shrink_to_fit(&mut self) {
        self.datagrams.shrink_to_fit();
    }

    /// Notes a change, if there is a journal.
    pub(super) fn record(
        &mut self,
        record: impl FnOnce() -> (Record, Option<UnsavedStore>),
    ) -> Safe {
        match &mut self.records {
            None => Safe::Now,
            Some(records) => {
                let (record, store) = record();
                Safe::After(records.push(record, store))
            }
        }
    }

    /// Notes a change that cannot be refused, if there is a journal: as soon as there is room for it.
    pub(super) fn record_soon(&mut self, record: impl FnOnce() -> Record) {
        if let Some(records) = &mut self.records {
            records.push_soon(record());
        }
    }

    /// Whether there is a journal.
    pub(super) const fn has_journal(&self) -> bool {
        self.records.is_some()
    }

    /// Whether another change can be noted.
    pub(super) fn has_room_for_records(&self) -> bool {
        let records = self.records.as_ref();
        records.is_none_or(|records| records.has_room())
    }

    pub(super) fn poll_record(&mut self) -> Option<(RecordNo, Record)> {
        self.records.as_mut()?.poll()
    }

    /// Whether so many more events would fit, beside what running commands may still report.
    pub(super) fn has_room_for_events(&self, more: usize) -> bool {
        self.events.len() + self.reserved + more <= self.max_events
    }

    /// Keeps room free for a command.
    pub(super) const fn reserve(&mut self, events: usize) {
        self.reserved += events;
    }

    /// Gives back what a command had left of its room.
    pub(super) const fn release(&mut self, events: usize) {
        self.reserved = self.reserved.saturating_sub(events);
    }

    pub(super) fn event(&mut self, event: Event) {
        let kind = match event {
            Event::Alone | Event::Online { .. } => OwnEvent::Presence,
            Event::BootstrapWanted => OwnEvent::BootstrapWanted,
            Event::FewPrefixes => OwnEvent::FewPrefixes,
            Event::Checkpoint => OwnEvent::Checkpoint,
            Event::CopiesLost { op } | Event::Kept { op, .. } => {
                self.copies.insert(op, event);
                return;
            }
            Event::Ended { .. } | Event::Values { .. } => return self.events.push_back(event),
        };
        self.own.insert(kind, event);
    }

    /// Nothing more is said of copies, since no value is kept any longer.
    pub(super) fn forget_all_copies(&mut self) {
        self.copies = BTreeMap::new();
    }

    /// Nothing more is said of the copies of a value that is kept no longer.
    pub(super) fn forget_copies(&mut self, op: OpId) {
        self.copies.remove(&op);
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let own = self.own.pop_first().map(|(_, event)| event);
        let event = own
            .or_else(|| self.events.pop_front())
            .or_else(|| self.copies.pop_first().map(|(_, event)| event));
        self.own.free_when_empty();
        self.events.free_when_empty();
        self.copies.free_when_empty();
        event
    }

    fn send_now(&mut self, transmit: Transmit) -> Queued {
        self.datagrams.push_draft(transmit);
        if self.datagrams.len() <= self.max_datagrams {
            return Queued::Whole;
        }
        self.datagrams.pop(|_| ());
        Queued::DroppedOldest
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::id::Id;

    fn outbox(journal: Journal) -> Outbox {
        let limits = Limits {
            max_datagrams: 2,
            max_records: 2,
            ..Limits::default()
        };
        Outbox::new(journal, &limits)
    }

    fn to(last: u8) -> Transmit {
        Transmit {
            to: ([10, 0, 0, last], 1).into(),
            from: None,
        }
    }

    fn polled(outbox: &mut Outbox) -> Vec<Transmit> {
        let mut buffer = vec![];
        core::iter::from_fn(|| outbox.poll_transmit(&mut buffer)).collect()
    }

    fn note(outbox: &mut Outbox) -> Safe {
        let id = Id::new([0; 20]);
        outbox.record(|| (Record::Identity { id }, None))
    }

    #[test]
    fn only_the_oldest_datagram_is_dropped() {
        let mut outbox = outbox(Journal::Off);
        assert_eq!(outbox.send(Safe::Now, to(1)), Queued::Whole);
        assert_eq!(outbox.send(Safe::Now, to(2)), Queued::Whole);
        assert_eq!(outbox.send(Safe::Now, to(3)), Queued::DroppedOldest);
        assert_eq!(polled(&mut outbox), [to(2), to(3)]);
    }

    /// Confirms records, and gives where the datagrams go that waited for them.
    fn released(outbox: &mut Outbox, up_to: u64) -> Vec<Transmit> {
        let records = outbox.records().expect("a journal");
        records.confirm(RecordNo(up_to));
        core::iter::from_fn(|| records.take_released())
            .map(|held| held.transmit)
            .collect()
    }

    #[test]
    fn an_acknowledgement_waits_for_its_record_and_nothing_else_does() {
        let mut outbox = outbox(Journal::On);
        let first = note(&mut outbox);
        outbox.send(first, to(1));
        let second = note(&mut outbox);
        outbox.send(second, to(2));
        outbox.send(Safe::Now, to(3));
        assert!(!outbox.has_room_for_records());
        assert_eq!(polled(&mut outbox), [to(3)]);
        assert_eq!(released(&mut outbox, 1), [to(1)]);
        assert_eq!(released(&mut outbox, 99), [to(2)]);
        assert_eq!(
            outbox.poll_record().map(|(number, _)| number),
            Some(RecordNo(1))
        );
        let third = note(&mut outbox);
        outbox.send(third, to(4));
        assert!(
            polled(&mut outbox).is_empty(),
            "a confirmation is not good for later records"
        );
    }

    #[test]
    fn without_a_journal_nothing_waits() {
        let mut outbox = outbox(Journal::Off);
        assert_eq!(note(&mut outbox), Safe::Now);
        assert_eq!(outbox.poll_record(), None);
    }

    #[test]
    fn our_own_events_merge_by_kind() {
        let mut outbox = outbox(Journal::Off);
        outbox.event(Event::Alone);
        outbox.event(Event::Checkpoint);
        outbox.event(Event::BootstrapWanted);
        outbox.event(Event::Online { contacts: 1 });
        outbox.event(Event::Checkpoint);
        outbox.event(Event::BootstrapWanted);
        let events: Vec<_> = core::iter::from_fn(|| outbox.poll_event()).collect();
        let online = Event::Online { contacts: 1 };
        assert_eq!(events, [online, Event::Checkpoint, Event::BootstrapWanted]);
    }
}
