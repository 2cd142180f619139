//! Commands as futures, on one thread and with the standard library alone: each request of a node
//! becomes a future that is ready when its result is there.
//! `cargo run -p khashmir --example futures`
use khashmir::request::{Get, Join, Op, Put, Request};
use khashmir::{Abort, Config, Event, Id, Instant, Keep, Node, Refused, Seed, Value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let (first, second) = (Dht::open(0)?, Dht::open(1)?);
    let bootstrap = first.addr()?;
    let story = async {
        let joined = second
            .request(Join {
                bootstrap: vec![bootstrap],
            })
            .await?;
        println!("joined: {} contact(s)", joined.contacts);
        let (key, value) = (Id::hash_of(b"greeting"), Value::new(*b"hello")?);
        let keep = Keep::Once;
        let stored = second.request(Put { key, value, keep }).await?;
        println!("stored at {} node(s)", stored.len());
        Ok::<_, Box<dyn Error>>(second.request(Get::new(key)).await?)
    };
    let found = run(&[&first, &second], story)?;
    println!("found {found:?}");
    (found.len() == 1).then_some(()).ok_or("not found".into())
}

/// A node on a socket of its own, and the events that its futures have not seen yet.
struct Dht {
    node: RefCell<Node>,
    socket: UdpSocket,
    /// The events of each request under way, by its number.
    events: RefCell<BTreeMap<u64, Vec<Event>>>,
}

impl Dht {
    fn open(seed: u64) -> Result<Self, Box<dyn Error>> {
        let seed = Seed::from_number(seed); // A real node's seed comes from the system.
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        Ok(Self {
            node: Node::new(Config::default(), seed, now())?.into(),
            socket,
            events: RefCell::default(),
        })
    }

    fn addr(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Starts a request at once. Its result is that of the future, which has to be awaited or
    /// dropped; a dropped one cancels the request.
    async fn request<R: Request>(&self, request: R) -> Result<R::Output, RequestError> {
        let started = self.node.borrow_mut().request(now(), request);
        let mut op = started.map_err(RequestError::Refused)?;
        self.events
            .borrow_mut()
            .insert(op.id().number(), Vec::new());
        let cancel = Cancel {
            dht: self,
            op: op.id(),
            is_over: false.into(),
        };
        let result = poll_fn(|_| self.poll(&mut op)).await;
        cancel.is_over.set(true);
        result.map_err(RequestError::Aborted)
    }

    fn poll<R: Request>(&self, op: &mut Op<R>) -> Poll<Result<R::Output, Abort>> {
        let mut events = self.events.borrow_mut();
        let events = events.entry(op.id().number()).or_default();
        let result = events.drain(..).find_map(|event| op.handle_event(&event));
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// One turn of the loop that every driver is.
    fn turn(&self) {
        let (mut node, mut buffer) = (self.node.borrow_mut(), Vec::new());
        while let Some(transmit) = node.poll_transmit(&mut buffer) {
            let _ = self.socket.send_to(&buffer, transmit.to); // As if the network had lost it.
        }
        let mut datagram = [0; khashmir::wire::MAX_INCOMING];
        if let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            node.handle_datagram(now(), from, None, &datagram[..len]);
        }
        node.handle_timeout(now());
        while let Some(event) = node.poll_event() {
            let (Event::Ended { op, .. } | Event::Values { op, .. }) = event else {
                continue;
            };
            if let Some(events) = self.events.borrow_mut().get_mut(&op.number()) {
                events.push(event);
            }
        }
    }
}

/// Forgets a request that is over, and cancels one whose future was dropped.
struct Cancel<'d> {
    dht: &'d Dht,
    op: khashmir::OpId,
    is_over: Cell<bool>,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        self.dht.events.borrow_mut().remove(&self.op.number());
        if !self.is_over.get() {
            self.dht.node.borrow_mut().cancel(now(), self.op);
        }
    }
}

#[derive(Debug)]
enum RequestError {
    Refused(Refused),
    Aborted(Abort),
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Aborted(why) => write!(f, "ended before its time: {why:?}"),
        }
    }
}

impl Error for RequestError {}

/// Runs a future to its end, and the loops of the nodes meanwhile.
fn run<F: Future>(dhts: &[&Dht], future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        // Each turn may make the future ready: it is polled after every one, and needs no waker.
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
        dhts.iter().for_each(|dht| dht.turn());
    }
}

fn now() -> Instant {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    Instant::since_origin(START.elapsed())
}
