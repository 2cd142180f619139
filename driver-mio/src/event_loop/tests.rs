//! Tests of the loop's turns.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::mpsc;
use std::thread;

use khashmir::{Command, Config, Event, Seed};

use super::*;
use crate::new_node::NewNode;
use crate::observer::Observer;

const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

fn add(event_loop: &mut EventLoop, node: NewNode) -> SocketAddr {
    let socket = UdpSocket::bind(LOOPBACK).expect("a free port");
    let udp = Udp::new(socket, 1 << 16).expect("a sound socket");
    let addr = udp.local_addr();
    let made = node.make(addr, event_loop.now()).expect("sound");
    event_loop.add(udp, made).expect("a free token");
    addr
}

/// Asks something of the loop from another thread's place, at the worst moment: when it has looked
/// at what is asked and goes on to the sockets.
struct LateAsker {
    post: Post,
    answer: mpsc::Sender<()>,
}

impl Observer for LateAsker {
    fn received(&mut self, _from: SocketAddr, _datagram: &[u8]) {
        let answer = self.answer.clone();
        let errand = move |_: &mut Host, _| answer.send(()).expect("the test listens");
        let input = Input::With(0, Box::new(errand));
        self.post.send(input).expect("the loop is there");
    }
}

#[test]
fn who_asks_while_timers_are_due_is_heard_before_the_loop_sleeps() {
    let config = Config {
        first_checkpoint: Duration::from_millis(1),
        checkpoint: Duration::from_secs(5),
        ..Config::default()
    };
    let (mut event_loop, post) = EventLoop::new().expect("a loop");
    let (answer, answered) = mpsc::channel();
    let asker = Box::new(LateAsker { post, answer });
    let node = NewNode::new(config, Seed::from_number(1)).observed_by(asker);
    let addr = add(&mut event_loop, node);

    let stranger = UdpSocket::bind(LOOPBACK).expect("a free port");
    let sent = stranger.send_to(b"garbage", addr);
    sent.expect("loopback takes it");
    thread::sleep(Duration::from_millis(20));
    let mut events = Events::with_capacity(EVENTS);
    event_loop.turn(&mut events).expect("a turn");
    let since = std::time::Instant::now();
    event_loop.turn(&mut events).expect("a turn");
    assert_eq!(answered.try_recv(), Ok(()));
    assert!(since.elapsed() < Duration::from_secs(2), "it slept on it");
}

/// Tells of what is sent and of what has ended.
struct Watcher(mpsc::Sender<Watched>);

#[derive(Debug, PartialEq, Eq)]
enum Watched {
    Sent(Vec<u8>),
    Ended,
}

impl Observer for Watcher {
    fn sent(&mut self, _to: SocketAddr, datagram: &[u8]) {
        let sent = Watched::Sent(datagram.to_vec());
        self.0.send(sent).expect("the test listens");
    }

    fn event(&mut self, event: &Event) {
        if event.ends().is_some() {
            self.0.send(Watched::Ended).expect("the test listens");
        }
    }
}

#[test]
fn a_call_that_is_open_while_the_machine_sleeps_is_made_again_and_does_not_fail() {
    let (mut event_loop, post) = EventLoop::new().expect("a loop");
    let (tell, watched) = mpsc::channel();
    let watcher = Box::new(Watcher(tell));
    let node = NewNode::new(Config::default(), Seed::from_number(1)).observed_by(watcher);
    add(&mut event_loop, node);
    let silent = UdpSocket::bind(LOOPBACK).expect("a free port");
    let addr = silent.local_addr().expect("it is bound");
    let ping = move |host: &mut Host, now| {
        let ping = Command::Ping { addr };
        host.start(now, ping, Box::new(|_| {})).expect("accepted");
    };
    post.send(Input::With(0, Box::new(ping)))
        .expect("the loop is there");
    let mut events = Events::with_capacity(EVENTS);
    event_loop.turn(&mut events).expect("a turn");
    let query = watched.try_recv().expect("the ping was sent");
    assert!(matches!(query, Watched::Sent(_)));

    event_loop.clock.sleep(Duration::from_secs(4 * 3600));
    event_loop.turn(&mut events).expect("a turn");
    assert_eq!(watched.try_recv(), Ok(query), "the same is sent again");
    assert!(watched.try_recv().is_err(), "nothing has ended");
}

#[test]
fn a_datagram_that_leaves_the_socket_does_not_wake_the_loop() {
    let (mut event_loop, post) = EventLoop::new().expect("a loop");
    add(
        &mut event_loop,
        NewNode::new(Config::default(), Seed::from_number(1)),
    );
    let peer = UdpSocket::bind(LOOPBACK).expect("a free port");
    let addr = peer.local_addr().expect("it is bound");
    let ping = move |host: &mut Host, now| {
        let ping = Command::Ping { addr };
        host.start(now, ping, Box::new(|_| {})).expect("accepted");
    };
    post.send(Input::With(0, Box::new(ping)))
        .expect("the loop is there");
    let mut events = Events::with_capacity(EVENTS);
    event_loop.turn(&mut events).expect("a turn");
    peer.recv(&mut [0; 1500]).expect("the ping arrives");
    let patience = Duration::from_millis(50);
    event_loop.wait(&mut events, patience).expect("a poll");
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn a_socket_that_was_full_sends_on_when_it_has_room() {
    let (mut event_loop, _post) = EventLoop::new().expect("a loop");
    add(
        &mut event_loop,
        NewNode::new(Config::default(), Seed::from_number(1)),
    );
    let peer = UdpSocket::bind(LOOPBACK).expect("a free port");
    let waited = peer.set_read_timeout(Some(Duration::from_secs(10)));
    waited.expect("a timeout");
    let to = peer.local_addr().expect("it is bound");
    for datagram in [b"first", b"again"] {
        let host = event_loop.hosts.get_mut(&0).expect("it was added");
        host.pretend_full(to, datagram);
        event_loop.reschedule(0, Instant::ORIGIN);
        assert!(event_loop.blocked.contains(&0));
        let mut events = Events::with_capacity(EVENTS);
        event_loop.turn(&mut events).expect("a turn");
        let mut buffer = [0; 16];
        let length = peer.recv(&mut buffer).expect("it was sent");
        assert_eq!(buffer.get(..length), Some(&datagram[..]));
        assert!(event_loop.blocked.is_empty());
    }
}
