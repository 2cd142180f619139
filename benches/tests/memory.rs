//! Holds nodes to the memory that they may take, counted by the allocator.
//!
//! There is one test in this file: what others allocate meanwhile would be counted, too.

use std::alloc::System;

use khashmir_benches::memory::measure;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn an_idle_node_in_a_network_of_a_million_is_small() {
    let found = measure(|| {
        let stats = ALLOCATOR.stats();
        stats.bytes_allocated - stats.bytes_deallocated
    });
    let (idle, full) = (found.idle, found.full);
    assert!(
        idle.contacts > 135.0 && idle.buckets > 17.0,
        "the tables are filled: {found:?}"
    );
    assert!(
        idle.candidates == 0.0 && full.candidates > 125.0,
        "the candidates are there when they should be: {found:?}"
    );
    assert!(idle.most <= 8 << 10, "nobody waits: {found:?}");
    assert!(full.most <= 14 << 10, "all wait who may: {found:?}");
    assert!(found.empty <= 2 << 10, "the table is empty: {found:?}");
    assert!(found.left <= 1 << 10, "all commands are over: {found:?}");
}
