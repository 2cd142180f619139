//! Servers for a load: a node behind our driver, and a loop that does nothing but echo.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use cpu_time::ThreadTime;
use khashmir::wire::Query;
use khashmir::{Command, Config, Id, Seed};
use khashmir_mio::{Driver, Handle};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use crate::{DIALECT, TID, key, sharing, stranger, written};

/// Any port of this host alone.
const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// The question that ours is asked.
#[must_use]
pub fn question() -> Vec<u8> {
    let sender = stranger(0).id;
    written(|out| DIALECT.encode_query(&TID, &sender, &Query::FindNode { target: key() }, out))
}

/// A node on a thread of its own, and others that it knows on another thread.
#[derive(Debug)]
pub struct Ours {
    node: Handle,
    /// They live as long as their handles.
    _others: Vec<Handle>,
}

impl Ours {
    /// A node that knows that many others, eight in each bucket as far as they reach.
    ///
    /// # Errors
    /// When a socket or a thread is missing, or somebody does not answer.
    pub fn start(contacts: usize) -> Result<Self, Box<dyn Error>> {
        let own = Id::hash_of(b"own");
        let with_id = |id| Config {
            id: Some(id),
            ..Config::default()
        };
        let mut driver = Driver::new()?;
        let node = driver.add(LOOPBACK, with_id(own), Seed::from_number(0))?;
        let mut neighbours = Driver::new()?;
        let mut others = Vec::new();
        for number in 0..contacts {
            let id = sharing(&own, number / Config::default().k, number);
            let seed = Seed::from_number(number as u64 + 1);
            others.push(neighbours.add(LOOPBACK, with_id(id), seed)?);
        }
        driver.spawn()?;
        neighbours.spawn()?;
        for other in &others {
            let addr = other.local_addr();
            node.start(Command::AddContact { addr })?.wait()?;
        }
        assert_eq!(node.contacts()?.len(), contacts, "all are known");
        Ok(Self {
            node,
            _others: others,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.node.local_addr()
    }

    /// The time that its thread has had of a processor.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> io::Result<Duration> {
        let look = self.node.look(|_, _| ThreadTime::now().as_duration());
        look.map_err(io::Error::other)
    }
}

/// A loop over mio that answers every datagram with the same one.
#[derive(Debug)]
pub struct Echo {
    addr: SocketAddr,
    times: Receiver<Duration>,
}

/// A datagram that asks an echo for the time that its thread has had.
const TIME: &[u8] = b"t";
/// One that ends it.
const END: &[u8] = b"e";

impl Echo {
    /// Starts one on a thread of its own.
    ///
    /// # Errors
    /// When a socket or a thread is missing.
    pub fn start(answer: Vec<u8>) -> io::Result<Self> {
        let socket = UdpSocket::bind(LOOPBACK.into())?;
        let addr = socket.local_addr()?;
        let (tell, times) = mpsc::channel();
        let named = thread::Builder::new().name("echo".into());
        named.spawn(move || echo(socket, &answer, &tell))?;
        Ok(Self { addr, times })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The time that its thread has had of a processor.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> io::Result<Duration> {
        self.say(TIME)?;
        let patience = Duration::from_secs(5);
        self.times.recv_timeout(patience).map_err(io::Error::other)
    }

    fn say(&self, what: &[u8]) -> io::Result<()> {
        let socket = std::net::UdpSocket::bind(LOOPBACK)?;
        socket.send_to(what, self.addr).map(drop)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // At worst it goes on until the process ends.
        let _ = self.say(END);
    }
}

fn echo(mut socket: UdpSocket, answer: &[u8], tell: &Sender<Duration>) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let interest = Interest::READABLE;
    poll.registry().register(&mut socket, Token(0), interest)?;
    let mut events = Events::with_capacity(16);
    let mut buffer = vec![0; 65_535];
    loop {
        poll.poll(&mut events, None)?;
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            match buffer.get(..len) {
                Some(TIME) => drop(tell.send(ThreadTime::now().as_duration())),
                Some(END) => return Ok(()),
                // One that does not fit into the peer's buffer is lost, as with any server.
                Some(_) | None => drop(socket.send_to(answer, from)),
            }
        }
    }
}
