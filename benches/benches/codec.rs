//! Measures how long it takes to read and to write one message of each kind.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use khashmir::wire::Fault;
use khashmir_benches::{DIALECT, TID, queries, replies, stranger};

fn queries_there_and_back(c: &mut Criterion) {
    let sender = stranger(0).id;
    for query in queries() {
        let method = query.method();
        c.bench_function(&format!("encode/query/{method}"), |b| {
            b.iter(|| DIALECT.encode_query(&TID, &sender, black_box(&query)));
        });
        let datagram = DIALECT.encode_query(&TID, &sender, &query);
        DIALECT.decode(&datagram).expect("our own writing");
        c.bench_function(&format!("decode/query/{method}"), |b| {
            b.iter(|| DIALECT.decode(black_box(&datagram)).is_ok());
        });
    }
}

fn replies_there_and_back(c: &mut Criterion) {
    for (method, reply) in replies() {
        c.bench_function(&format!("encode/reply/{method}"), |b| {
            b.iter(|| DIALECT.encode_reply(&TID, black_box(&reply)));
        });
        let datagram = DIALECT.encode_reply(&TID, &reply).into_bytes();
        DIALECT.decode(&datagram).expect("our own writing");
        c.bench_function(&format!("decode/reply/{method}"), |b| {
            b.iter(|| DIALECT.decode(black_box(&datagram)).is_ok());
        });
    }
}

fn errors_there_and_back(c: &mut Criterion) {
    let fault = Fault::BadToken;
    c.bench_function("encode/error", |b| {
        b.iter(|| DIALECT.encode_fault(&TID, black_box(&fault)));
    });
    let datagram = DIALECT.encode_fault(&TID, &fault).into_bytes();
    DIALECT.decode(&datagram).expect("our own writing");
    c.bench_function("decode/error", |b| {
        b.iter(|| DIALECT.decode(black_box(&datagram)).is_ok());
    });
}

criterion_group!(
    codec,
    queries_there_and_back,
    replies_there_and_back,
    errors_there_and_back
);
criterion_main!(codec);
