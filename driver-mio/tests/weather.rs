//! What sockets suffer and networks do: nobody at a port, garbage, names that lead nowhere yet.

#[allow(dead_code)]
mod common;

use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use common::{LOOPBACK, Nodes, PATIENCE, eventually, run};
use khashmir::{CallError, Command, Config, DropCause, Event, Outcome, Retry, Seed};
use khashmir_mio::{Driver, HostPort, NotAdded, Notice};

/// A config that does not wait long for those who are not there.
fn hasty() -> Config {
    let give_up = Duration::from_millis(150);
    Config {
        retry: Retry::Fixed {
            resend: vec![Duration::from_millis(50)],
            give_up,
        },
        rejoin_first: Duration::from_millis(200),
        ..Config::default()
    }
}

/// A port at loopback where nobody listens: datagrams to it are answered by ICMP, which the sending
/// socket may be told of.
fn closed_port() -> SocketAddr {
    let socket = UdpSocket::bind(LOOPBACK).expect("a free port");
    socket.local_addr().expect("it is bound")
}

#[test]
fn a_node_that_writes_to_closed_ports_works_on() {
    let nodes = Nodes::start([hasty(), hasty()]);
    let (anna, bert) = (&nodes.handles[0], &nodes.handles[1]);
    let closed: Vec<SocketAddr> = (0..8).map(|_| closed_port()).collect();
    for round in 0..3 {
        let pings: Vec<_> = closed
            .iter()
            .map(|addr| {
                let ping = Command::Ping { addr: *addr };
                anna.start(ping).expect("accepted")
            })
            .collect();
        let live = Command::Ping {
            addr: bert.local_addr(),
        };
        let over = run(anna, live);
        assert!(
            matches!(over.outcome, Outcome::Ping(Ok(pong)) if pong.id == bert.id()),
            "round {round}: {over:?}"
        );
        for ping in pings {
            let over = ping.wait_within(PATIENCE).expect("it ends");
            assert_eq!(over.outcome, Outcome::Ping(Err(CallError::Timeout)));
        }
    }
    nodes.stop();
}

#[test]
fn garbage_of_any_size_is_counted_and_harms_nobody() {
    let nodes = Nodes::start([hasty(), hasty()]);
    let (anna, bert) = (&nodes.handles[0], &nodes.handles[1]);
    let stranger = UdpSocket::bind(LOOPBACK).expect("a free port");
    let sizes = [0, 1, 100, 1472, 8192, 8193, 60_000];
    for size in sizes {
        let garbage = vec![b'x'; size];
        stranger
            .send_to(&garbage, anna.local_addr())
            .expect("loopback takes it");
    }
    eventually("all garbage has been dropped", || {
        let stats = anna.stats().expect("it runs");
        stats.dropped() == sizes.len() as u64
    });
    let too_long = DropCause::Malformed(khashmir::wire::Malformed::TooLong);
    assert_eq!(
        anna.stats().expect("it runs").drops.get(&too_long),
        Some(&2)
    );
    let addr = anna.local_addr();
    let over = run(bert, Command::Ping { addr });
    assert!(matches!(over.outcome, Outcome::Ping(Ok(_))));
    nodes.stop();
}

#[test]
fn a_burst_larger_than_a_turn_is_answered_whole() {
    let nodes = Nodes::start([hasty()]);
    let stranger = UdpSocket::bind(LOOPBACK).expect("a free port");
    stranger
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout");
    let sender = khashmir::Id::hash_of(b"stranger");
    let dialect = khashmir::wire::Dialect::Khashmir;
    // More than one turn takes, and fewer than fit a socket's buffer.
    for number in 0..150_u8 {
        let mut ping = Vec::new();
        dialect.encode_query(
            &[number; 20],
            &sender,
            &khashmir::wire::Query::Ping,
            &mut ping,
        );
        stranger
            .send_to(&ping, nodes.handles[0].local_addr())
            .expect("loopback takes it");
    }
    let mut answers = 0;
    let mut buffer = [0; 2048];
    while answers < 150 {
        let len = stranger.recv(&mut buffer).expect("every ping is answered");
        let answer = dialect.decode(&buffer[..len]).expect("an answer");
        answers += usize::from(matches!(answer, khashmir::wire::Message::Reply { .. }));
    }
    nodes.stop();
}

#[test]
fn a_node_keeps_trying_names_until_somebody_is_there() {
    let nodes = Nodes::start([hasty()]);
    let node = &nodes.handles[0];
    let (tell, told) = mpsc::channel();
    let tell_notice = move |notice| tell.send(notice).expect("listening");
    node.subscribe(tell_notice).expect("it runs");
    let SocketAddr::V4(addr) = closed_port() else {
        panic!("an IPv4 port was asked for");
    };
    let name = format!("localhost:{}", addr.port());
    let name: HostPort = name.parse().expect("a name");
    node.bootstrap(vec![name.clone()]).expect("it runs");
    let mut resolved = 0;
    let mut alone = 0;
    while alone < 2 || resolved < 2 {
        match told.recv_timeout(PATIENCE).expect("it keeps trying") {
            Notice::Resolved(known) => {
                assert_eq!(known.name, name);
                let addresses = known.addresses.expect("localhost is known everywhere");
                assert!(addresses.contains(&addr.into()), "{addresses:?}");
                resolved += 1;
            }
            Notice::Event(Event::Alone) => alone += 1,
            Notice::Disk(_) | Notice::Event(_) => {}
            _ => {}
        }
    }
    let mut driver = Driver::new().expect("a loop");
    let other = driver
        .add(addr, hasty(), Seed::from_number(9))
        .expect("the port is still free");
    driver.spawn().expect("a thread");
    let online = |notice| matches!(notice, Notice::Event(Event::Online { .. }));
    while !online(told.recv_timeout(PATIENCE).expect("it keeps trying")) {}
    let contacts = node.contacts().expect("it runs");
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].id, other.id());
    nodes.stop();
}

#[test]
fn a_port_in_use_is_an_error_and_not_a_panic() {
    let taken = UdpSocket::bind(LOOPBACK).expect("a free port");
    let Ok(SocketAddr::V4(addr)) = taken.local_addr() else {
        panic!("an IPv4 port was asked for");
    };
    let mut driver = Driver::new().expect("a loop");
    let added = driver.add(addr, Config::default(), Seed::from_number(1));
    assert!(
        matches!(&added, Err(NotAdded::Socket(error)) if error.kind() == std::io::ErrorKind::AddrInUse),
        "{added:?}"
    );
    let unsound = Config {
        alpha: 0,
        ..Config::default()
    };
    let added = driver.add(LOOPBACK, unsound, Seed::from_number(1));
    assert!(matches!(added, Err(NotAdded::Config(error)) if error.field == "alpha"));
    let nowhere = SocketAddrV4::new([192, 0, 2, 1].into(), 0);
    let added = driver.add(nowhere, Config::default(), Seed::from_number(1));
    assert!(matches!(added, Err(NotAdded::Socket(_))));
}
