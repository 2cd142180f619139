//! One node at its socket: what arrives goes in, what the node wants goes out, and whoever waits
//! for a command is told.

use std::collections::BTreeMap;
use std::time::Duration;

use khashmir::{Command, Event, Instant, Node, OpId, Refused, Transmit};

use crate::bootstrap::{Bootstrap, Todo};
use crate::disk::DiskLink;
use crate::inbox::Inbox;
use crate::name::HostPort;
use crate::observer::Observer;
use crate::resolve::Resolved;
use crate::socket::{self, Datagrams, Received, Rest, Sent};
use crate::socket_stats::{Sends, SocketStats};
use crate::subscription::{Notice, Subscription, Subscriptions, TellNotice};
use crate::udp::Udp;

/// Told of the events of one command.
pub(crate) type TellEvent = Box<dyn FnMut(Event) + Send>;
/// Asked to resolve the names of a round.
pub(crate) type AskNames = Box<dyn FnMut(u64, &[HostPort]) + Send>;

/// A node, its socket, and who waits for it.
pub(crate) struct Host<S = Udp> {
    pub(crate) node: Node,
    pub(crate) socket: S,
    observer: Box<dyn Observer>,
    inbound: Inbound,
    outbound: Outbound,
    /// The datagram that is being sent.
    datagram: Vec<u8>,
    waiting: BTreeMap<OpId, TellEvent>,
    subscriptions: Subscriptions,
    sends: Sends,
    bootstrap: Bootstrap,
    ask_names: AskNames,
    /// None when the node runs from memory.
    disk: Option<DiskLink>,
    life: Life,
}

/// Whether there may be something to read.
enum Inbound {
    Idle,
    Readable,
    /// The socket is in trouble; it is tried again then.
    Paused {
        until: Instant,
    },
}

/// Whether more can be sent, and where the datagram goes that is already waiting.
enum Outbound {
    Open,
    /// This turn's share is used up.
    More,
    /// The socket's buffer is full.
    Blocked {
        next: Transmit,
    },
    /// It was full, and has room again.
    Unblocked {
        next: Transmit,
    },
    /// The system has no buffers; it is tried again then.
    Paused {
        next: Transmit,
        until: Instant,
    },
}

enum Life {
    Running,
    /// Shut down; what waits to be sent or written still is, if neither takes longer than that.
    Closing {
        words_until: Instant,
        writes_until: Instant,
    },
}

impl<S: Datagrams> Host<S> {
    /// Datagrams received in one turn.
    const RECEIVE_BURST: usize = 64;
    /// Datagrams sent in one turn: an answer for each received, and what lookups begin.
    const SEND_BURST: usize = 256;
    /// How long a socket in trouble is left alone.
    const PAUSE: Duration = Duration::from_millis(20);
    /// How long a node that is shut down may go on sending.
    const LAST_WORDS: Duration = Duration::from_secs(1);
    /// How long it waits for its disk then: less than a process that is told to end may take.
    const LAST_WRITES: Duration = Duration::from_secs(3);

    pub(crate) fn new(
        node: Node,
        socket: S,
        observer: Box<dyn Observer>,
        ask_names: AskNames,
    ) -> Self {
        Self {
            node,
            socket,
            observer,
            inbound: Inbound::Idle,
            outbound: Outbound::Open,
            datagram: Vec::new(),
            waiting: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            sends: Sends::default(),
            bootstrap: Bootstrap::none(),
            ask_names,
            disk: None,
            life: Life::Running,
        }
    }

    // ---- what happens at the socket

    pub(crate) const fn set_readable(&mut self) {
        self.inbound = Inbound::Readable;
    }

    pub(crate) const fn set_writable(&mut self) {
        if let Outbound::Blocked { next } = self.outbound {
            self.outbound = Outbound::Unblocked { next };
        }
    }

    /// Whether it has something to do right now.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self.inbound, Inbound::Readable)
            || matches!(self.outbound, Outbound::More | Outbound::Unblocked { .. })
    }

    /// Whether it waits for room in the socket's buffer.
    pub(crate) const fn is_blocked(&self) -> bool {
        matches!(self.outbound, Outbound::Blocked { .. })
    }

    /// When it has something to do, if nothing happens until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let inbound = match self.inbound {
            Inbound::Paused { until } => Some(until),
            Inbound::Idle | Inbound::Readable => None,
        };
        let outbound = match self.outbound {
            Outbound::Paused { until, .. } => Some(until),
            Outbound::Open
            | Outbound::More
            | Outbound::Blocked { .. }
            | Outbound::Unblocked { .. } => None,
        };
        let closing = match self.life {
            Life::Closing { words_until, .. } if self.is_saved() => Some(words_until),
            Life::Closing { writes_until, .. } => Some(writes_until),
            Life::Running => None,
        };
        let node = self.node.poll_timeout();
        let all = [inbound, outbound, closing, node, self.bootstrap.deadline()];
        all.into_iter().flatten().min()
    }

    /// Takes in datagrams until they are enough for one turn. The batch that fills it is taken in
    /// whole.
    pub(crate) fn receive(&mut self, now: Instant, inbox: &mut Inbox) {
        if !matches!(self.inbound, Inbound::Readable) {
            return self.settle(now);
        }
        let mut taken = 0;
        while taken < Self::RECEIVE_BURST {
            match socket::receive(&self.socket, inbox) {
                Received::Batch(rest) => {
                    taken += self.take_in(now, inbox);
                    if rest == Rest::None {
                        self.inbound = Inbound::Idle;
                        break;
                    }
                }
                Received::Nothing => {
                    self.inbound = Inbound::Idle;
                    break;
                }
                Received::Report(error) => self.observer.trouble(&error),
                Received::Trouble(error) => {
                    self.observer.trouble(&error);
                    let until = now + Self::PAUSE;
                    self.inbound = Inbound::Paused { until };
                    break;
                }
            }
        }
        self.settle(now);
    }

    /// Gives the node what arrived, and says how many datagrams that were.
    fn take_in(&mut self, now: Instant, inbox: &Inbox) -> usize {
        let mut taken = 0;
        for arrival in inbox.arrivals() {
            self.observer.received(arrival.from, arrival.bytes);
            self.node
                .handle_datagram(now, arrival.from, arrival.local, arrival.bytes);
            taken += 1;
            if taken % Self::RECEIVE_BURST == 0 {
                // A batch of joined datagrams may ask for more answers than the node queues.
                self.settle(now);
            }
        }
        taken
    }

    /// Does what is due.
    pub(crate) fn due(&mut self, now: Instant) {
        self.node.handle_timeout(now);
        if let Inbound::Paused { until } = self.inbound
            && until <= now
        {
            self.inbound = Inbound::Readable;
        }
        if let Some(todo) = self.bootstrap.due(now) {
            self.perform(now, todo);
        }
        self.settle(now);
    }

    /// Takes in that the machine slept.
    pub(crate) fn wake_up(&mut self, now: Instant, slept: Duration) {
        self.node.handle_sleep(now, slept);
        self.settle(now);
    }

    /// Passes on everything that the node has to give.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.pass_on_records(now);
        while let Some(event) = self.node.poll_event() {
            self.tell(now, event);
        }
        self.flush(now);
    }

    /// Whether it is shut down and has nothing left to say.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        match self.life {
            Life::Running => false,
            Life::Closing { writes_until, .. } if writes_until <= now => true,
            Life::Closing { words_until, .. } => {
                let is_sent = matches!(self.outbound, Outbound::Open) || words_until <= now;
                is_sent && self.is_saved()
            }
        }
    }

    // ---- what users want

    /// Starts a command, of whose events `tell` is told.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        command: Command,
        tell: TellEvent,
    ) -> Result<OpId, Refused> {
        let op = self.start_unheard(now, command)?;
        self.waiting.insert(op, tell);
        Ok(op)
    }

    pub(crate) fn listen(&mut self, tell: TellNotice) -> Subscription {
        self.subscriptions.add(tell)
    }

    pub(crate) fn stop_listening(&mut self, subscription: Subscription) -> bool {
        self.subscriptions.end(subscription)
    }

    /// Joins through these names as soon as they are resolved.
    pub(crate) fn begin_bootstrap(&mut self, now: Instant, names: Vec<HostPort>) {
        let todo = self.bootstrap.begin(names);
        self.perform(now, todo);
    }

    /// Takes in what a name of this round stands for.
    pub(crate) fn resolved(&mut self, now: Instant, round: u64, resolved: &Resolved) {
        self.observer.resolved(resolved);
        self.subscriptions.tell(&Notice::Resolved(resolved.clone()));
        let addresses = resolved.addresses.as_deref().unwrap_or_default();
        if let Some(todo) = self.bootstrap.resolved(now, round, addresses) {
            self.perform(now, todo);
        }
    }

    pub(crate) fn leave(&mut self, now: Instant) {
        self.bootstrap.stop();
        self.node.leave(now);
    }

    pub(crate) fn shut_down(&mut self, now: Instant) {
        self.bootstrap.stop();
        self.node.shutdown(now);
        if let Life::Running = self.life {
            self.save_contacts(now);
            self.life = Life::Closing {
                words_until: now + Self::LAST_WORDS,
                writes_until: now + Self::LAST_WRITES,
            };
        }
    }

    // ---- inside

    fn start_unheard(&mut self, now: Instant, command: Command) -> Result<OpId, Refused> {
        let copy = command.clone();
        let op = self.node.start(now, command)?;
        self.observer.started(op, &copy);
        Ok(op)
    }

    fn tell(&mut self, now: Instant, event: Event) {
        self.observer.event(&event);
        match &event {
            Event::Alone | Event::BootstrapWanted => {
                if let Some(todo) = self.bootstrap.wanted() {
                    self.perform(now, todo);
                }
            }
            Event::Checkpoint => self.save_at_checkpoint(now),
            // Through these it comes back, however soon the process is killed.
            Event::Online { .. } => self.save_contacts(now),
            Event::CopiesLost { .. }
            | Event::Ended { .. }
            | Event::FewPrefixes
            | Event::Kept { .. }
            | Event::Values { .. } => {}
            _ => {}
        }
        let op = event.op();
        let ends = event.ends().is_some();
        let Some((op, mut tell)) = op.and_then(|op| self.waiting.remove_entry(&op)) else {
            return self.subscriptions.tell(&Notice::Event(event));
        };
        tell(event);
        if !ends {
            self.waiting.insert(op, tell);
        }
    }

    fn perform(&mut self, now: Instant, todo: Todo) {
        match todo {
            Todo::Resolve(round) => (self.ask_names)(round, self.bootstrap.names()),
            Todo::Join(mut bootstrap) => {
                bootstrap.truncate(self.node.config().limits.max_bootstrap);
                let join = Command::Join {
                    bootstrap: bootstrap.clone(),
                };
                // When another join is under way, these are tried if it finds no contact.
                if self.start_unheard(now, join).is_err() {
                    self.node.set_bootstrap(now, &bootstrap);
                }
            }
            Todo::Renew(bootstrap) => self.node.set_bootstrap(now, &bootstrap),
        }
    }

    /// Sends what there is to send, as far as the socket takes it.
    fn flush(&mut self, now: Instant) {
        let mut kept = match self.outbound {
            Outbound::Blocked { .. } => return,
            Outbound::Paused { until, .. } if until > now => return,
            Outbound::Paused { next, .. } | Outbound::Unblocked { next } => Some(next),
            Outbound::Open | Outbound::More => None,
        };
        for _ in 0..Self::SEND_BURST {
            let next = kept
                .take()
                .or_else(|| self.node.poll_transmit(&mut self.datagram));
            let Some(next) = next else {
                self.outbound = Outbound::Open;
                return;
            };
            let Transmit { to, from } = next;
            match socket::send(&self.socket, to, from, &self.datagram) {
                Sent::Away => {
                    self.sends.succeeded();
                    self.observer.sent(to, &self.datagram);
                }
                Sent::Blocked => {
                    self.outbound = Outbound::Blocked { next };
                    return;
                }
                Sent::NoBuffers(error) => {
                    self.observer.trouble(&error);
                    let until = now + Self::PAUSE;
                    self.outbound = Outbound::Paused { next, until };
                    return;
                }
                Sent::Lost(error) => {
                    self.observer.trouble(&error);
                    self.sends.failed(error);
                    self.node.handle_send_failure();
                }
            }
        }
        self.outbound = Outbound::More;
    }
}

impl Host {
    /// What the socket has gone through, but for what the system counts.
    pub(crate) fn socket_stats(&self) -> SocketStats {
        self.sends.stats(self.socket.receive_buffer().ok())
    }

    /// Behaves as if the socket had been full when this was to be sent.
    #[cfg(test)]
    pub(crate) fn pretend_full(&mut self, to: std::net::SocketAddr, datagram: &[u8]) {
        self.datagram = datagram.to_vec();
        let next = Transmit { to, from: None };
        self.outbound = Outbound::Blocked { next };
    }
}

mod disk;
#[cfg(test)]
mod tests;
