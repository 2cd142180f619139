//! Counts how often a node asks for memory to answer a query, once it has answered a few.
//!
//! There is one test in this file, because the counter counts for the whole process.

use std::alloc::System;

use khashmir::Node;
use khashmir::wire::Method;
use khashmir_benches::{answerable, ask, loaded};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many queries are counted.
const TIMES: usize = 1000;

/// Allocations an answer, those that only grow or shrink what there is included.
const fn allowed(method: Method) -> usize {
    match method {
        Method::Ping | Method::Join | Method::FindNode | Method::FindValue => 0,
        // The values are gathered in a list before some are chosen. And an answer of a kilobyte
        // needs more room than an idle node keeps: it is made, and given back.
        Method::GetValue => 3,
        // The value is copied out of the datagram, and once more for a record of it.
        Method::StoreValue => 2,
    }
}

#[test]
fn a_query_is_answered_without_asking_for_memory() {
    let mut node = loaded(150);
    let asker = node.contacts().next().expect("150 of them");
    let queries = answerable(&mut node, &asker);
    let mut answer = Vec::new();
    for (method, datagram) in &queries {
        let mut ask_often = |times: usize| {
            let region = Region::new(ALLOCATOR);
            for _ in 0..times {
                ask(&mut node, &asker, datagram, &mut answer);
            }
            let change = region.change();
            change.allocations + change.reallocations
        };
        ask_often(2);
        let counted = ask_often(TIMES);
        assert_eq!(counted, allowed(*method) * TIMES, "{method}, {TIMES} times");
    }
    let freed = |node: &mut Node| {
        let region = Region::new(ALLOCATOR);
        node.shrink();
        region.change().bytes_deallocated
    };
    assert!(
        freed(&mut node) >= answer.len(),
        "what it kept for the next"
    );
    assert_eq!(freed(&mut node), 0, "there is nothing more");
}
