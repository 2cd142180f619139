//! A node under a script: gives it the inputs, polls what comes of them, and holds it to the laws.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use khashmir::wire::Method;
use khashmir::{
    Command, Config, Contact, DropCause, Event, Instant, Node, OpId, Record, RecordNo, Refused,
    Role, Seed, Snapshot,
};

use crate::commands::{Commands, name};
use crate::coverage::Coverage;
use crate::datagrams::Datagrams;
use crate::journal::JournalBook;
use crate::script::{Birth, Polling, Setup, Step};
use crate::world::{addr, canonical, key, own_id, peer, seconds, value};

/// A node, and the books on what it was told and said.
pub(crate) struct Rig {
    pub(crate) setup: Setup,
    pub(crate) config: Config,
    pub(crate) node: Node,
    pub(crate) life: Life,
    pub(crate) commands: Commands,
    pub(crate) coverage: Coverage,
    /// All that the node said, in order.
    pub(crate) said: Vec<Said>,
    pub(crate) latest: Instant,
    clock: Clock,
    /// What the clock reads, in nanoseconds.
    reading: u64,
    pub(crate) datagrams: Datagrams,
    pub(crate) journal: JournalBook,
    /// The latest time of a `handle_timeout`, and how many there were since all was polled.
    pub(crate) told: Instant,
    pub(crate) timeouts: usize,
    /// Queries that the node had sent when it was last running.
    pub(crate) asked_while_running: u64,
    /// Queries that peers asked.
    pub(crate) queries: u32,
    /// The table as it was last looked at: how many buckets, and who is in them.
    pub(crate) buckets: usize,
    pub(crate) contacts: BTreeSet<Contact>,
}

/// What the node should be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Running,
    Left,
    ShutDown,
}

/// What becomes of a clock that goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The node is told what it reads.
    AsItReads,
    /// The node is told the latest that it has read.
    NeverBack,
}

/// Something that a node said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Cancelled(bool),
    Datagram(SocketAddr, Vec<u8>),
    Deadline(Option<Instant>),
    Event(Event),
    Record(RecordNo, Record),
    Started(Result<OpId, Refused>),
}

impl Said {
    /// Whether it is an event that a command caused, for which there had to be room.
    pub(crate) const fn is_of_a_command(&self) -> bool {
        matches!(
            self,
            Self::Event(Event::Ended { .. } | Event::Values { .. })
        )
    }

    /// Whether it is an event about the copies of a kept value.
    pub(crate) const fn is_of_a_kept_value(&self) -> bool {
        matches!(
            self,
            Self::Event(Event::CopiesLost { .. } | Event::Kept { .. })
        )
    }
}

impl Rig {
    pub(crate) fn new(setup: Setup, clock: Clock) -> Self {
        let config = setup.config();
        let now = Instant::since_origin(seconds(1000));
        let seed = Seed::from_number(setup.seed.into());
        let mut replica = Snapshot::new(own_id());
        let node = match setup.birth {
            Birth::New => Node::new(config.clone(), seed, now),
            Birth::Restored { contacts, ago } => {
                for index in 0..contacts {
                    replica.add_contact(peer(index), ago);
                }
                replica.add_value(key(0), value(4), config.expiry / 2);
                let away = seconds(5);
                let node = Node::restore(config.clone(), replica.clone(), away, seed, now);
                replica.advance(away);
                node
            }
        };
        let node = node.expect("settings that can work");
        let asked = Method::ALL.map(|method| node.stats().method(method).sent);
        Self {
            buckets: node.buckets().count(),
            contacts: node.contacts().collect(),
            node,
            journal: JournalBook::new(setup.journal, setup.polling, replica, now),
            setup,
            config,
            life: Life::Running,
            commands: Commands::default(),
            coverage: Coverage::default(),
            said: Vec::new(),
            latest: now,
            clock,
            reading: now.as_nanos(),
            datagrams: Datagrams::default(),
            told: Instant::ORIGIN,
            timeouts: 0,
            asked_while_running: asked.iter().sum(),
            queries: 0,
        }
    }

    pub(crate) fn perform(&mut self, step: &Step) {
        match step {
            Step::Answer { nth, facts } => self.answer(*nth, *facts),
            Step::AnswerAll { facts } => self.answer_all(*facts),
            Step::Back(by) => self.reading = self.reading.saturating_sub(nanos(*by, seconds(1))),
            Step::Cancel { nth } => self.cancel(*nth),
            Step::Deposit {
                peer,
                key,
                value,
                times,
            } => self.deposit(*peer, *key, *value, *times),
            Step::Drain => self.drain(),
            Step::Durable { before_last } => self.make_safe(*before_last),
            Step::NotDurable { before_last } => self.lose(*before_last),
            Step::EndOfTime => self.reading = u64::MAX,
            Step::Garbage { from, bytes } => self.receive(addr(*from), bytes),
            Step::Jump(by) => self.go_ahead(nanos(*by, seconds(60))),
            Step::Leave => self.leave(),
            Step::Mutated { base, edit } => self.receive_damaged(*base, *edit),
            Step::Poll { output, times } => self.poll(*output, *times),
            Step::Put {
                key: at,
                value: what,
                keep,
            } => {
                let (key, value) = (key(*at), value(*what));
                let put = Command::Put {
                    key,
                    value,
                    keep: *keep,
                };
                let _started = self.start(&put);
            }
            Step::Query { from, ask, tid_len } => self.query(*from, *ask, *tid_len),
            Step::Replay { nth } => self.receive_again(*nth),
            Step::SetBootstrap(bootstrap) => {
                let bootstrap: Vec<SocketAddr> = bootstrap.iter().map(|at| addr(*at)).collect();
                let now = self.now();
                self.node.set_bootstrap(now, &bootstrap);
            }
            Step::Shutdown => self.shutdown(),
            Step::Sleep(by) => self.sleep(nanos(*by, seconds(60))),
            Step::Start(command) => {
                let _started = self.start(command);
            }
            Step::Tick(by) => self.go_ahead(nanos(*by, Duration::from_millis(1))),
            Step::Timeout => self.handle_timeout(),
            Step::TimeoutWhenDue => {
                if let Some(at) = self.node.poll_timeout() {
                    self.reading = self.reading.max(at.as_nanos());
                    self.handle_timeout();
                }
            }
            Step::WrongAnswer { nth, wrong } => self.answer_wrongly(*nth, *wrong),
        }
        self.rest();
    }

    /// What follows every input.
    pub(crate) fn rest(&mut self) {
        self.look();
        if self.setup.polling == Polling::Prompt {
            self.drain();
        }
    }

    /// Tells the node the time.
    pub(crate) fn handle_timeout(&mut self) {
        let now = self.now();
        let nothing_due = self.node.poll_timeout().is_none_or(|at| at > self.latest);
        let before = nothing_due.then(|| self.standing());
        self.node.handle_timeout(now);
        self.told = self.latest;
        self.timeouts += 1;
        if let Some(before) = before {
            assert_eq!(
                before,
                self.standing(),
                "something was done, nothing was due"
            );
        }
        let next = self.node.poll_timeout();
        let late = next.is_none_or(|at| at > self.latest);
        assert!(late, "{next:?} is not after {}: a hot loop", self.latest);
    }

    /// Lets the clock go on to an instant, unless it is there already, and tells the node.
    pub(crate) fn handle_timeout_at(&mut self, at: Instant) {
        self.reading = self.reading.max(self.latest.max(at).as_nanos());
        self.handle_timeout();
        self.rest();
    }

    pub(crate) fn start(&mut self, command: &Command) -> Result<OpId, Refused> {
        let now = self.now();
        let started = self.node.start(now, command.clone());
        self.said.push(Said::Started(started));
        let joins = matches!(command, Command::Join { .. });
        match started {
            Ok(op) => {
                self.commands
                    .accepted(op, command, self.latest, self.config.most_events());
                self.coverage.reach(format!("accepted {}", name(command)));
                assert!(self.life == Life::Running || self.life == Life::Left && joins);
                self.life = Life::Running;
            }
            Err(refused) => {
                self.coverage.reach(format!("refused: {}", kind(&refused)));
                let off = refused == Refused::ShutDown;
                assert_eq!(off, self.life == Life::ShutDown);
                let left = refused == Refused::NotJoined;
                assert_eq!(left, self.life == Life::Left && !joins);
            }
        }
        started
    }

    pub(crate) fn leave(&mut self) {
        let now = self.now();
        self.node.leave(now);
        if self.life == Life::Running {
            self.life = Life::Left;
            self.journal.interrupted();
            self.coverage.reach("left");
        }
    }

    pub(crate) fn shutdown(&mut self) {
        let now = self.now();
        self.node.shutdown(now);
        self.life = Life::ShutDown;
        self.journal.interrupted();
        self.coverage.reach("shut down");
    }

    /// Gives the node a datagram, of which exactly one thing becomes.
    pub(crate) fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let serves = self.life == Life::Running && self.config.role != Role::Client;
        let ids = self.config.transaction_ids;
        self.datagrams.given(from, datagram, serves, ids);
        let (before, off) = (self.fates(), self.dropped(DropCause::Off));
        let now = self.now();
        self.node.handle_datagram(now, from, None, datagram);
        self.look_at_table(Some(canonical(from)));
        let fates = self.fates() - before;
        // A client counts queries as received and as dropped.
        let most = if self.config.role == Role::Client {
            2
        } else {
            1
        };
        assert!(fates >= 1 && fates <= most, "a datagram has {fates} fates");
        let ignored = self.dropped(DropCause::Off) > off;
        assert_eq!(ignored, self.life != Life::Running);
    }

    pub(crate) fn make_safe(&mut self, before_last: u8) {
        if let Some(number) = self.journal.make_safe(before_last) {
            let now = self.now();
            self.node.handle_durable(now, number);
        }
    }

    fn lose(&mut self, before_last: u8) {
        if let Some(number) = self.journal.lose(before_last, &mut self.coverage) {
            let now = self.now();
            self.node.handle_not_durable(now, number);
        }
    }

    /// What the clock says; from now on the node knows that it is that late.
    fn now(&mut self) -> Instant {
        let reading = Instant::from_nanos(self.reading);
        if reading < self.latest {
            self.coverage.reach("told an earlier time");
        }
        let latest = reading.max(self.latest);
        if latest == Instant::MAX && self.life == Life::Running {
            self.coverage.reach("told the end of time");
        }
        self.journal.advance(latest.since(self.latest));
        self.latest = latest;
        match self.clock {
            Clock::AsItReads => reading,
            Clock::NeverBack => latest,
        }
    }

    const fn go_ahead(&mut self, nanos: u64) {
        self.reading = self.reading.saturating_add(nanos);
    }

    /// Lets the machine sleep, which gives commands as much more time, and each call another send.
    fn sleep(&mut self, by: u64) {
        let before = self.latest;
        self.go_ahead(by);
        let (now, slept) = (self.now(), Duration::from_nanos(by));
        self.node.handle_sleep(now, slept);
        self.commands.slept(slept.min(self.latest.since(before)));
        self.datagrams.slept();
        self.coverage.reach("slept");
    }

    fn cancel(&mut self, nth: u8) {
        let Some(op) = self.commands.before_last(nth) else {
            return;
        };
        let now = self.now();
        let cancelled = self.node.cancel(now, op);
        self.said.push(Said::Cancelled(cancelled));
        assert!(
            !cancelled || self.commands.may_be_cancelled(op),
            "{op} was over"
        );
        assert!(!self.node.cancel(now, op), "{op} was cancelled twice");
        self.coverage.reach(if cancelled {
            "cancelled"
        } else {
            "nothing to cancel"
        });
    }
}

fn nanos(count: u16, unit: Duration) -> u64 {
    u64::try_from((unit * u32::from(count)).as_nanos()).expect("less than centuries")
}

/// The first word of how something is written, which is its variant.
pub(crate) fn kind(of: &impl core::fmt::Debug) -> String {
    let written = format!("{of:?}");
    let end = written.find(|c: char| !c.is_alphanumeric());
    written[..end.unwrap_or(written.len())].to_owned()
}
