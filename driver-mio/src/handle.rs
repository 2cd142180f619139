//! What other threads hold of a node in the loop: commands go in, events come out.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use khashmir::{
    Command, Contact, Event, Id, Instant, Node, OpId, Outcome, QueryStats, Refused, Snapshot,
    Stats, Status, Value,
};

use crate::host::{Host, Notice};
use crate::name::HostPort;
use crate::post::{Input, LastOne, Post};

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
    post: Post,
    /// Held for what its end sets off.
    _last_one: Arc<LastOne>,
}

impl Handle {
    pub(crate) const fn new(
        no: usize,
        id: Id,
        local_addr: SocketAddr,
        post: Post,
        last_one: Arc<LastOne>,
    ) -> Self {
        Self {
            no,
            id,
            local_addr,
            post,
            _last_one: last_one,
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
            // Nobody has to wait for an operation.
            let _ = tell.send(event);
        })?;
        Ok(Operation { id, events })
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
    pub fn subscribe(&self, tell: impl FnMut(Notice) + Send + 'static) -> Result<(), Gone> {
        self.ask(move |host, _| host.listen(Box::new(tell)))
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

    /// The contacts in its table.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn contacts(&self) -> Result<Vec<Contact>, Gone> {
        self.look(|node, _| node.contacts().collect())
    }

    /// Everything about it that is worth keeping.
    ///
    /// # Errors
    /// [`Gone`] when the node is.
    pub fn snapshot(&self) -> Result<Snapshot, Gone> {
        self.look(Node::snapshot)
    }

    // ---- inside

    fn ask<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Host, Instant) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (answer, answered) = mpsc::sync_channel(1);
        let input = Box::new(move |host: &mut Host, now| {
            // Whoever asked waits for it below.
            let _ = answer.send(ask(host, now));
        });
        self.post.send(Input::With(self.no, input))?;
        answered.recv().map_err(|_| Gone)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} at {})", self.id, self.local_addr)
    }
}

/// A command under way: an iterator over its events, of which the last is [`Event::Ended`].
///
/// To drop it does not end the command; [`Handle::cancel`] does.
#[derive(Debug)]
pub struct Operation {
    id: OpId,
    events: Receiver<Event>,
}

impl Operation {
    /// Its name, for [`Handle::cancel`].
    #[must_use]
    pub const fn id(&self) -> OpId {
        self.id
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// [`Waited`] when there is none in that time, or none can come any more.
    pub fn next_within(&mut self, patience: Duration) -> Result<Event, Waited> {
        self.events.recv_timeout(patience).map_err(Waited::from)
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`Gone`] when the loop ends first.
    pub fn wait(self) -> Result<Over, Gone> {
        let mut values = Vec::new();
        for event in self {
            if let Some(over) = gather(event, &mut values) {
                return Ok(over);
            }
        }
        Err(Gone)
    }

    /// Waits for the end, but not longer than that.
    ///
    /// # Errors
    /// [`Waited`] when it has not come in that time, or cannot come any more.
    pub fn wait_within(mut self, patience: Duration) -> Result<Over, Waited> {
        let since = std::time::Instant::now();
        let mut values = Vec::new();
        loop {
            let event = self.next_within(patience.saturating_sub(since.elapsed()))?;
            if let Some(over) = gather(event, &mut values) {
                return Ok(over);
            }
        }
    }
}

impl Iterator for Operation {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }
}

fn gather(event: Event, values: &mut Vec<Value>) -> Option<Over> {
    match event {
        Event::Ended {
            outcome,
            query_stats,
            ..
        } => Some(Over {
            outcome,
            query_stats,
            values: std::mem::take(values),
        }),
        Event::Values { values: more, .. } => {
            values.extend(more);
            None
        }
        Event::Alone | Event::BootstrapWanted | Event::Checkpoint | Event::Online { .. } => None,
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// What it came to.
    pub outcome: Outcome,
    /// What it took.
    pub query_stats: QueryStats,
    /// The values that it brought: of a `get`.
    pub values: Vec<Value>,
}

/// The node was shut down, or its loop is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node is no longer running")
    }
}

impl std::error::Error for Gone {}

/// Why a command was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Why waiting brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Nothing can come any more.
    Gone,
    /// It took too long.
    TooLong,
}

impl From<RecvTimeoutError> for Waited {
    fn from(error: RecvTimeoutError) -> Self {
        match error {
            RecvTimeoutError::Disconnected => Self::Gone,
            RecvTimeoutError::Timeout => Self::TooLong,
        }
    }
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("there is nothing to wait for any more"),
            Self::TooLong => f.write_str("it took too long"),
        }
    }
}

impl std::error::Error for Waited {}
