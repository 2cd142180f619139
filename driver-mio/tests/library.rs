//! What programs do with the library beside running a node from its beginning: going on from a
//! snapshot, handing over a socket, adding nodes to a loop that runs, and listening for a while.

#[allow(dead_code)]
mod common;

use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::Duration;

use common::{LOOPBACK, Nodes, eventually, get, put, run};
use khashmir::{Command, Config, Id, Outcome, OwnStore, Seed, Value};
use khashmir_mio::{Driver, HostPort, NewNode, NotAdded, Notice, system_seed};

fn bound() -> UdpSocket {
    UdpSocket::bind(LOOPBACK).expect("a free port")
}

fn join(bootstrap: &khashmir_mio::Handle) -> Command {
    Command::Join {
        bootstrap: vec![bootstrap.local_addr()],
    }
}

#[test]
fn a_node_goes_on_from_a_snapshot_at_a_socket_that_was_bound_before() {
    let nodes = Nodes::start([Config::default(), Config::default()]);
    let (anna, bert) = (&nodes.handles[0], &nodes.handles[1]);
    run(bert, join(anna));
    let (key, value) = (Id::hash_of(b"key"), Value::new(*b"value").expect("short"));
    put(bert, key, &value);
    let (id, snapshot) = (bert.id(), bert.snapshot().expect("it runs"));
    bert.shutdown().expect("it runs");
    let socket = bound();
    let addr = socket.local_addr().expect("it is bound");

    let mut driver = Driver::new().expect("a loop");
    let seed = system_seed().expect("the system has randomness");
    let restored = NewNode::new(Config::default(), seed).restore(snapshot, Duration::from_secs(1));
    let bert = driver.add_at(socket, restored).expect("a sound node");
    driver.spawn().expect("a thread");
    assert_eq!((bert.id(), bert.local_addr()), (id, addr));
    assert_eq!(bert.contacts().expect("it runs")[0].id, anna.id());
    assert_eq!(get(&bert, key, OwnStore::Include), [value]);
    anna.shutdown().expect("it runs");
}

#[test]
fn a_node_can_be_added_while_the_loop_runs_and_keeps_it_up() {
    let nodes = Nodes::start([Config::default()]);
    let anna = &nodes.handles[0];
    let new = NewNode::new(Config::default(), Seed::from_number(2));
    let bert = anna.add_at(bound(), new).expect("a sound node");
    let over = run(&bert, join(anna));
    assert!(matches!(over.outcome, Outcome::Join(joined) if joined.contacts == 1));
    anna.shutdown().expect("it runs");
    eventually("the first node is gone", || anna.status().is_err());
    let new = NewNode::new(Config::default(), Seed::from_number(3));
    let carl = anna.add_at(bound(), new).expect("the loop goes on");
    let over = run(&carl, join(&bert));
    assert!(matches!(over.outcome, Outcome::Join(joined) if joined.contacts >= 1));
    carl.shutdown().expect("it runs");
    bert.shutdown().expect("it runs");
    eventually("the loop is over", || {
        let new = NewNode::new(Config::default(), Seed::from_number(4));
        match bert.add_at(bound(), new) {
            // It came before the last ones were gone.
            Ok(late) => late.shutdown().is_err(),
            Err(error) => matches!(error, NotAdded::Gone),
        }
    });
}

#[test]
fn what_cannot_be_added_leaves_the_loop_as_it_was() {
    let nodes = Nodes::start([Config::default()]);
    let anna = &nodes.handles[0];
    let unsound = Config {
        alpha: 0,
        ..Config::default()
    };
    let added = anna.add_at(bound(), NewNode::new(unsound, Seed::from_number(2)));
    assert!(matches!(added, Err(NotAdded::Config(error)) if error.field == "alpha"));
    if let Ok(socket) = UdpSocket::bind("[::1]:0") {
        let new = NewNode::new(Config::default(), Seed::from_number(2));
        let added = anna.add_at(socket, new);
        assert!(matches!(added, Err(NotAdded::Socket(_))), "{added:?}");
    }
    assert!(anna.status().is_ok());
    nodes.stop();
}

#[test]
fn who_has_unsubscribed_hears_nothing_more() {
    let nodes = Nodes::start([Config::default()]);
    let node = &nodes.handles[0];
    let (tell, told) = mpsc::channel();
    let tell_other = tell.clone();
    let subscription = node
        .subscribe(move |_| tell.send("ended").expect("the test listens"))
        .expect("it runs");
    node.subscribe(move |notice| {
        if let Notice::Resolved(_) = notice {
            tell_other.send("goes on").expect("the test listens");
        }
    })
    .expect("it runs");
    assert_eq!(node.unsubscribe(subscription), Ok(true));
    assert_eq!(node.unsubscribe(subscription), Ok(false));
    let name: HostPort = "127.0.0.1:1".parse().expect("a name");
    node.bootstrap(vec![name]).expect("it runs");
    assert_eq!(told.recv_timeout(common::PATIENCE), Ok("goes on"));
    nodes.stop();
}

#[test]
fn the_socket_says_what_it_has_gone_through() {
    let mut driver = Driver::new().expect("a loop");
    let new = NewNode::new(Config::default(), Seed::from_number(1)).receive_buffer(4096);
    let node = driver.add_at(bound(), new).expect("a sound node");
    // The loop does not run yet: what does not fit into the buffer is lost.
    let stranger = bound();
    let flood = 200;
    for _ in 0..flood {
        let sent = stranger.send_to(&[b'x'; 1000], node.local_addr());
        sent.expect("loopback takes it");
    }
    let running = driver.spawn().expect("a thread");
    let mut arrived = 0;
    eventually("all that is there was read", || {
        let before = arrived;
        std::thread::sleep(Duration::from_millis(50));
        arrived = node.stats().expect("it runs").datagrams_in;
        arrived > 0 && arrived == before
    });
    let stats = node.socket_stats().expect("it runs");
    assert!(stats.receive_buffer.expect("it is known") < 1 << 16);
    assert!(arrived < flood, "the buffer is small");
    if cfg!(target_os = "linux") {
        assert_eq!(stats.dropped_by_system, Some(flood - arrived));
    }
    assert!(stats.refuses_all().is_none());
    node.shutdown().expect("it runs");
    running.join().expect("no panic").expect("no failure");
}
