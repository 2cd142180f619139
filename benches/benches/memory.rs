//! Prints how much memory nodes take, counted by the allocator.

use std::alloc::System;

use khashmir_benches::memory::{Crowd, measure};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let found = measure(|| {
        let stats = ALLOCATOR.stats();
        stats.bytes_allocated - stats.bytes_deallocated
    });
    println!("bytes of a node in a network of a million, heap and own size");
    row("own size", found.own);
    row("with an empty table", found.empty);
    crowd("idle, nobody waits for a place", &found.idle);
    crowd("idle, as many wait as may", &found.full);
    let contacts = found.idle.bytes - found.empty as f64;
    println!("{:<44}{:>8.1}", "a contact", contacts / found.idle.contacts);
    let waiting = found.full.bytes - found.idle.bytes;
    println!(
        "{:<44}{:>8.1}",
        "a candidate",
        waiting / found.full.candidates
    );
    row("a call in flight", found.call);
    row("a command under way, with its call", found.command);
    row("left on the heap when commands are over", found.left);
    row("a stored value, beside its own bytes", found.value);
    row(
        "the same with others under its key",
        found.value_beside_others,
    );
}

fn row(what: &str, bytes: usize) {
    println!("{what:<44}{bytes:>6}");
}

fn crowd(what: &str, crowd: &Crowd) {
    println!("{what:<44}{:>8.1}", crowd.bytes);
    println!("  {:<42}{:>6}", "at most", crowd.most);
    println!("  {:<42}{:>8.1}", "contacts", crowd.contacts);
    println!("  {:<42}{:>8.1}", "buckets", crowd.buckets);
    println!("  {:<42}{:>8.1}", "candidates", crowd.candidates);
}
