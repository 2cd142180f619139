//! Tests of a node at a socket that does as it is told.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use khashmir::{Abort, Config, Outcome, Seed};

use super::*;
use crate::observer::Unobserved;
use crate::socket::fake::Script;

fn at(millis: u64) -> Instant {
    Instant::since_origin(Duration::from_millis(millis))
}

fn addr(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 9977).into()
}

fn host() -> Host<Script> {
    let config = Config::default();
    let node = Node::new(config, Seed::from_number(1), at(0)).expect("a sound config");
    let nobody: AskNames = Box::new(|_, _| {});
    Host::new(node, Script::default(), Box::new(Unobserved), nobody)
}

fn ping(host: &mut Host<Script>, last: u8) -> Receiver<Event> {
    let (tell, told) = mpsc::channel();
    let tell: TellEvent = Box::new(move |event| tell.send(event).expect("listening"));
    let command = Command::Ping { addr: addr(last) };
    host.start(at(0), command, tell).expect("accepted");
    host.settle(at(0));
    told
}

fn sent_to(host: &Host<Script>) -> Vec<SocketAddr> {
    let sent = host.socket.sent.borrow();
    sent.iter().map(|(to, _)| *to).collect()
}

#[test]
fn a_full_socket_keeps_the_datagram_until_it_is_writable() {
    let mut host = host();
    let errors = &host.socket.send_errors;
    errors.borrow_mut().push_back(ErrorKind::WouldBlock.into());
    ping(&mut host, 1);
    ping(&mut host, 2);
    assert_eq!(sent_to(&host), []);
    assert!(!host.is_busy(), "it waits for the socket");
    host.set_writable();
    assert!(host.is_busy());
    host.settle(at(1));
    assert_eq!(sent_to(&host), [addr(1), addr(2)]);
    assert!(!host.is_busy());
}

#[test]
fn a_system_without_buffers_is_asked_again_after_a_pause() {
    let mut host = host();
    let errors = &host.socket.send_errors;
    errors.borrow_mut().push_back(ErrorKind::OutOfMemory.into());
    ping(&mut host, 1);
    assert_eq!(sent_to(&host), []);
    assert_eq!(host.deadline(), Some(at(20)));
    host.due(at(19));
    assert_eq!(sent_to(&host), []);
    host.due(at(20));
    assert_eq!(sent_to(&host), [addr(1)]);
}

#[test]
fn a_datagram_that_cannot_be_sent_is_lost_and_the_next_is_not() {
    let mut host = host();
    let errors = &host.socket.send_errors;
    errors
        .borrow_mut()
        .push_back(ErrorKind::PermissionDenied.into());
    ping(&mut host, 1);
    ping(&mut host, 2);
    assert_eq!(sent_to(&host), [addr(2)]);
    let stats = host.sends.stats(None);
    assert_eq!((stats.sent, stats.refused), (1, 1));
    assert!(stats.refuses_all().is_none(), "it took one");
    let stats = host.node.stats();
    assert_eq!((stats.datagrams_out, stats.datagrams_sent()), (2, 1));
}

#[test]
fn a_turn_takes_no_more_than_its_share() {
    let mut host = host();
    let garbage = || Ok((b"garbage".to_vec(), addr(1)));
    let many = Host::<Script>::RECEIVE_BURST + 1;
    host.socket
        .incoming
        .borrow_mut()
        .extend((0..many).map(|_| garbage()));
    let mut inbox = Inbox::new();
    host.set_readable();
    host.receive(at(1), &mut inbox);
    assert!(host.is_busy(), "there is more to read");
    assert_eq!(host.node.stats().datagrams_in as usize, many - 1);
    host.receive(at(2), &mut inbox);
    assert!(!host.is_busy());
    assert_eq!(host.node.stats().datagrams_in as usize, many);
}

#[test]
fn reports_are_read_over_and_trouble_makes_a_pause() {
    let mut host = host();
    host.socket.incoming.borrow_mut().extend([
        Err(ErrorKind::ConnectionRefused.into()),
        Ok((b"garbage".to_vec(), addr(1))),
        Err(io::Error::other("the card is on fire")),
        Ok((b"garbage".to_vec(), addr(1))),
    ]);
    let mut inbox = Inbox::new();
    host.set_readable();
    host.receive(at(1), &mut inbox);
    assert_eq!(host.node.stats().datagrams_in, 1);
    assert!(!host.is_busy() && host.deadline() == Some(at(21)));
    host.due(at(21));
    host.receive(at(21), &mut inbox);
    assert_eq!(host.node.stats().datagrams_in, 2);
}

#[test]
fn a_host_that_is_shut_down_tells_and_sends_before_it_is_over() {
    let mut host = host();
    let errors = &host.socket.send_errors;
    errors.borrow_mut().push_back(ErrorKind::WouldBlock.into());
    let told = ping(&mut host, 1);
    host.shut_down(at(5));
    host.settle(at(5));
    let ended = told.try_recv().expect("it has ended");
    assert!(matches!(
        ended,
        Event::Ended {
            outcome: Outcome::Aborted(Abort::ShutDown),
            ..
        }
    ));
    assert!(!host.is_over(at(5)), "a datagram waits");
    host.set_writable();
    host.settle(at(6));
    assert_eq!(sent_to(&host), [addr(1)]);
    assert!(host.is_over(at(6)));
}

#[test]
fn names_are_resolved_for_joining_and_again_when_nobody_answers() {
    let mut host = host();
    let rounds = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&rounds);
    host.ask_names = Box::new(move |round, names| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        asked.lock().expect("alone").push((round, names));
    });
    let name: HostPort = "n.example:9977".parse().expect("a name");
    host.begin_bootstrap(at(0), vec![name.clone()]);
    let known = |last| Resolved {
        name: name.clone(),
        addresses: Ok(vec![addr(last)]),
    };
    host.resolved(at(10), 1, &known(1));
    host.settle(at(10));
    assert_eq!(sent_to(&host), [addr(1)], "it greets");
    let mut now = at(10);
    while rounds.lock().expect("alone").len() < 2 {
        now = host.deadline().expect("it goes on");
        assert!(now < at(60_000), "it must be alone by now");
        host.due(now);
    }
    host.resolved(now, 2, &known(2));
    host.settle(now);
    while !sent_to(&host).contains(&addr(2)) {
        now = host.deadline().expect("it goes on");
        assert!(now < at(120_000), "it must have tried again by now");
        host.due(now);
    }
    let asked = rounds.lock().expect("alone").clone();
    let names = vec!["n.example:9977".to_owned()];
    assert_eq!(asked[..2], [(1, names.clone()), (2, names)]);
}
