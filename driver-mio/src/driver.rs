//! Nodes and the loop that drives them, from the making of it to its end.

use std::fmt;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use khashmir::{Config, ConfigError, Node, Seed};
use mio::net::UdpSocket;

use crate::event_loop::EventLoop;
use crate::handle::Handle;
use crate::host::{AskNames, Host};
use crate::observer::{Observer, Unobserved};
use crate::post::{Input, LastOne, Post};
use crate::resolve::resolve;

/// Nodes and the loop that drives them.
///
/// Add nodes, then [`run`](Self::run) the loop on this thread or [`spawn`](Self::spawn) it on one of
/// its own. It ends when all its nodes have been shut down.
pub struct Driver {
    event_loop: EventLoop,
    post: Post,
    last_one: Arc<LastOne>,
}

impl Driver {
    /// A loop without nodes.
    ///
    /// # Errors
    /// When the system has no means to wait for sockets left.
    pub fn new() -> io::Result<Self> {
        let (event_loop, post) = EventLoop::new()?;
        let last_one = Arc::new(LastOne::new(post.clone()));
        Ok(Self {
            event_loop,
            post,
            last_one,
        })
    }

    /// Adds a node that listens there; port 0 takes any that is free. A node at a definite address
    /// knows that for its own, unless the configuration names another.
    ///
    /// # Errors
    /// [`NotAdded`] when the address cannot be had, or the configuration cannot work.
    pub fn add(
        &mut self,
        listen: SocketAddrV4,
        config: Config,
        seed: Seed,
    ) -> Result<Handle, NotAdded> {
        self.add_observed(listen, config, seed, Box::new(Unobserved))
    }

    /// The same, with somebody who watches.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn add_observed(
        &mut self,
        listen: SocketAddrV4,
        mut config: Config,
        seed: Seed,
        observer: Box<dyn Observer>,
    ) -> Result<Handle, NotAdded> {
        config.check()?;
        let mut socket = UdpSocket::bind(SocketAddr::V4(listen))?;
        let local_addr = socket.local_addr()?;
        if !local_addr.ip().is_unspecified() {
            config.address = config.address.or(Some(local_addr));
        }
        let no = self.event_loop.watch(&mut socket)?;
        let node = Node::new(config, seed, self.event_loop.now())?;
        let id = node.id();
        let names = asker_of_names(self.post.clone(), no);
        let host = Host::new(node, socket, observer, names);
        self.event_loop.add(no, host);
        let (post, last_one) = (self.post.clone(), Arc::clone(&self.last_one));
        Ok(Handle::new(no, id, local_addr, post, last_one))
    }

    /// Runs until all nodes have been shut down.
    ///
    /// # Errors
    /// When the system fails to say what the sockets are doing. What single sockets suffer is
    /// survived.
    pub fn run(self) -> io::Result<()> {
        // From now on, handles alone keep the nodes up.
        drop(self.last_one);
        self.event_loop.run()
    }

    /// Runs on a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn spawn(self) -> io::Result<JoinHandle<io::Result<()>>> {
        let named = thread::Builder::new().name("khashmir".into());
        named.spawn(move || self.run())
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

/// What resolves names for a host, and brings the answers back into the loop.
fn asker_of_names(post: Post, no: usize) -> AskNames {
    Box::new(move |round, names| {
        let post = post.clone();
        resolve(names.iter().cloned(), move |resolved| {
            let errand = Box::new(move |host: &mut Host, now| {
                host.resolved(now, round, &resolved);
            });
            // A loop that is over needs no names.
            let _ = post.send(Input::With(no, errand));
        });
    })
}

/// Why a node could not be added to a loop.
#[derive(Debug)]
pub enum NotAdded {
    /// Its configuration cannot work.
    Config(ConfigError),
    /// Its socket cannot be had.
    Socket(io::Error),
}

impl From<ConfigError> for NotAdded {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<io::Error> for NotAdded {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Socket(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotAdded {}
