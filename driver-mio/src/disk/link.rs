//! What the loop holds of a node's disk: changes go to the writing thread, and what became of them
//! comes back.

use std::time::Duration;

use khashmir::{Instant, Node, RecordNo, Snapshot};

use super::writer::Job;
use super::{Change, DiskState, DiskStats, DurableStore, Moment, NotWritten, Report, Writer};

/// The disk of a node that is about to be added to a loop.
pub(crate) struct NewDisk {
    pub(crate) store: Box<dyn DurableStore>,
    stats: DiskStats,
}

impl NewDisk {
    /// Begins to write, with what a new node has to record at its start: only when that is safe, or is
    /// known not to be, anybody can hear of the node.
    pub(crate) fn begin(mut store: Box<dyn DurableStore>, node: &mut Node, now: Instant) -> Self {
        store.begin(now);
        let mut stats = DiskStats {
            state: DiskState::Writing,
            commits: 0,
            records: 0,
            lost_records: 0,
            last_commit: Duration::ZERO,
            longest_commit: Duration::ZERO,
        };
        let (changes, last) = poll_records(node);
        let Some(last) = last else {
            return Self { store, stats };
        };
        match store.write(Moment::at(now), &changes) {
            Ok(()) => {
                stats.records = changes.len() as u64;
                node.handle_durable(now, last);
            }
            Err(why) => {
                stats.lost_records = changes.len() as u64;
                stats.state = DiskState::Failing(why);
                node.handle_not_durable(now, last);
            }
        }
        Self { store, stats }
    }

    pub(crate) fn into_parts(self) -> (Box<dyn DurableStore>, DiskStats) {
        (self.store, self.stats)
    }
}

/// All records that wait, and the number of the last.
pub(crate) fn poll_records(node: &mut Node) -> (Vec<Change>, Option<RecordNo>) {
    let (mut changes, mut last) = (Vec::new(), None);
    while let Some((number, record)) = node.poll_record() {
        changes.push(Change::Record(record));
        last = Some(number);
    }
    (changes, last)
}

/// The way to the disk of a node in the loop.
pub(crate) struct DiskLink {
    writer: Writer,
    stats: DiskStats,
    /// Jobs that were given to the writer, and those of which it has said what became of them.
    sent: u64,
    done: u64,
    /// The number of the job that writes contacts, if one is under way.
    contacts: Option<u64>,
    /// The number of the job that writes all but the values, if one is under way.
    all: Option<u64>,
}

/// What follows from a report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Records up to this one are safe, or lost.
    pub(crate) settled: Option<(RecordNo, Fate)>,
    /// The disk has changed its state.
    pub(crate) news: Option<DiskState>,
    /// All but the values should be written anew, since records of it may be lost.
    pub(crate) wanted: Wanted,
}

/// What became of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Safe,
    Lost,
}

/// What the disk is to be given next, unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    AllButValues,
}

impl DiskLink {
    pub(crate) const fn new(stats: DiskStats, writer: Writer) -> Self {
        Self {
            writer,
            stats,
            sent: 0,
            done: 0,
            contacts: None,
            all: None,
        }
    }

    /// Writes records. False when that cannot be, now or ever.
    pub(crate) fn records(&mut self, now: Instant, changes: Vec<Change>, last: RecordNo) -> bool {
        let records = changes.len() as u64;
        let sent = self.send(now, changes, Some(last));
        if !sent {
            self.stats.lost_records += records;
            let why = "the thread that writes has ended".to_owned();
            self.stats.state = DiskState::Failing(NotWritten(why));
        }
        sent
    }

    /// Writes the contacts, unless it is doing that. An outage that has emptied the table is no reason
    /// to forget through whom to come back.
    pub(crate) fn contacts(&mut self, at: Instant, snapshot: Snapshot) {
        if self.contacts.is_some() || snapshot.contacts().next().is_none() {
            return;
        }
        let snapshot = Box::new(snapshot);
        if self.send(at, vec![Change::Contacts { at, snapshot }], None) {
            self.contacts = Some(self.sent);
        }
    }

    /// Writes all but the values, unless it is doing that.
    pub(crate) fn all_but_values(&mut self, at: Instant, snapshot: Snapshot) {
        if self.all.is_some() {
            return;
        }
        let snapshot = Box::new(snapshot);
        if self.send(at, vec![Change::AllButValues { at, snapshot }], None) {
            self.all = Some(self.sent);
        }
    }

    /// Lets it remove what has expired, when it has nothing else to do.
    pub(crate) fn tidy(&self, now: Instant) {
        // Without a writer there is nothing to tidy up.
        self.writer.send(Job::Tidy(Moment::at(now)));
    }

    /// Takes in what the writer says.
    pub(crate) fn hear(&mut self, report: Report) -> Heard {
        match report {
            Report::Retry => Heard {
                settled: None,
                news: None,
                wanted: Wanted::AllButValues,
            },
            Report::Wrote {
                jobs,
                records,
                up_to,
                took,
                outcome,
            } => {
                self.done += jobs as u64;
                self.stats.last_commit = took;
                self.stats.longest_commit = self.stats.longest_commit.max(took);
                self.contacts = self.contacts.filter(|job| *job > self.done);
                let all = self.all.filter(|job| *job > self.done);
                let wrote_all = self.all.is_some() && all.is_none();
                self.all = all;
                self.wrote(records as u64, up_to, outcome, wrote_all)
            }
        }
    }

    /// Whether all that it was given is settled.
    pub(crate) const fn is_idle(&self) -> bool {
        self.done == self.sent
    }

    pub(crate) const fn stats(&self) -> &DiskStats {
        &self.stats
    }

    fn wrote(
        &mut self,
        records: u64,
        up_to: Option<RecordNo>,
        outcome: Result<(), NotWritten>,
        wrote_all: bool,
    ) -> Heard {
        let was_failing = matches!(self.stats.state, DiskState::Failing(_));
        match outcome {
            Ok(()) => {
                self.stats.commits += 1;
                self.stats.records += records;
                let works_again = was_failing && wrote_all;
                if works_again {
                    self.stats.state = DiskState::Writing;
                }
                Heard {
                    settled: up_to.map(|up_to| (up_to, Fate::Safe)),
                    news: works_again.then_some(DiskState::Writing),
                    wanted: if was_failing && !wrote_all {
                        Wanted::AllButValues
                    } else {
                        Wanted::Nothing
                    },
                }
            }
            Err(why) => {
                self.stats.lost_records += records;
                let state = DiskState::Failing(why);
                let news = (!was_failing).then(|| state.clone());
                self.stats.state = state;
                Heard {
                    settled: up_to.map(|up_to| (up_to, Fate::Lost)),
                    news,
                    wanted: Wanted::Nothing,
                }
            }
        }
    }

    fn send(&mut self, now: Instant, changes: Vec<Change>, up_to: Option<RecordNo>) -> bool {
        let moment = Moment::at(now);
        let job = Job::Write {
            moment,
            changes,
            up_to,
        };
        let sent = self.writer.send(job);
        self.sent += u64::from(sent);
        sent
    }
}
