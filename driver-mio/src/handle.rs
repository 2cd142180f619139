//! What other threads hold of a node in the loop: commands go in, events come out.

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, mpsc};

use khashmir::{
    Command, Contact, Event, Id, Instant, Node, OpId, Refused, Snapshot, Stats, Status,
};

use crate::disk::DiskStats;
use crate::gone::Gone;
use crate::host::Host;
use crate::name::HostPort;
use crate::new_node::{NewNode, NotAdded};
use crate::operation::Operation;
use crate::post::{Added, Addition, Input, LastOne, Post};
use crate::socket_stats::SocketStats;
use crate::subscription::{Notice, Subscription};
use crate::system_drops::SystemDrops;
use crate::udp::Udp;

/// Talks to one node of a running [`Driver`](crate::Driver) from any thread.
///
/// Its methods wait for the loop to take notice, which it does at once; so they must not be called
/// on the loop's own thread, from within something that it calls, nor before the loop runs. When
/// the last handle to any of its nodes is dropped, the loop shuts all of them down.
#[derive(Clone)]
pub struct Handle {
    no: usize,
    id: Id,
    local_addr: SocketAddr,
    drops: Option<SystemDrops>,
    post: Post,
    /// Held for what its end sets off.
    last_one: Arc<LastOne>,
}

impl Handle {
    pub(crate) fn new(added: Added, post: Post, last_one: Arc<LastOne>) -> Self {
        Self {
            no: added.no,
            id: added.id,
            local_addr: added.local_addr,
            drops: added.drops,
            post,
            last_one,
        }
    }

    /// The node's identifier.
    #[must_use]
    pub const fn id(&self) -> Id {
        self.id
    }

    /// The address that its socket is bound to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    // ---- commands

    /// Starts a command.
    ///
    /// # Errors
    /// [`NotStarted`] when the node refuses it, or is gone.
    pub fn start(&self, command: Command) -> Result<Operation, NotStarted> {
        let (tell, events) = mpsc::channel();
        let id = self.start_with(command, move |event| {
            // No thread has to wait for an operation.
            let _ = tell.send(event);
        })?;
        Ok(Operation::new(id, events))
    }

    /// Starts a command, of each of whose events `tell` is told on the loop's thread, so that many
    /// commands can report to one place.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_with(
        &self,
        command: Command,
        tell: impl FnMut(Event) + Send + 'static,
    ) -> Result<OpId, NotStarted> {
        let started = self.ask(move |host, now| host.start(now, command, Box::new(tell)))?;
        started.map_err(NotStarted::Refused)
    }

    /// Joins a network through these hosts. Their names are resolved on other threads, at once and
    /// again whenever the node finds itself alone, has lost most of its contacts, or has a bootstrap
    /// address that does not answer. It keeps trying those that do not, for ever.
    ///
    /// How that goes, [notices](Self::subscribe) tell: what each name stands for, the end of the
    /// first join, and from then on [`Event::Online`] and [`Event::Alone`].
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn bootstrap(&self, hosts: Vec<HostPort>) -> Result<(), Gone> {
        self.ask(move |host, now| host.begin_bootstrap(now, hosts))
    }

    /// Ends a command before its time, or stops keeping the value of a put; false when there is
    /// nothing to end.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn cancel(&self, op: OpId) -> Result<bool, Gone> {
        self.ask(move |host, now| host.node.cancel(now, op))
    }

    /// Leaves the network; joining works again.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn leave(&self) -> Result<(), Gone> {
        self.ask(Host::leave)
    }

    /// Ends the node: its commands end, what waits to be sent still is, and its socket is closed.
    /// The loop is over when all its nodes are.
    ///
    /// # Errors
    /// [`Gone`] when the node is already.
    pub fn shutdown(&self) -> Result<(), Gone> {
        self.ask(Host::shut_down)
    }

    // ---- looks

    /// Lets `tell` know of everything that belongs to no operation, on the loop's thread, from now
    /// on.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn subscribe(
        &self,
        tell: impl FnMut(Notice) + Send + 'static,
    ) -> Result<Subscription, Gone> {
        self.ask(move |host, _| host.listen(Box::new(tell)))
    }

    /// Ends a subscription of this node: when this returns, nothing more is told. False when it has
    /// ended before.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn unsubscribe(&self, subscription: Subscription) -> Result<bool, Gone> {
        self.ask(move |host, _| host.stop_listening(subscription))
    }

    /// Has a look at the node, on the loop's thread, which waits for it.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Node, Instant) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        self.ask(move |host, now| look(&host.node, now))
    }

    /// How the node stands.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn status(&self) -> Result<Status, Gone> {
        self.look(Node::status)
    }

    /// Its counters.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn stats(&self) -> Result<Stats, Gone> {
        self.look(|node, _| node.stats().clone())
    }

    /// What its socket has gone through.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn socket_stats(&self) -> Result<SocketStats, Gone> {
        let mut stats = self.ask(|host, _| host.socket_stats())?;
        // This reads a list of all sockets of the machine: the loop need not wait for that.
        stats.dropped_by_system = self.drops.as_ref().and_then(SystemDrops::count);
        Ok(stats)
    }

    /// How the writing goes, if it was made with a [disk](NewNode::durable).
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn disk_stats(&self) -> Result<Option<DiskStats>, Gone> {
        self.ask(|host, _| host.disk_stats())
    }

    /// The contacts in its table.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn contacts(&self) -> Result<Vec<Contact>, Gone> {
        self.look(|node, _| node.contacts().collect())
    }

    /// Everything about it that is worth keeping. Its values are copied in parts, between which the
    /// loop goes on.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn snapshot(&self) -> Result<Snapshot, Gone> {
        let mut snapshot = self.look(|node, now| {
            let mut snapshot = node.contacts_snapshot(now);
            node.snapshot_kept(&mut snapshot);
            snapshot
        })?;
        let mut after = None;
        loop {
            (snapshot, after) = self.look(move |node, now| {
                let after = node.snapshot_values(now, &mut snapshot, after, VALUES_AT_ONCE);
                (snapshot, after)
            })?;
            if after.is_none() {
                return Ok(snapshot);
            }
        }
    }

    // ---- other nodes

    /// Adds a node to the loop that this one runs in, as [`Driver::add_at`](crate::Driver::add_at)
    /// does before the loop runs.
    ///
    /// # Errors
    /// [`NotAdded`] when the socket or the configuration cannot work, or the loop is over.
    pub fn add_at(&self, socket: UdpSocket, node: NewNode) -> Result<Self, NotAdded> {
        let udp = Udp::new(socket, node.receive_buffer)?;
        let (answer, answered) = mpsc::sync_channel(1);
        self.post.send(Input::TellTime(answer))?;
        let now = answered.recv().map_err(|_| Gone)?;
        // To restore a large store takes its time, as does a disk: the loop need not wait for that.
        let made = node.make(udp.local_addr(), now)?;
        let (answer, answered) = mpsc::sync_channel(1);
        let addition = Addition { udp, made, answer };
        self.post.send(Input::Add(Box::new(addition)))?;
        let added = answered.recv().map_err(|_| NotAdded::Gone)??;
        let (post, last_one) = (self.post.clone(), Arc::clone(&self.last_one));
        Ok(Self::new(added, post, last_one))
    }

    // ---- inside

    fn ask<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Host, Instant) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (answer, answered) = mpsc::sync_channel(1);
        let input = Box::new(move |host: &mut Host, now| {
            // The thread that asked waits for it below.
            let _ = answer.send(ask(host, now));
        });
        self.post.send(Input::With(self.no, input))?;
        answered.recv().map_err(|_| Gone)
    }
}

/// Values that are copied in one turn of the loop: that takes about a millisecond.
const VALUES_AT_ONCE: usize = 1000;

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} at {})", self.id, self.local_addr)
    }
}

/// Why a command was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotStarted {
    /// The node is gone.
    Gone,
    /// The node refuses it.
    Refused(Refused),
}

impl From<Gone> for NotStarted {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => Gone.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl std::error::Error for NotStarted {}
