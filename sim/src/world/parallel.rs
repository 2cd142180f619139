//! Several threads, one world: each computes its shard, window by window, and waits for the others
//! at the edges.

use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;

use khashmir::Instant;

use super::happening::Happening;
use super::shard::Shard;
use crate::network::Network;
use crate::wheel::Window;

/// What the threads share: who comes first, and what is handed over.
struct Table {
    edge: Barrier,
    firsts: Vec<Mutex<Option<Window>>>,
    /// By receiver, then by sender.
    handed: Vec<Vec<Mutex<Vec<Happening>>>>,
}

/// Computes all windows that begin before `until`; gives how many there were.
pub(super) fn run(shards: &mut [Shard], network: &Network, until: Instant) -> u64 {
    let count = shards.len();
    let table = Table {
        edge: Barrier::new(count),
        firsts: (0..count).map(|_| Mutex::new(None)).collect(),
        handed: (0..count)
            .map(|_| (0..count).map(|_| Mutex::default()).collect())
            .collect(),
    };
    thread::scope(|scope| {
        let work = |(index, shard)| {
            let table = &table;
            scope.spawn(move || work(index, shard, table, network, until))
        };
        let threads: Vec<_> = shards.iter_mut().enumerate().map(work).collect();
        let windows = threads.into_iter().map(|thread| match thread.join() {
            Ok(windows) => windows,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        windows.max().unwrap_or(0)
    })
}

fn work(index: usize, shard: &mut Shard, table: &Table, network: &Network, until: Instant) -> u64 {
    let mut windows = 0;
    loop {
        *lock(&table.firsts[index]) = shard.first();
        table.edge.wait();
        let first = table.firsts.iter().filter_map(|first| *lock(first)).min();
        // All threads see the same first window, and so they stop together.
        let Some(window) = first.filter(|window| shard.start_of(*window) < until) else {
            return windows;
        };
        shard.run(window, network);
        for (to, handed) in table.handed.iter().enumerate() {
            *lock(&handed[index]) = shard.take_abroad(to);
        }
        table.edge.wait();
        for handed in &table.handed[index] {
            for happening in std::mem::take(&mut *lock(handed)) {
                shard.plan(happening);
            }
        }
        windows += 1;
    }
}

/// A panic in another thread ends this one at the next edge, not here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
