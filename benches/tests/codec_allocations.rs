//! Counts how often a message of each kind asks for memory when it is read, and when it is written
//! into a buffer that is large enough.
//!
//! There is one test in this file, because the counter counts for the whole process.

use std::alloc::System;
use std::hint::black_box;

use khashmir_benches::{DIALECT, kinds, write};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn no_message_asks_for_memory() {
    let mut out = Vec::with_capacity(2048);
    for (name, datagram) in kinds() {
        let region = Region::new(ALLOCATOR);
        let message = DIALECT.decode(&datagram).expect("our own writing");
        out.clear();
        write(&message, &mut out);
        let change = region.change();
        assert_eq!(change.allocations + change.reallocations, 0, "{name}");
        assert_eq!(black_box(&out), &datagram, "{name}");
    }
}
