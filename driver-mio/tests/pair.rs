//! Two nodes over real UDP: they join, and one stores what the other retrieves.

// Every test has need of another part of it.
#[allow(dead_code)]
mod common;

use common::{Nodes, eventually, get, put, run};
use khashmir::{Command, Config, Contact, Event, Id, Outcome, OwnStore, Value};
use khashmir_mio::{Driver, Gone, Handle, NotStarted, Waited};
use std::time::Duration;

fn two() -> (Nodes, Handle, Handle) {
    let nodes = Nodes::start([Config::default(), Config::default()]);
    let (anna, bert) = (nodes.handles[0].clone(), nodes.handles[1].clone());
    (nodes, anna, bert)
}

fn join(node: &Handle, through: &Handle) -> Outcome {
    let bootstrap = vec![through.local_addr()];
    run(node, Command::Join { bootstrap }).outcome
}

fn table(node: &Handle) -> Vec<Contact> {
    node.contacts().expect("it runs")
}

#[test]
fn after_one_join_each_table_holds_exactly_the_other() {
    let (nodes, anna, bert) = two();
    let Outcome::Join(joined) = join(&bert, &anna) else {
        panic!("a join ends as a join");
    };
    assert_eq!(joined.contacts, 1);
    assert_eq!(joined.seen_as.len(), 1);
    assert_eq!(joined.seen_as[0].seen_as, bert.local_addr());
    assert_eq!(table(&bert), [Contact::new(anna.id(), anna.local_addr())]);
    // Anna was asked, and asks back before she takes Bert in.
    eventually("anna knows somebody", || !table(&anna).is_empty());
    assert_eq!(table(&anna), [Contact::new(bert.id(), bert.local_addr())]);
    nodes.stop();
}

#[test]
fn what_one_stores_the_other_retrieves() {
    let (nodes, anna, bert) = two();
    join(&bert, &anna);
    eventually("anna knows somebody", || !table(&anna).is_empty());
    let key = Id::hash_of(b"a key");
    let values = [*b"one", *b"two"].map(|text| Value::new(text).expect("short"));
    for value in &values {
        let places = put(&bert, key, value);
        assert_eq!(places.len(), 2, "both are among the closest: {places:?}");
    }
    for own_store in [OwnStore::Include, OwnStore::LeaveOut] {
        for node in [&anna, &bert] {
            let mut found = get(node, key, own_store);
            found.sort();
            assert_eq!(found, values, "{node:?} {own_store:?}");
        }
    }
    assert_eq!(get(&anna, Id::hash_of(b"other"), OwnStore::Include), []);
    nodes.stop();
}

#[test]
fn many_threads_can_command_one_node() {
    let (nodes, anna, bert) = two();
    join(&bert, &anna);
    let threads: Vec<_> = (0..8_u8)
        .map(|number| {
            let bert = bert.clone();
            std::thread::spawn(move || {
                let key = Id::hash_of(&[number]);
                let value = Value::new([number]).expect("short");
                assert!(!put(&bert, key, &value).is_empty());
                assert_eq!(get(&bert, key, OwnStore::LeaveOut), [value]);
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("every thread finds its own value");
    }
    assert_eq!(anna.status().expect("it runs").values, 8);
    nodes.stop();
}

#[test]
fn a_command_can_be_cancelled_and_waited_for_with_a_limit() {
    let (nodes, anna, _) = two();
    // Bound, but nobody reads there, so nobody answers.
    let silent = std::net::UdpSocket::bind(common::LOOPBACK).expect("a free port");
    let addr = silent.local_addr().expect("it is bound");
    let mut ping = anna.start(Command::Ping { addr }).expect("accepted");
    let waited = ping.next_within(Duration::from_millis(20));
    assert_eq!(waited, Err(Waited::TooLong));
    assert_eq!(anna.cancel(ping.id()), Ok(true));
    assert!(matches!(ping.next(), Some(Event::Ended { .. })));
    assert_eq!(ping.next(), None);
    assert_eq!(anna.cancel(ping.id()), Ok(false));
    nodes.stop();
}

#[test]
fn a_node_that_is_shut_down_ends_its_commands_and_refuses_others() {
    let (nodes, anna, bert) = two();
    let silent = std::net::UdpSocket::bind(common::LOOPBACK).expect("a free port");
    let addr = silent.local_addr().expect("it is bound");
    let ping = anna.start(Command::Ping { addr }).expect("accepted");
    anna.shutdown().expect("it was running");
    let over = ping.wait_within(common::PATIENCE).expect("it ends");
    assert!(matches!(over.outcome, Outcome::Aborted(_)));
    assert_eq!(anna.status(), Err(Gone));
    let refused = anna.start(Command::FindClose);
    assert_eq!(refused.err(), Some(NotStarted::Gone));
    assert!(bert.status().is_ok(), "the other runs on");
    drop(nodes);
}

#[test]
fn a_loop_that_nobody_can_reach_any_more_ends() {
    let mut driver = Driver::new().expect("a loop");
    let seed = khashmir::Seed::from_number(1);
    let node = driver
        .add(common::LOOPBACK, Config::default(), seed)
        .expect("a free port");
    let another = node.clone();
    let running = driver.spawn().expect("a thread");
    drop(node);
    assert!(another.status().is_ok(), "one handle is enough");
    drop(another);
    let ended = running.join().expect("the loop does not panic");
    assert!(ended.is_ok());
}

#[test]
fn a_journal_holds_nothing_up_where_memory_is_all_there_is() {
    let config = || Config {
        journal: khashmir::Journal::On,
        ..Config::default()
    };
    let nodes = Nodes::start([config(), config()]);
    let (anna, bert) = (&nodes.handles[0], &nodes.handles[1]);
    join(bert, anna);
    let key = Id::hash_of(b"a key");
    let value = Value::new(*b"a value").expect("short");
    assert_eq!(put(bert, key, &value).len(), 2);
    assert_eq!(get(bert, key, OwnStore::LeaveOut), [value]);
    nodes.stop();
}
