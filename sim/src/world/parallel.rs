//! Several threads, one world: each computes its shard, window by window, and waits for the others
//! at the edges.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant as Clock};

use khashmir::Instant;

use super::barrier::Barrier;
use super::host_event::HostEvent;
use super::observer::Observer;
use super::shard::Shard;
use crate::network::Network;
use crate::stop::Stop;
use crate::wheel::Window;

/// What the threads share.
struct Table {
    barrier: Barrier,
    /// What they say at one edge lies here while they wait for each other, and until they meet at
    /// the next; what they say there, in the other half.
    halves: [Half; 2],
}

/// What is said at an edge.
struct Half {
    /// By the index of the thread that says it.
    said: Vec<Mutex<Said>>,
    /// Events for the hosts of other threads: by receiving thread, then by sending thread. Sender and
    /// receiver swap whole lists, so that none is allocated anew.
    handed: Vec<Vec<Mutex<Vec<HostEvent>>>>,
}

/// What a thread says.
#[derive(Clone, Copy)]
enum Said {
    /// The first window in which anything happens that it knows of: to its own hosts, or to those
    /// of others because of what it hands over.
    First(Option<Window>),
    /// It was asked to stop.
    Stopped,
    /// It has panicked, and will not come to the next edge.
    Broken,
}

/// What a thread comes to, or what it panicked with.
type Worked = Result<RunStats, Box<dyn Any + Send>>;

/// What it took to compute some windows. The times are those of the machine's clock: they are told,
/// and nothing depends on them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunStats {
    pub(super) windows: u64,
    /// Time from start to end of each thread, added up.
    pub(super) time: Duration,
    /// Of that, how long they waited for each other.
    pub(super) waiting: Duration,
}

/// Computes all windows that begin before `until`, or those up to the request to stop.
pub(super) fn run<W: Observer>(
    shards: &mut [Shard<W>],
    network: &Network,
    until: Instant,
    stop: &Stop,
) -> RunStats {
    let table = Table::new(shards.len());
    let worked: Worked = thread::scope(|scope| {
        let work = |(index, shard)| {
            let table = &table;
            scope.spawn(move || work(index, shard, table, network, until, stop))
        };
        let threads: Vec<_> = shards.iter_mut().enumerate().map(work).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().and_then(|worked| worked))
            .collect::<Vec<_>>()
    })
    .into_iter()
    .try_fold(RunStats::default(), |all, worked| {
        worked.map(|one| RunStats {
            windows: all.windows.max(one.windows),
            time: all.time + one.time,
            waiting: all.waiting + one.waiting,
        })
    });
    worked.unwrap_or_else(|panic| resume_unwind(panic))
}

fn work<W: Observer>(
    index: usize,
    shard: &mut Shard<W>,
    table: &Table,
    network: &Network,
    until: Instant,
    stop: &Stop,
) -> Worked {
    let mut run_stats = RunStats::default();
    let begun = Clock::now();
    let mut ran = Ok(());
    for half in table.halves.iter().cycle() {
        half.say(
            index,
            shard,
            match &ran {
                Err(_) => Said::Broken,
                Ok(()) if stop.is_requested() => Said::Stopped,
                Ok(()) => Said::First(shard.first_anywhere()),
            },
        );
        let came = Clock::now();
        table.barrier.wait();
        run_stats.waiting += came.elapsed();
        // All threads hear the same, and so they stop together.
        let first = match half.heard() {
            Said::Broken => {
                run_stats.time = begun.elapsed();
                return ran.map(|()| run_stats);
            }
            Said::Stopped => None,
            Said::First(first) => first,
        };
        half.take_in(index, shard);
        let Some(window) = first.filter(|window| shard.start_of(*window) < until) else {
            break;
        };
        // A shard that was left in the middle of a window is not used again: the panic goes on.
        ran = catch_unwind(AssertUnwindSafe(|| shard.run(window, network)));
        run_stats.windows += 1;
    }
    run_stats.time = begun.elapsed();
    Ok(run_stats)
}

impl Table {
    fn new(threads: usize) -> Self {
        let half = |_| Half {
            said: (0..threads)
                .map(|_| Mutex::new(Said::First(None)))
                .collect(),
            handed: (0..threads)
                .map(|_| (0..threads).map(|_| Mutex::default()).collect())
                .collect(),
        };
        Self {
            barrier: Barrier::new(threads),
            halves: [0, 1].map(half),
        }
    }
}

impl Half {
    /// Before the edge: tells the others what a shard has come to, and gives them what is theirs.
    fn say<W: Observer>(&self, index: usize, shard: &mut Shard<W>, said: Said) {
        *lock(&self.said[index]) = said;
        for (to, handed) in self.handed.iter().enumerate() {
            shard.swap_outgoing(to, &mut lock(&handed[index]));
        }
    }

    /// After the edge: what all have said. A panic counts more than a request to stop, and that more
    /// than any window.
    fn heard(&self) -> Said {
        let mut firsts: Option<Window> = None;
        let mut stopped = false;
        for said in &self.said {
            match *lock(said) {
                Said::Broken => return Said::Broken,
                Said::Stopped => stopped = true,
                Said::First(first) => firsts = firsts.into_iter().chain(first).min(),
            }
        }
        if stopped {
            Said::Stopped
        } else {
            Said::First(firsts)
        }
    }

    /// After the edge: takes what others have handed to a shard.
    fn take_in<W: Observer>(&self, index: usize, shard: &mut Shard<W>) {
        for handed in &self.handed[index] {
            for event in lock(handed).drain(..) {
                shard.plan(event);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
