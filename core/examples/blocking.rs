//! A node on a plain socket that joins a network, stores a value and gets it back, for
//! `cargo run -p khashmir --example blocking -- [BOOTSTRAP]`; alone, it starts a node to join, too.
use khashmir::{Config, Event, Id, Instant, Node, OpId, Outcome, Seed, Value, wire::MAX_INCOMING};
use std::{env, error::Error, io, net::UdpSocket, sync::LazyLock, thread, time};

fn main() -> Result<(), Box<dyn Error>> {
    let bootstrap = if let Some(text) = env::args().nth(1) {
        text.parse().map_err(|error| format!("{text}: {error}"))?
    } else {
        let (mut first, socket) = open()?;
        let addr = socket.local_addr()?;
        thread::spawn(move || run(None, &mut first, &socket));
        addr
    };
    let (mut node, socket) = open()?;
    run(Some(node.join(now(), &[bootstrap])?), &mut node, &socket)?;
    node.contacts().next().ok_or("nobody answered")?;
    let (key, value) = (Id::hash_of(b"greeting"), Value::new(*b"hello")?);
    run(Some(node.put(now(), key, value)?), &mut node, &socket)?;
    let outcome = run(Some(node.get(now(), key)?), &mut node, &socket)?;
    let found = matches!(outcome, Outcome::Got { values: 1.., .. });
    found.then_some(()).ok_or("the value was not found".into())
}

fn open() -> Result<(Node, UdpSocket), Box<dyn Error>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let node = Node::new(Config::default(), Seed::new(seed), now())?;
    Ok((node, UdpSocket::bind("127.0.0.1:0")?))
}

fn now() -> Instant {
    static START: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);
    Instant::since_origin(START.elapsed())
}

/// The loop: it ends with the given command, or never.
fn run(until: Option<OpId>, node: &mut Node, socket: &UdpSocket) -> io::Result<Outcome> {
    let (mut outgoing, mut incoming) = (Vec::new(), [0; MAX_INCOMING]);
    loop {
        while let Some(event) = node.poll_event() {
            println!("{}: {event:?}", node.id());
            if let Event::Ended { op, outcome, .. } = event
                && Some(op) == until
            {
                return Ok(outcome);
            }
        }
        while let Some(transmit) = node.poll_transmit(&mut outgoing) {
            let _ = socket.send_to(&outgoing, transmit.to); // What cannot be sent is lost, as any may be.
        }
        let wait = |at: Instant| at.since(now()) + time::Duration::from_millis(1); // Never zero.
        socket.set_read_timeout(node.poll_timeout().map(wait))?;
        if let Ok((len, from)) = socket.recv_from(&mut incoming) {
            node.handle_datagram(now(), from, None, &incoming[..len]);
        }
        node.handle_timeout(now());
    }
}
