//! The records of a node: counted without gaps, safe before what they stand for is acknowledged,
//! and, applied to the snapshot that it began with, the values that it stores.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use khashmir::{Id, Instant, Journal, Node, Record, RecordNo, Snapshot, Value};

use crate::coverage::Coverage;
use crate::script::Polling;

/// What a driver that keeps a journal has of it.
pub(crate) struct JournalBook {
    mode: Journal,
    polling: Polling,
    polled: Vec<(RecordNo, Option<(Id, Value)>)>,
    /// How many of those are known to be safe or lost.
    settled: usize,
    /// Those that are lost.
    lost: BTreeSet<usize>,
    /// Acknowledgements that have left, by what they acknowledge.
    acknowledged: BTreeMap<(Id, Value), usize>,
    replica: Snapshot,
    began: Instant,
    /// Whether the node may have stopped keeping values without a word in the journal.
    keeping: Keeping,
}

/// What ends the keeping of values for now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeping {
    UntilCancelled,
    /// The node left, or was shut down.
    Interrupted,
}

impl JournalBook {
    /// `replica` is the snapshot that the node was made from, or one with its identity only.
    pub(crate) const fn new(
        mode: Journal,
        polling: Polling,
        replica: Snapshot,
        began: Instant,
    ) -> Self {
        Self {
            mode,
            polling,
            polled: Vec::new(),
            settled: 0,
            lost: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            replica,
            began,
            keeping: Keeping::UntilCancelled,
        }
    }

    pub(crate) const fn advance(&mut self, by: Duration) {
        self.replica.advance(by);
    }

    /// Takes in that the node leaves, or is shut down.
    pub(crate) const fn interrupted(&mut self) {
        self.keeping = Keeping::Interrupted;
    }

    /// Takes in a polled record.
    pub(crate) fn polled(&mut self, number: RecordNo, record: &Record, node: &Node) {
        assert_eq!(self.mode, Journal::On, "a record without a journal");
        assert_eq!(number.number(), self.polled.len() as u64 + 1, "a gap");
        let stored = match record {
            Record::Identity { id } => {
                assert!(self.polled.is_empty() && *id == node.id());
                None
            }
            Record::Stored { key, value, .. } => Some((*key, value.clone())),
            Record::Kept { .. } | Record::KeptNoLonger { .. } | Record::TokenSecrets { .. } => None,
            _ => panic!("the laws do not know {record:?}"),
        };
        self.polled.push((number, stored));
        self.replica.apply(record.clone());
    }

    /// The record polled so many before the last, which is safe from now on, and all before it.
    pub(crate) fn make_safe(&mut self, before_last: u8) -> Option<RecordNo> {
        let at = self
            .polled
            .len()
            .checked_sub(1 + usize::from(before_last))?;
        self.settled = self.settled.max(at + 1);
        Some(self.polled[at].0)
    }

    /// The record polled so many before the last, which is lost from now on, and all before it that
    /// are not safe.
    pub(crate) fn lose(&mut self, before_last: u8, coverage: &mut Coverage) -> Option<RecordNo> {
        let before = self.settled;
        let number = self.make_safe(before_last)?;
        self.lost.extend(before..self.settled);
        if self.settled > before {
            coverage.reach("records lost");
        }
        Some(number)
    }

    /// Takes in that an acknowledgement has left.
    pub(crate) fn acknowledged(&mut self, stored: (Id, Value), coverage: &mut Coverage) {
        coverage.reach("store acknowledged");
        if self.mode == Journal::Off {
            return;
        }
        let settled = self.polled[..self.settled].iter().enumerate();
        let safe = settled
            .filter(|(at, (_, record))| record.as_ref() == Some(&stored) && !self.lost.contains(at))
            .count();
        let left = self.acknowledged.entry(stored).or_default();
        *left += 1;
        assert!(*left <= safe, "acknowledged before its record was safe");
        coverage.reach("store acknowledged once its record was safe");
    }

    /// How many records of this value are not safe yet, of those polled.
    pub(crate) fn not_safe(&self, stored: &(Id, Value)) -> usize {
        let open = self.polled[self.settled..].iter();
        open.filter(|(_, record)| record.as_ref() == Some(stored))
            .count()
    }

    /// Compares what the records make of the snapshot with what the node stores. To be asked when
    /// all records are polled.
    pub(crate) fn assert_is_the_state(&self, node: &Node, now: Instant, coverage: &mut Coverage) {
        self.assert_small_things_are_the_state(node, now, coverage);
        let expiry = node.config().expiry;
        let at_the_end = now + expiry == Instant::MAX;
        // What was lost was taken back, which no record says.
        if self.mode == Journal::Off || at_the_end || !self.lost.is_empty() {
            return;
        }
        let theirs = node.snapshot(now);
        match self.polling {
            // Each record was applied at the time of which it speaks.
            Polling::Prompt => assert_eq!(values(&self.replica), values(&theirs)),
            Polling::Lazy if now.since(self.began) < expiry => {
                let keys = |snapshot| values(snapshot).into_keys().collect::<Vec<_>>();
                assert_eq!(keys(&self.replica), keys(&theirs));
            }
            Polling::Lazy => return,
        }
        if values(&theirs).len() > 1 {
            coverage.reach("journal compared with several values stored");
        }
    }
}

impl JournalBook {
    /// Compares the kept puts and the secrets of tokens, as far as none of their records can wait for
    /// room.
    fn assert_small_things_are_the_state(
        &self,
        node: &Node,
        now: Instant,
        coverage: &mut Coverage,
    ) {
        let waiting = self.settled < self.polled.len();
        if self.mode == Journal::Off || waiting || !self.lost.is_empty() {
            return;
        }
        let mut theirs = node.contacts_snapshot(now);
        node.snapshot_kept(&mut theirs);
        let secrets = theirs.token_secrets().map(|(secrets, _)| secrets);
        let ours = self.replica.token_secrets().map(|(secrets, _)| secrets);
        assert_eq!(ours, secrets);
        coverage.reach("journal compared with the secrets of tokens");
        if self.keeping == Keeping::UntilCancelled {
            assert!(self.replica.kept().eq(theirs.kept()));
            if theirs.kept().next().is_some() {
                coverage.reach("journal compared with kept values");
            }
        }
    }
}

fn values(snapshot: &Snapshot) -> BTreeMap<(Id, Value), Duration> {
    let values = snapshot.values();
    values
        .map(|saved| ((*saved.key, saved.value.clone()), saved.remaining))
        .collect()
}
