//! Measures how long it takes to read and to write one message of each kind, beside the serde
//! libraries for bencode.

use std::hint::black_box;

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use khashmir::wire::Message;
use khashmir_benches::peers::Peer;
use khashmir_benches::{DIALECT, FAULT, TID, kinds, nodes, queries, replies, stranger, written};

fn queries_there_and_back(c: &mut Criterion) {
    let sender = stranger(0).id;
    for query in queries() {
        let method = query.method();
        c.bench_function(&format!("encode/query/{method}"), |b| {
            let query = black_box(&query);
            write(b, |out| DIALECT.encode_query(&TID, &sender, query, out));
        });
        let datagram = written(|out| DIALECT.encode_query(&TID, &sender, &query, out));
        c.bench_function(&format!("decode/query/{method}"), |b| read(b, &datagram));
    }
}

fn replies_there_and_back(c: &mut Criterion) {
    for (method, reply) in replies(&nodes()) {
        c.bench_function(&format!("encode/reply/{method}"), |b| {
            write(b, |out| DIALECT.encode_reply(&TID, black_box(&reply), out));
        });
        let datagram = written(|out| DIALECT.encode_reply(&TID, &reply, out));
        c.bench_function(&format!("decode/reply/{method}"), |b| read(b, &datagram));
    }
}

fn errors_there_and_back(c: &mut Criterion) {
    let fault = FAULT;
    c.bench_function("encode/error", |b| {
        write(b, |out| DIALECT.encode_fault(&TID, black_box(&fault), out));
    });
    let datagram = written(|out| DIALECT.encode_fault(&TID, &fault, out));
    c.bench_function("decode/error", |b| read(b, &datagram));
}

/// The same bytes read and written by others; they are compared with ours of the same name.
fn peers_there_and_back(c: &mut Criterion) {
    let mut out = Vec::new();
    for (peer, (kind, datagram)) in Peer::ALL
        .into_iter()
        .flat_map(|peer| kinds().into_iter().map(move |kind| (peer, kind)))
    {
        let message = peer.decode(&datagram).expect("our own writing");
        c.bench_function(&format!("encode/{}/{kind}", peer.name()), |b| {
            b.iter(|| {
                out.clear();
                peer.encode(black_box(&message), &mut out);
                black_box(out.len())
            });
        });
        c.bench_function(&format!("decode/{}/{kind}", peer.name()), |b| {
            b.iter(|| peer.decode(black_box(&datagram)));
        });
    }
}

/// Writes into one buffer over and over, as a node does.
fn write<T>(b: &mut Bencher<'_>, write: impl Fn(&mut Vec<u8>) -> T) {
    let mut out = Vec::new();
    b.iter(|| {
        out.clear();
        write(&mut out);
        black_box(out.len())
    });
}

/// Reads, and looks at every contact and value that an answer brings.
fn read(b: &mut Bencher<'_>, datagram: &[u8]) {
    DIALECT.decode(datagram).expect("our own writing");
    b.iter(|| {
        let message = DIALECT.decode(black_box(datagram));
        if let Ok(Message::Reply { reply, .. }) = &message {
            reply
                .nodes
                .iter()
                .flat_map(|nodes| nodes.iter())
                .for_each(|node| {
                    black_box(node);
                });
            reply
                .values
                .iter()
                .flat_map(|values| values.iter())
                .for_each(|value| {
                    black_box(value);
                });
        }
        message.is_ok()
    });
}

criterion_group!(
    codec,
    queries_there_and_back,
    replies_there_and_back,
    errors_there_and_back,
    peers_there_and_back
);
criterion_main!(codec);
