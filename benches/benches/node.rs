//! Measures how long a node takes to find the closest contacts in its table, and to answer a query.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use khashmir::Id;
use khashmir::wire::Query;
use khashmir_benches::{DIALECT, TID, ask, key, loaded, queries, token};

/// Contacts of a node in a network of a thousand nodes, of some million, and of more than there are.
const TABLES: [usize; 3] = [50, 150, 350];

fn closest(c: &mut Criterion) {
    let mut group = c.benchmark_group("closest");
    for contacts in TABLES {
        let node = loaded(contacts);
        let random: Vec<Id> = (0..64u8).map(|n| Id::hash_of(&[n])).collect();
        for (kind, targets) in [("random", random), ("ourselves", vec![node.id()])] {
            let mut targets = targets.iter().cycle();
            group.bench_function(BenchmarkId::new(kind, contacts), |b| {
                b.iter(|| targets.next().map(|target| node.closest(black_box(target))));
            });
        }
    }
    group.finish();
}

fn answer(c: &mut Criterion) {
    let mut group = c.benchmark_group("answer");
    for query in queries() {
        let mut node = loaded(150);
        let asker = node.contacts().next().expect("150 of them");
        let token = token(&mut node, &asker);
        let method = query.method();
        let query = match query {
            Query::StoreValue { value, .. } => Query::StoreValue {
                key: key(),
                token: &token,
                value,
            },
            other @ (Query::Ping
            | Query::Join
            | Query::FindNode { .. }
            | Query::FindValue { .. }
            | Query::GetValue { .. }) => other,
        };
        let datagram = DIALECT.encode_query(&TID, &asker.id, &query);
        let mut answer = Vec::new();
        group.bench_function(method.name(), |b| {
            b.iter(|| ask(&mut node, &asker, black_box(&datagram), &mut answer));
        });
        let failed = node.stats().method(method).errors;
        assert_eq!(failed, 0, "every {method} was answered in order");
    }
    group.finish();
}

criterion_group!(node, closest, answer);
criterion_main!(node);
