//! Measures how long a node takes to answer a query.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use khashmir::wire::Query;
use khashmir_benches::{DIALECT, TID, ask, key, loaded, queries, token};

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

criterion_group!(node, answer);
criterion_main!(node);
