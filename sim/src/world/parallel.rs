//! Several threads, one world: each computes its shard, window by window, and waits for the others
//! at the edges.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant as Clock};

use khashmir::Instant;

use super::happening::Happening;
use super::shard::Shard;
use super::watch::Watch;
use crate::network::Network;
use crate::wheel::Window;

/// What the threads share: who comes first, and what is handed over.
struct Table {
    edge: Barrier,
    firsts: Vec<Mutex<Option<Window>>>,
    /// By receiver, then by sender.
    handed: Vec<Vec<Mutex<Vec<Happening>>>>,
    /// Whether a thread has panicked: the others must not wait for it for ever.
    broken: AtomicBool,
}

/// What a thread comes to, or what it panicked with.
type Worked = Result<Effort, Box<dyn Any + Send>>;

/// What it took to compute some windows. The times are those of the machine's clock: they are told,
/// and nothing depends on them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effort {
    pub(super) windows: u64,
    /// Time that threads were there for, added up.
    pub(super) time: Duration,
    /// Of that, how long they waited for each other.
    pub(super) waiting: Duration,
}

/// Computes all windows that begin before `until`.
pub(super) fn run<W: Watch>(shards: &mut [Shard<W>], network: &Network, until: Instant) -> Effort {
    let count = shards.len();
    let table = Table {
        edge: Barrier::new(count),
        firsts: (0..count).map(|_| Mutex::new(None)).collect(),
        handed: (0..count)
            .map(|_| (0..count).map(|_| Mutex::default()).collect())
            .collect(),
        broken: AtomicBool::new(false),
    };
    let worked: Worked = thread::scope(|scope| {
        let work = |(index, shard)| {
            let table = &table;
            scope.spawn(move || work(index, shard, table, network, until))
        };
        let threads: Vec<_> = shards.iter_mut().enumerate().map(work).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().and_then(|worked| worked))
            .collect::<Vec<_>>()
    })
    .into_iter()
    .try_fold(Effort::default(), |all, worked| {
        worked.map(|one| Effort {
            windows: all.windows.max(one.windows),
            time: all.time + one.time,
            waiting: all.waiting + one.waiting,
        })
    });
    worked.unwrap_or_else(|panic| resume_unwind(panic))
}

fn work<W: Watch>(
    index: usize,
    shard: &mut Shard<W>,
    table: &Table,
    network: &Network,
    until: Instant,
) -> Worked {
    let mut effort = Effort::default();
    let begun = Clock::now();
    let wait = |effort: &mut Effort| {
        let begun = Clock::now();
        table.edge.wait();
        effort.waiting += begun.elapsed();
    };
    loop {
        *lock(&table.firsts[index]) = shard.first();
        wait(&mut effort);
        let first = table.firsts.iter().filter_map(|first| *lock(first)).min();
        // All threads see the same first window, and so they stop together.
        let Some(window) = first.filter(|window| shard.start_of(*window) < until) else {
            effort.time = begun.elapsed();
            return Ok(effort);
        };
        // A shard that was left in the middle of a window is not used again: the panic goes on.
        let ran = catch_unwind(AssertUnwindSafe(|| shard.run(window, network)));
        if ran.is_err() {
            table.broken.store(true, Ordering::SeqCst);
        }
        for (to, handed) in table.handed.iter().enumerate() {
            *lock(&handed[index]) = shard.take_abroad(to);
        }
        wait(&mut effort);
        if table.broken.load(Ordering::SeqCst) {
            return ran.map(|()| effort);
        }
        for handed in &table.handed[index] {
            for happening in std::mem::take(&mut *lock(handed)) {
                shard.plan(happening);
            }
        }
        effort.windows += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
