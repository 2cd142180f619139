//! Nodes and the loop that drives them, from the making of it to its end.

use std::fmt;
use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use khashmir::{Config, Seed};

use crate::event_loop::EventLoop;
use crate::handle::Handle;
use crate::new_node::{NewNode, NotAdded};
use crate::post::{LastOne, Post};
use crate::udp::Udp;

/// Nodes and the loop that drives them.
///
/// Add nodes, then [`run`](Self::run) the loop on this thread or [`spawn`](Self::spawn) it on one of
/// its own. While it runs, [handles](Handle::add_at) add more. It ends when all its nodes have been
/// shut down.
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
        config.check()?;
        self.add_at(UdpSocket::bind(listen)?, NewNode::new(config, seed))
    }

    /// Adds a node at an IPv4 socket that is bound already: one that a service manager handed over,
    /// or whose port another program has chosen.
    ///
    /// # Errors
    /// [`NotAdded`] when the socket or the configuration cannot work.
    pub fn add_at(&mut self, socket: UdpSocket, node: NewNode) -> Result<Handle, NotAdded> {
        let udp = Udp::new(socket, node.receive_buffer)?;
        let made = node.make(udp.local_addr(), self.event_loop.now())?;
        let added = self.event_loop.add(udp, made)?;
        let (post, last_one) = (self.post.clone(), Arc::clone(&self.last_one));
        Ok(Handle::new(added, post, last_one))
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
