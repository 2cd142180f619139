//! Prints how often reading and writing messages and answering queries ask for memory.

use std::alloc::System;
use std::hint::black_box;

use khashmir_benches::peers::Peer;
use khashmir_benches::{DIALECT, answerable, ask, kinds, loaded, write};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often each is done, once the buffers are large enough.
const TIMES: usize = 100;

fn main() {
    println!("allocations an operation, the growth of what there is included");
    println!(
        "{:<24} {:>10} {:>10} {:>14}",
        "", "khashmir", "bt_bencode", "serde_bencode"
    );
    for (name, datagram) in kinds() {
        let ours = counted(|| black_box(DIALECT.decode(&datagram)).is_ok());
        let theirs = Peer::ALL.map(|peer| counted(|| black_box(peer.decode(&datagram)).is_some()));
        row(&format!("decode {name}"), ours, &theirs);
    }
    let mut out = Vec::new();
    for (name, datagram) in kinds() {
        let message = DIALECT.decode(&datagram).expect("our own writing");
        let ours = counted(|| {
            out.clear();
            write(&message, &mut out);
        });
        let theirs = Peer::ALL.map(|peer| {
            let message = peer.decode(&datagram).expect("our own writing");
            counted(|| {
                out.clear();
                peer.encode(&message, &mut out);
            })
        });
        row(&format!("encode {name}"), ours, &theirs);
    }
    let mut node = loaded(150);
    let asker = node.contacts().next().expect("150 of them");
    for (method, datagram) in answerable(&mut node, &asker) {
        let answers = counted(|| ask(&mut node, &asker, &datagram, &mut out));
        row(&format!("answer {method}"), answers, &[]);
    }
}

fn counted<T>(mut work: impl FnMut() -> T) -> f64 {
    work();
    work();
    let region = Region::new(ALLOCATOR);
    for _ in 0..TIMES {
        work();
    }
    let change = region.change();
    (change.allocations + change.reallocations) as f64 / TIMES as f64
}

fn row(what: &str, ours: f64, theirs: &[f64]) {
    print!("{what:<24} {ours:>10}");
    for (theirs, width) in theirs.iter().zip([10, 14]) {
        print!(" {theirs:>width$}");
    }
    println!();
}
