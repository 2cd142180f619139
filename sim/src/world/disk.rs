//! What of a host survives a crash: the last snapshot, and the records that reached the disk.

use std::collections::VecDeque;
use std::time::Duration;

use khashmir::{Instant, Record, RecordNo, Snapshot};

/// The disk of a host. Snapshots are written at once, records some time after they were given.
#[derive(Clone, Debug)]
pub struct Disk {
    delay: Duration,
    saved: Snapshot,
    /// The time up to which `saved` has aged, by the host's clock.
    as_of: Instant,
    /// Records on their way: the host's time when they were given.
    pending: VecDeque<(Instant, RecordNo, Record)>,
}

impl Disk {
    /// A disk that holds a snapshot of now, and takes that long to write a record.
    #[must_use]
    pub const fn new(snapshot: Snapshot, now: Instant, delay: Duration) -> Self {
        Self {
            delay,
            saved: snapshot,
            as_of: now,
            pending: VecDeque::new(),
        }
    }

    /// What a machine that starts now finds on it.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let mut saved = self.saved.clone();
        saved.advance(now.since(self.as_of));
        saved
    }

    /// How long it takes to write a record.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// A snapshot of now takes the place of everything.
    pub(super) fn save(&mut self, snapshot: Snapshot, now: Instant) {
        self.saved = snapshot;
        self.as_of = now;
    }

    pub(super) fn write(&mut self, now: Instant, number: RecordNo, record: Record) {
        self.pending.push_back((now, number, record));
    }

    /// Records up to that one are written.
    pub(super) fn written(&mut self, up_to: RecordNo) {
        while let Some((at, number, _)) = self.pending.front()
            && *number <= up_to
        {
            self.saved.advance(at.since(self.as_of));
            self.as_of = self.as_of.max(*at);
            if let Some((_, _, record)) = self.pending.pop_front() {
                self.saved.apply(record);
            }
        }
    }

    /// The host crashes: what was not written is lost.
    pub(super) fn lose_pending(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use khashmir::{Config, Event, Id, Journal, Node, Seed, Value};

    use super::*;

    #[test]
    fn what_was_written_survives_and_ages() {
        let config = Config {
            journal: Journal::On,
            ..Config::default()
        };
        let seconds = |n| Instant::since_origin(Duration::from_secs(n));
        let mut node = Node::new(config, Seed::from_number(1), seconds(0)).expect("settings");
        let mut disk = Disk::new(node.snapshot(seconds(0)), seconds(0), Duration::ZERO);
        for (at, text) in [(10, "one"), (20, "two")] {
            let value = Value::new(text).expect("short");
            // Alone, a node stores at itself.
            let put = node.put(seconds(at), Id::hash_of(b"key"), value);
            assert!(put.is_ok());
            while let Some((number, record)) = node.poll_record() {
                disk.write(seconds(at), number, record);
                if at == 10 {
                    disk.written(number);
                }
            }
        }
        disk.lose_pending();
        assert!(!matches!(node.poll_event(), Some(Event::Ended { .. })));
        let found = disk.snapshot(seconds(110));
        let left: Vec<_> = found.values().map(|saved| saved.remaining).collect();
        assert_eq!(left, [Config::default().expiry - Duration::from_secs(100)]);
        assert_eq!(found.id(), node.id());
    }
}
