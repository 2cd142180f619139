//! The thread that writes: it takes all changes that wait and makes them safe together, so that a
//! thousand stores cost a few commits.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use khashmir::RecordNo;

use super::{Change, DurableStore, Moment, NotWritten, Tidied};

/// What the writer is to do.
pub(crate) enum Job {
    /// Write these. The last of the records among them has that number, if there is one.
    Write {
        moment: Moment,
        changes: Vec<Change>,
        up_to: Option<RecordNo>,
    },
    /// Tidy up.
    Tidy(Moment),
}

/// What the writer says.
#[derive(Debug)]
pub(crate) enum Report {
    /// Of so many jobs, what became of their changes.
    Wrote {
        jobs: usize,
        records: usize,
        up_to: Option<RecordNo>,
        took: Duration,
        outcome: Result<(), NotWritten>,
    },
    /// Nothing was to be written for a while after a failure: it is time to try again.
    Retry,
}

/// The way to the writing thread. It ends once this is dropped and all jobs are done.
pub(crate) struct Writer {
    jobs: Sender<Job>,
}

/// Changes that are written together at most: they are in memory twice meanwhile.
const TOGETHER: usize = 4096;
/// How long more changes are waited for where there are many: then a commit is for several of them, and
/// the disk has fewer.
const GATHER: Duration = Duration::from_millis(4);
/// How long after a failure writing is tried again.
const RETRY: Duration = Duration::from_secs(2);

impl Writer {
    /// Starts the thread. What it has to say goes to `tell`, on that thread.
    pub(crate) fn start(
        store: Box<dyn DurableStore>,
        tell: impl FnMut(Report) + Send + 'static,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, inbox) = mpsc::channel();
        let writing = Writing {
            store,
            inbox,
            tell: Box::new(tell),
            batch: Batch::default(),
            health: Health::Sound,
            load: Load::Light,
            tidying: None,
        };
        let named = thread::Builder::new().name("khashmir-disk".into());
        let thread = named.spawn(move || writing.run())?;
        Ok((Self { jobs }, thread))
    }

    /// False when the thread is gone.
    pub(crate) fn send(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }
}

/// The state of the thread.
struct Writing {
    store: Box<dyn DurableStore>,
    inbox: Receiver<Job>,
    tell: Box<dyn FnMut(Report) + Send>,
    batch: Batch,
    health: Health,
    load: Load,
    /// Since when there is something to tidy up.
    tidying: Option<Moment>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Sound,
    Failing,
}

/// Whether more than one job waited when the last changes were written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Light,
    Heavy,
}

/// Changes that are written together.
#[derive(Default)]
struct Batch {
    jobs: usize,
    changes: Vec<Change>,
    up_to: Option<RecordNo>,
    moment: Option<Moment>,
}

impl Writing {
    fn run(mut self) {
        while let Some(job) = self.next() {
            self.take(job);
            if self.load == Load::Heavy {
                thread::sleep(GATHER);
            }
            while self.batch.changes.len() < TOGETHER
                && let Ok(job) = self.inbox.try_recv()
            {
                self.take(job);
            }
            self.write();
        }
    }

    /// The next job, for which it waits; none when all are done and there will be no more.
    fn next(&mut self) -> Option<Job> {
        loop {
            if let Some(moment) = self.tidying {
                match self.inbox.try_recv() {
                    Err(TryRecvError::Empty) => {
                        // What fails here is tried again after the next checkpoint.
                        let more = self.store.tidy(moment) == Ok(Tidied::Part);
                        self.tidying = more.then_some(moment);
                        continue;
                    }
                    received => return received.ok(),
                }
            }
            if self.health == Health::Sound {
                return self.inbox.recv().ok();
            }
            match self.inbox.recv_timeout(RETRY) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Timeout) => (self.tell)(Report::Retry),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Tidy(moment) => self.tidying = Some(moment),
            Job::Write {
                moment,
                mut changes,
                up_to,
            } => {
                self.batch.jobs += 1;
                self.batch.changes.append(&mut changes);
                self.batch.up_to = up_to.or(self.batch.up_to);
                self.batch.moment = Some(moment);
            }
        }
    }

    fn write(&mut self) {
        let batch = mem::take(&mut self.batch);
        let Some(moment) = batch.moment else {
            return;
        };
        self.load = if batch.jobs > 1 {
            Load::Heavy
        } else {
            Load::Light
        };
        let since = Instant::now();
        let outcome = self.store.write(moment, &batch.changes);
        self.health = match outcome {
            Ok(()) => Health::Sound,
            Err(_) => Health::Failing,
        };
        let is_record = |change: &&Change| matches!(change, Change::Record(_));
        (self.tell)(Report::Wrote {
            jobs: batch.jobs,
            records: batch.changes.iter().filter(is_record).count(),
            up_to: batch.up_to,
            took: since.elapsed(),
            outcome,
        });
    }
}

#[cfg(test)]
mod tests {
    use khashmir::Instant;

    use super::*;

    /// A disk with much to tidy up, each part of which waits until it may be done.
    struct Untidy {
        may: Receiver<()>,
        did: Sender<&'static str>,
        parts: usize,
    }

    impl DurableStore for Untidy {
        fn begin(&mut self, _now: Instant) {}

        fn write(&mut self, _moment: Moment, _changes: &[Change]) -> Result<(), NotWritten> {
            self.did.send("write").expect("the test listens");
            Ok(())
        }

        fn tidy(&mut self, _moment: Moment) -> Result<Tidied, NotWritten> {
            self.did.send("tidy").expect("the test listens");
            self.may.recv().expect("the test goes on");
            self.parts -= 1;
            Ok(if self.parts == 0 {
                Tidied::All
            } else {
                Tidied::Part
            })
        }
    }

    #[test]
    fn what_is_to_be_written_does_not_wait_until_all_is_tidied_up() {
        let ((permit, may), (did, done)) = (mpsc::channel(), mpsc::channel());
        let store = Box::new(Untidy { may, did, parts: 3 });
        let (writer, thread) = Writer::start(store, drop).expect("a thread");
        let moment = Moment::at(Instant::ORIGIN);
        assert!(writer.send(Job::Tidy(moment)));
        assert_eq!(done.recv(), Ok("tidy"));
        let (changes, up_to) = (Vec::new(), None);
        assert!(writer.send(Job::Write {
            moment,
            changes,
            up_to,
        }));
        for _ in 0..3 {
            permit.send(()).expect("it waits");
        }
        assert_eq!(done.recv(), Ok("write"));
        assert_eq!([done.recv(), done.recv()], [Ok("tidy"), Ok("tidy")]);
        drop(writer);
        thread.join().expect("it does not panic");
        assert!(done.recv().is_err(), "and then it is tidy");
    }
}
