//! The world: hosts on a network, in virtual time, computed by one thread or by several.
//!
//! Time goes by in windows as long as the network's floor. What is sent in a window arrives in a
//! later one, so within a window no host can know what any other does in it: hosts are dealt out to
//! threads, each computes its own, and at the edge they hand over what is on its way. The outcome
//! is the same, bit for bit, for any number of threads.

mod happening;
mod host;
mod parallel;
mod report;
mod shard;

use std::time::Duration;

use khashmir::{Command, Instant, Node};

pub use host::Traffic;
pub use report::{News, Report};

use crate::host::HostId;
use crate::network::{Attachment, Network};
use crate::trace::TraceHash;
use happening::{Happening, Order, What};
use host::{Host, Power};
use shard::Shard;

/// Hosts on a network.
pub struct World {
    network: Network,
    shards: Vec<Shard>,
    hosts: u32,
    now: Instant,
    orders: u64,
    windows: u64,
}

impl World {
    /// A world without hosts, computed by so many threads, at least one.
    #[must_use]
    pub fn new(network: Network, threads: usize) -> Self {
        let threads = threads.max(1);
        let window = network.floor();
        let shards = (0..threads)
            .map(|index| Shard::new(index, threads, window))
            .collect();
        Self {
            network,
            shards,
            hosts: 0,
            now: Instant::ORIGIN,
            orders: 0,
            windows: 0,
        }
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to change it for the windows to come.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The present: the edge of a window.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many hosts there are, on or off.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.hosts as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hosts == 0
    }

    /// The host that comes next.
    #[must_use]
    pub const fn next_host(&self) -> HostId {
        HostId::new(self.hosts)
    }

    /// Adds the [next host](Self::next_host), which is off, attached to the network like that.
    pub fn add(&mut self, attachment: Attachment) -> HostId {
        let id = self.next_host();
        debug_assert_eq!(attachment.host(), id);
        self.hosts += 1;
        self.shard(id).add(Host {
            power: Power::Off,
            attachment,
            armed: None,
            trace: TraceHash::default(),
            traffic: Traffic::default(),
        });
        id
    }

    /// Lets a node run on a host; gives the one that ran there.
    pub fn switch_on(&mut self, id: HostId, node: Node) -> Option<Node> {
        self.switch(id, Some(node))
    }

    /// Stops the node of a host at once, as a loss of power does; gives it.
    pub fn switch_off(&mut self, id: HostId) -> Option<Node> {
        self.switch(id, None)
    }

    /// The node that runs on a host.
    #[must_use]
    pub fn node(&self, id: HostId) -> Option<&Node> {
        let shard = &self.shards[id.number() as usize % self.shards.len()];
        match &shard.host(id).power {
            Power::Off => None,
            Power::On(node) => Some(node),
        }
    }

    /// Gives a node a command at a time to come. The name that comes back is in the report of
    /// whether it was accepted.
    pub fn order(&mut self, at: Instant, to: HostId, command: Command) -> u64 {
        self.orders += 1;
        let order = Order {
            name: self.orders,
            command,
        };
        let what = What::Order(Box::new(order));
        self.shard(to).plan(Happening { at, to, what });
        self.orders
    }

    /// Lets time go by up to the first edge of a window no earlier than `until`; gives what the
    /// users of nodes were told, in the order of time and hosts.
    pub fn run_until(&mut self, until: Instant) -> Vec<Report> {
        let until = self.edge(until);
        self.windows += if self.shards.len() == 1 {
            self.run_alone(until)
        } else {
            parallel::run(&mut self.shards, &self.network, until)
        };
        self.now = self.now.max(until);
        let mut reports: Vec<Report> = self
            .shards
            .iter_mut()
            .flat_map(Shard::take_reports)
            .collect();
        reports.sort_by_key(|report| (report.at, report.host));
        reports
    }

    /// The same for a span of time.
    pub fn run(&mut self, time: Duration) -> Vec<Report> {
        self.run_until(self.now + time)
    }

    /// The hash of all that all hosts did.
    #[must_use]
    pub fn trace_hash(&self) -> TraceHash {
        TraceHash::combine(self.in_order().map(|host| host.trace))
    }

    /// What went over the network.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let mut all = Traffic::default();
        for host in self.in_order() {
            all += host.traffic;
        }
        all
    }

    /// How many things have happened to hosts.
    #[must_use]
    pub fn happenings(&self) -> u64 {
        self.shards.iter().map(Shard::happenings).sum()
    }

    /// How many windows were computed: those in which anything happened.
    #[must_use]
    pub const fn windows(&self) -> u64 {
        self.windows
    }

    fn in_order(&self) -> impl Iterator<Item = &Host> {
        let rounds = (0..self.hosts as usize)
            .map(|number| (number % self.shards.len(), number / self.shards.len()));
        rounds.map(|(shard, place)| &self.shards[shard].hosts()[place])
    }

    fn switch(&mut self, id: HostId, node: Option<Node>) -> Option<Node> {
        let shards = self.shards.len();
        let shard = &mut self.shards[id.number() as usize % shards];
        let before = shard.switch(id, self.now, node, &self.network);
        self.hand_over();
        before
    }

    fn run_alone(&mut self, until: Instant) -> u64 {
        let mut windows = 0;
        let shard = &mut self.shards[0];
        while let Some(window) = shard
            .first()
            .filter(|window| shard.start_of(*window) < until)
        {
            shard.run(window, &self.network);
            windows += 1;
        }
        windows
    }

    fn hand_over(&mut self) {
        for from in 0..self.shards.len() {
            for to in 0..self.shards.len() {
                for happening in self.shards[from].take_abroad(to) {
                    self.shards[to].plan(happening);
                }
            }
        }
    }

    /// The first edge of a window no earlier than that.
    fn edge(&self, at: Instant) -> Instant {
        let window = u64::try_from(self.network.floor().as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        Instant::from_nanos(at.as_nanos().div_ceil(window).saturating_mul(window))
    }

    fn shard(&mut self, id: HostId) -> &mut Shard {
        let count = self.shards.len();
        &mut self.shards[id.number() as usize % count]
    }
}
