//! Measures how long a node takes to answer a query.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use khashmir_benches::{answerable, ask, loaded};

fn answer(c: &mut Criterion) {
    let mut group = c.benchmark_group("answer");
    let mut answer = Vec::new();
    let mut node = loaded(150);
    let asker = node.contacts().next().expect("150 of them");
    for (method, datagram) in answerable(&mut node, &asker) {
        group.bench_function(method.name(), |b| {
            b.iter(|| ask(&mut node, &asker, black_box(&datagram), &mut answer));
        });
        let failed = node.stats().method(method).errors;
        assert_eq!(failed, 0, "every {method} was answered in order");
    }
    group.finish();
}

criterion_group!(node, answer);
criterion_main!(node);
