//! The loop itself: one poll, one clock, and each node with something to do gets a turn.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use khashmir::Instant;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::clock::Clock;
use crate::disk::{DiskLink, NewDisk, Writer};
use crate::host::{AskNames, Host};
use crate::inbox::Inbox;
use crate::new_node::{Made, NotAdded};
use crate::post::{Added, Addition, Input, Post};
use crate::resolve::resolve;
use crate::udp::Udp;

/// Hosts, and what it takes to know which of them has something to do.
pub(crate) struct EventLoop {
    poll: Poll,
    clock: Clock,
    inputs: Receiver<Input>,
    hosts: BTreeMap<usize, Host>,
    next_no: usize,
    /// Hosts that have something to do right now.
    busy: BTreeSet<usize>,
    /// When each host has something to do next, in both directions.
    deadlines: BTreeSet<(Instant, usize)>,
    deadline_of: BTreeMap<usize, Instant>,
    /// Hosts whose socket was full when they last sent: the poll says when there is room again.
    blocked: BTreeSet<usize>,
    backlog: Backlog,
    inbox: Inbox,
    /// Threads that write for nodes: the loop ends after them.
    writers: Vec<JoinHandle<()>>,
    /// The way back, for what other threads find out.
    post: Post,
}

/// Whether there may be input from other threads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backlog {
    None,
    Some,
}

/// The token of the waker.
const WAKER: Token = Token(0);
/// The first token of a host.
const FIRST_HOST: usize = 1;
/// Input of other threads taken in one turn.
const INPUTS: usize = 256;
/// Readiness taken in at once.
const EVENTS: usize = 256;
/// The system counts a wait in time awake: after a sleep the loop notices that time has passed no later
/// than that.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often the sockets are looked at again before time is allowed to tell on the peers.
const SECOND_LOOKS: usize = 4;

impl EventLoop {
    /// A loop without hosts, and the way to reach it.
    pub(crate) fn new() -> io::Result<(Self, Post)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (queue, inputs) = mpsc::channel();
        let post = Post::new(queue, waker);
        let idle = Self {
            poll,
            clock: Clock::start(),
            inputs,
            hosts: BTreeMap::new(),
            next_no: 0,
            busy: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            deadline_of: BTreeMap::new(),
            blocked: BTreeSet::new(),
            backlog: Backlog::None,
            inbox: Inbox::new(),
            writers: Vec::new(),
            post: post.clone(),
        };
        Ok((idle, post))
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Takes in a node, its socket, who watches it, and its disk.
    pub(crate) fn add(&mut self, mut udp: Udp, made: Made) -> Result<Added, NotAdded> {
        let Made {
            node,
            observer,
            disk,
        } = made;
        let (local_addr, drops) = (udp.local_addr(), udp.drops());
        let (no, id) = (self.next_no, node.id());
        let registry = self.poll.registry();
        registry.register(udp.source(), token_of(no), Interest::READABLE)?;
        self.next_no += 1;
        let names = asker_of_names(self.post.clone(), no);
        let mut host = Host::new(node, udp, observer, names);
        if let Some(disk) = disk {
            host = host.with_disk(self.link(no, disk)?);
        }
        self.hosts.insert(no, host);
        self.reschedule(no, self.clock.now());
        Ok(Added {
            no,
            id,
            local_addr,
            drops,
        })
    }

    /// Runs until all hosts are over.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.hosts.is_empty() {
            self.turn(&mut events)?;
        }
        // What was given to them is written when the loop is over.
        for writer in self.writers {
            // A thread that has panicked has said so.
            let _ = writer.join();
        }
        Ok(())
    }

    /// Starts the thread that writes for a node.
    fn link(&mut self, no: usize, disk: NewDisk) -> Result<DiskLink, NotAdded> {
        let (store, stats) = disk.into_parts();
        let post = self.post.clone();
        let (writer, thread) = Writer::start(store, move |report| {
            let errand = move |host: &mut Host, now| host.hear_of_disk(now, report);
            // A loop that is over has no use for it.
            let _ = post.send(Input::With(no, Box::new(errand)));
        })?;
        self.writers.retain(|writer| !writer.is_finished());
        self.writers.push(thread);
        Ok(DiskLink::new(stats, writer))
    }

    // ---- one turn of the loop

    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        self.wait(events, self.patience())?;
        if let Some(slept) = self.clock.slept() {
            self.wake_up(slept);
        }
        self.take_inputs();
        self.serve_busy();
        // A thread that was held up finds timers due and datagrams waiting. The datagrams go first:
        // they were in time, and no contact is to blame for not having answered.
        for _ in 0..SECOND_LOOKS {
            if !self.is_anything_due() {
                return Ok(());
            }
            self.wait(events, Duration::ZERO)?;
            if self.busy.is_empty() {
                break;
            }
            self.serve_busy();
        }
        self.serve_due();
        Ok(())
    }

    /// How long the loop may wait.
    fn patience(&self) -> Duration {
        if self.backlog == Backlog::Some || !self.busy.is_empty() {
            return Duration::ZERO;
        }
        let until = self.deadlines.first().map(|(at, _)| self.clock.until(*at));
        until.map_or(LONGEST_WAIT, |until| until.min(LONGEST_WAIT))
    }

    /// Sleeps, and notes which sockets are ready.
    fn wait(&mut self, events: &mut Events, patience: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in events.iter() {
            let Some(no) = event.token().0.checked_sub(FIRST_HOST) else {
                // The poll says this only once: a loop that sleeps without having looked sleeps on.
                self.backlog = Backlog::Some;
                continue;
            };
            let Some(host) = self.hosts.get_mut(&no) else {
                continue;
            };
            // An error waits to be read like a datagram.
            if event.is_readable() || event.is_error() {
                host.set_readable();
            }
            if event.is_writable() {
                host.set_writable();
            }
            if host.is_busy() {
                self.busy.insert(no);
            }
        }
        Ok(())
    }

    /// Tells every host that the machine slept, before anything else happens.
    fn wake_up(&mut self, slept: Duration) {
        let now = self.clock.now();
        let all: Vec<usize> = self.hosts.keys().copied().collect();
        for no in all {
            if let Some(host) = self.hosts.get_mut(&no) {
                host.wake_up(now, slept);
            }
            self.reschedule(no, now);
        }
    }

    /// Does what other threads ask for.
    fn take_inputs(&mut self) {
        self.backlog = Backlog::None;
        for _ in 0..INPUTS {
            match self.inputs.try_recv() {
                Ok(Input::With(no, input)) => {
                    let now = self.clock.now();
                    if let Some(host) = self.hosts.get_mut(&no) {
                        input(host, now);
                        host.settle(now);
                        self.reschedule(no, now);
                    }
                }
                Ok(Input::Add(addition)) => {
                    let Addition { udp, made, answer } = *addition;
                    // The thread that asked waits for it.
                    let _ = answer.send(self.add(udp, made));
                }
                Ok(Input::TellTime(answer)) => drop(answer.send(self.clock.now())),
                Ok(Input::Abandoned) => self.shut_down(),
                Err(_) => return,
            }
        }
        self.backlog = Backlog::Some;
    }

    fn shut_down(&mut self) {
        let now = self.clock.now();
        let all: Vec<usize> = self.hosts.keys().copied().collect();
        for no in all {
            if let Some(host) = self.hosts.get_mut(&no) {
                host.shut_down(now);
                host.settle(now);
            }
            self.reschedule(no, now);
        }
    }

    /// Gives every busy host its share of this turn.
    fn serve_busy(&mut self) {
        for no in std::mem::take(&mut self.busy) {
            let now = self.clock.now();
            if let Some(host) = self.hosts.get_mut(&no) {
                host.receive(now, &mut self.inbox);
                self.reschedule(no, now);
            }
        }
    }

    fn is_anything_due(&self) -> bool {
        let now = self.clock.now();
        self.deadlines.first().is_some_and(|(next, _)| *next <= now)
    }

    fn serve_due(&mut self) {
        let now = self.clock.now();
        let is_due = |(at, _): &&(Instant, usize)| *at <= now;
        let due = self.deadlines.iter().take_while(is_due);
        let due: Vec<usize> = due.map(|(_, no)| *no).collect();
        for no in due {
            let now = self.clock.now();
            if let Some(host) = self.hosts.get_mut(&no) {
                host.due(now);
                self.reschedule(no, now);
            }
        }
    }

    /// Notes when a host wants to be heard next, and lets go of it when it is over.
    fn reschedule(&mut self, no: usize, now: Instant) {
        if let Some(at) = self.deadline_of.remove(&no) {
            self.deadlines.remove(&(at, no));
        }
        let Some(host) = self.hosts.get_mut(&no) else {
            return;
        };
        if host.is_over(now) {
            // Closing the socket would deregister it as well; what fails here fails without harm.
            let _ = self.poll.registry().deregister(host.socket.source());
            self.hosts.remove(&no);
            self.busy.remove(&no);
            self.blocked.remove(&no);
            return;
        }
        if host.is_busy() {
            self.busy.insert(no);
        }
        if let Some(at) = host.deadline() {
            self.deadlines.insert((at, no));
            self.deadline_of.insert(no, at);
        }
        self.watch_for_room(no);
    }

    /// Asks the poll to say when a full socket has room again, and only as long as it is full: Linux
    /// calls a socket writable anew for each datagram that leaves it, which would be a turn for each.
    fn watch_for_room(&mut self, no: usize) {
        let Some(host) = self.hosts.get_mut(&no) else {
            return;
        };
        let is_blocked = host.is_blocked();
        if is_blocked == self.blocked.contains(&no) {
            return;
        }
        let interest = if is_blocked {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let registry = self.poll.registry();
        let changed = registry.reregister(host.socket.source(), token_of(no), interest);
        // What fails is tried again at the host's next turn.
        match changed {
            Ok(()) if is_blocked => drop(self.blocked.insert(no)),
            Ok(()) => drop(self.blocked.remove(&no)),
            Err(_) => {}
        }
    }
}

/// By which the poll names a host.
const fn token_of(no: usize) -> Token {
    Token(no + FIRST_HOST)
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

#[cfg(test)]
mod tests;
