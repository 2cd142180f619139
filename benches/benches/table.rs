//! Measures the routing table through the node that has it, beside the table of the `mainline`
//! crate.
//!
//! Both know the same contacts: eight in each of our buckets, as far as they reach. Theirs would
//! hold 20 in a bucket, and answers with 20; ours answers with eight.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use khashmir::{Config, Contact, Id, Node, Seed, Snapshot};
use khashmir_benches::{NOW, loaded};
use mainline::RoutingTable;

/// Contacts of a node in a network of a thousand nodes, of some million, and of more than there are.
const TABLES: [usize; 3] = [50, 150, 350];

fn closest(c: &mut Criterion) {
    let mut group = c.benchmark_group("closest");
    for contacts in TABLES {
        let node = loaded(contacts);
        let random: Vec<Id> = (0..64u8).map(|n| Id::hash_of(&[n])).collect();
        let known: Vec<Id> = node.contacts().map(|contact| contact.id).collect();
        for (kind, targets) in [
            ("random", &random),
            ("known", &known),
            ("ourselves", &vec![node.id()]),
        ] {
            let mut next = targets.iter().cycle();
            group.bench_function(BenchmarkId::new(kind, contacts), |b| {
                b.iter(|| next.next().map(|target| node.closest(black_box(target))));
            });
        }
        let theirs = theirs(&node.contacts().collect::<Vec<_>>(), node.id());
        for (kind, targets) in [("random", &random), ("known", &known)] {
            let targets: Vec<mainline::Id> = targets.iter().map(their_id).collect();
            let mut next = targets.iter().cycle();
            group.bench_function(
                BenchmarkId::new(format!("mainline/{kind}"), contacts),
                |b| {
                    b.iter(|| next.next().map(|target| theirs.closest(black_box(*target))));
                },
            );
        }
    }
    group.finish();
}

/// Filling an empty table: every insertion, and all splits on the way.
fn fill(c: &mut Criterion) {
    let config = Arc::new(Config::default());
    let mut group = c.benchmark_group("fill");
    for contacts in TABLES {
        let node = loaded(contacts);
        let own = node.id();
        let all: Vec<Contact> = node.contacts().collect();
        let mut snapshot = Snapshot::new(own);
        for contact in &all {
            snapshot.add_contact(*contact, Duration::ZERO);
        }
        group.bench_function(BenchmarkId::new("khashmir", contacts), |b| {
            let restore = |snapshot| {
                let seed = Seed::from_number(1);
                Node::restore(Arc::clone(&config), snapshot, Duration::ZERO, seed, NOW)
            };
            b.iter_batched(|| snapshot.clone(), restore, BatchSize::SmallInput);
        });
        group.bench_function(BenchmarkId::new("mainline", contacts), |b| {
            b.iter(|| theirs(black_box(&all), own));
        });
    }
    group.finish();
}

/// Emptying a full table: nobody answers any longer, so upkeep pings everybody, gives them up and
/// takes them out, and all buckets merge on the way.
fn empty(c: &mut Criterion) {
    let mut group = c.benchmark_group("empty");
    for contacts in TABLES {
        group.bench_function(BenchmarkId::new("khashmir", contacts), |b| {
            b.iter_batched(|| loaded(contacts), emptied, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A node that has lost everybody, and has one bucket again.
fn emptied(mut node: Node) -> Node {
    let mut datagram = Vec::new();
    while node.contacts().next().is_some()
        && let Some(next) = node.poll_timeout()
    {
        node.handle_timeout(next);
        while node.poll_transmit(&mut datagram).is_some() || node.poll_event().is_some() {}
    }
    assert_eq!(node.buckets().count(), 1);
    node
}

/// Their table with these contacts in it.
fn theirs(contacts: &[Contact], own: Id) -> RoutingTable {
    let mut table = RoutingTable::new(their_id(&own));
    for contact in contacts {
        let SocketAddr::V4(addr) = contact.addr else {
            continue;
        };
        table.add(mainline::Node::new(their_id(&contact.id), addr));
    }
    assert_eq!(table.size(), contacts.len(), "all of them have room");
    table
}

fn their_id(id: &Id) -> mainline::Id {
    mainline::Id::from_bytes(id.as_bytes()).expect("20 bytes")
}

criterion_group!(table, closest, fill, empty);
criterion_main!(table);
