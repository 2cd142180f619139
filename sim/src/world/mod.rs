//! The world: hosts on a network, in virtual time, computed by one thread or by several.
//!
//! Time goes by in windows as long as the network's floor. What is sent in a window arrives in a
//! later one, so within a window no host can know what any other does in it: hosts are dealt out to
//! threads, each computes its own, and at the edge they hand over what is on its way. The outcome
//! is the same, bit for bit, for any number of threads.

mod alarm;
mod barrier;
mod clock;
mod disk;
mod host;
mod host_event;
mod keyed;
mod machine;
mod observer;
mod parallel;
mod report;
mod shard;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use khashmir::{Command, Id, Instant, Node};

pub use clock::Clock;
pub use disk::Disk;
pub use host::Traffic;
pub use keyed::{Exchanged, KeyTraffic};
pub use machine::Machine;
pub use observer::{Fact, Observer, When};
pub use report::{News, Report};

use crate::host::HostId;
use crate::network::{Access, Attachment, LossCounts, Network};
use crate::stop::Stop;
use crate::trace::TraceHash;
use host::{Host, Power};
use host_event::{EventKind, HostEvent, Order};
use parallel::RunStats;
use shard::Shard;

/// Hosts on a network, and the [observers](Observer) of what happens to them.
pub struct World<W = ()> {
    network: Network,
    shards: Vec<Shard<W>>,
    hosts: u32,
    now: Instant,
    orders: u64,
    run_stats: RunStats,
    stop: Stop,
}

impl World {
    /// A world without hosts, computed by so many threads, at least one.
    #[must_use]
    pub fn new(network: Network, threads: usize) -> Self {
        Self::observed(network, threads, || ())
    }
}

impl<W: Observer> World<W> {
    /// A world without hosts, computed by so many threads, at least one, each of which has an
    /// observer of its own.
    #[must_use]
    pub fn observed(network: Network, threads: usize, mut observer: impl FnMut() -> W) -> Self {
        let threads = threads.max(1);
        let window = network.floor();
        let shards = (0..threads)
            .map(|index| Shard::new(index, threads, window, observer()))
            .collect();
        Self {
            network,
            shards,
            hosts: 0,
            now: Instant::ORIGIN,
            orders: 0,
            run_stats: RunStats::default(),
            stop: Stop::default(),
        }
    }

    /// Lets time stand still as soon as the stop is requested.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
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

    /// Makes room for so many more hosts, and no more than that.
    pub fn reserve(&mut self, hosts: usize) {
        let of_each = hosts.div_ceil(self.shards.len());
        for shard in &mut self.shards {
            shard.reserve(of_each);
        }
    }

    /// Adds the [next host](Self::next_host), which is off, attached to the network like that.
    pub fn add(&mut self, attachment: Attachment) -> HostId {
        let id = self.next_host();
        debug_assert_eq!(attachment.host(), id);
        self.hosts += 1;
        self.shard(id)
            .add(Host::new(attachment, TraceHash::default()));
        let all = self.hosts;
        for shard in &mut self.shards {
            shard.count_hosts(all);
        }
        id
    }

    // ---- between windows

    /// Lets a machine run on a host; gives the one that ran there.
    pub fn switch_on(
        &mut self,
        id: HostId,
        machine: impl Into<Box<dyn Machine>>,
    ) -> Option<Box<dyn Machine>> {
        self.switch(id, Some(machine.into()))
    }

    /// Stops the machine of a host at once, as a loss of power does; gives it.
    pub fn switch_off(&mut self, id: HostId) -> Option<Box<dyn Machine>> {
        self.switch(id, None)
    }

    /// Gives a host a disk, in place of the one that it has: without one, what a machine writes
    /// down is safe at once, and lost when it stops.
    pub fn set_disk(&mut self, id: HostId, disk: Disk) {
        self.shard(id).host_mut(id).rare().disk = Some(disk);
    }

    /// Lets a host wait that long before it takes in what arrives.
    pub fn set_slowness(&mut self, id: HostId, slowness: Duration) {
        self.shard(id).host_mut(id).rare().slowness = slowness;
    }

    /// Gives a host another line.
    pub fn set_access(&mut self, id: HostId, access: Option<Access>) {
        self.shard(id).host_mut(id).attachment.set_access(access);
    }

    /// Sets the clock of a host.
    pub fn set_clock(&mut self, id: HostId, clock: Clock) {
        self.change(id, |shard, now, network| {
            shard.set_clock(id, now, clock, network);
        });
    }

    /// Lets a host stand still: what arrives waits until it is resumed, or switched on or off.
    pub fn pause(&mut self, id: HostId) {
        self.change(id, |shard, now, _| shard.pause(id, now));
    }

    /// Lets a host that stood still go on.
    pub fn resume(&mut self, id: HostId) {
        self.change(id, |shard, now, network| shard.resume(id, now, network));
    }

    /// Lets the node of a host leave its network.
    pub fn leave(&mut self, id: HostId) {
        self.change(id, |shard, now, network| shard.leave(id, now, network));
    }

    /// Sends a datagram from a host of which its machine knows nothing.
    pub fn forge(&mut self, from: HostId, to: SocketAddr, bytes: &[u8]) {
        self.change(from, |shard, now, network| {
            shard.forge(from, now, to, bytes, network);
        });
    }

    /// Counts from now on what goes over the network about these keys, each of which has an owner.
    pub fn count_keys(&mut self, owners: BTreeMap<Id, HostId>) {
        let owners = Arc::new(owners);
        for shard in &mut self.shards {
            shard.count_keys(Arc::clone(&owners));
        }
    }

    // ---- looks

    /// The node that runs on a host.
    #[must_use]
    pub fn node(&self, id: HostId) -> Option<&Node> {
        match &self.host(id).power {
            Power::Off => None,
            Power::On(machine) => Some(machine.node()),
        }
    }

    /// The clock of a host.
    #[must_use]
    pub fn clock(&self, id: HostId) -> Clock {
        self.host(id).clock()
    }

    /// The disk of a host, if it has one.
    #[must_use]
    pub fn disk(&self, id: HostId) -> Option<&Disk> {
        self.host(id).rare.as_ref()?.disk.as_ref()
    }

    /// What went over the network from a host.
    #[must_use]
    pub fn traffic_of(&self, id: HostId) -> Traffic {
        self.host(id).traffic
    }

    /// What went over the network about keys since they are [counted](Self::count_keys).
    #[must_use]
    pub fn key_traffic(&self) -> KeyTraffic {
        let mut all = KeyTraffic::default();
        for shard in &self.shards {
            all += shard.key_traffic();
        }
        all
    }

    /// The observers, one for each thread.
    pub fn observers(&self) -> impl Iterator<Item = &W> {
        self.shards.iter().map(Shard::observer)
    }

    /// The observers, to take from them what they have found.
    pub fn observers_mut(&mut self) -> impl Iterator<Item = &mut W> {
        self.shards.iter_mut().map(Shard::observer_mut)
    }

    // ---- time

    /// Gives a node a command at a time to come. The number that it returns is in the
    /// report of whether the node accepted it.
    pub fn order(&mut self, at: Instant, to: HostId, command: Command) -> u64 {
        self.orders += 1;
        let order = Order {
            name: self.orders,
            command,
        };
        let what = EventKind::Order(Box::new(order));
        self.shard(to).plan(HostEvent { at, to, what });
        self.orders
    }

    /// Lets time go by up to the first edge of a window no earlier than `until`; gives what the
    /// users of nodes were told, in the order of time and hosts. Time goes by less far when the
    /// world is asked to [stop](Self::with_stop) meanwhile.
    pub fn run_until(&mut self, until: Instant) -> Vec<Report> {
        let until = self.edge(until);
        let run_stats = if self.shards.len() == 1 {
            self.run_alone(until)
        } else {
            parallel::run(&mut self.shards, &self.network, until, &self.stop)
        };
        self.run_stats.windows += run_stats.windows;
        self.run_stats.time += run_stats.time;
        self.run_stats.waiting += run_stats.waiting;
        let next = self.shards.iter().filter_map(|shard| {
            let window = shard.first()?;
            Some(shard.start_of(window))
        });
        // Only a world that was stopped has anything left to do before that.
        let reached = next.min().map_or(until, |next| next.min(until));
        self.now = self.now.max(reached);
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

    /// How many datagrams were lost, by place and cause.
    #[must_use]
    pub fn losses(&self) -> LossCounts {
        let mut all = LossCounts::default();
        for shard in &self.shards {
            all += *shard.losses();
        }
        all
    }

    /// How many things have happened to hosts.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.shards.iter().map(Shard::events).sum()
    }

    /// How many windows were computed: those in which anything happened.
    #[must_use]
    pub const fn windows(&self) -> u64 {
        self.run_stats.windows
    }

    /// The share of their time that threads have waited for each other so far, by the machine's
    /// clock: none with one thread.
    #[must_use]
    pub fn waiting_share(&self) -> f64 {
        let RunStats { time, waiting, .. } = self.run_stats;
        if time.is_zero() {
            0.0
        } else {
            waiting.as_secs_f64() / time.as_secs_f64()
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Host> {
        let rounds = (0..self.hosts as usize)
            .map(|number| (number % self.shards.len(), number / self.shards.len()));
        rounds.map(|(shard, place)| &self.shards[shard].hosts()[place])
    }

    fn host(&self, id: HostId) -> &Host {
        self.shards[id.number() as usize % self.shards.len()].host(id)
    }

    fn switch(
        &mut self,
        id: HostId,
        machine: Option<Box<dyn Machine>>,
    ) -> Option<Box<dyn Machine>> {
        self.change(id, |shard, now, network| {
            shard.switch(id, now, machine, network)
        })
    }

    /// Does something to a host between two windows.
    fn change<T>(
        &mut self,
        id: HostId,
        how: impl FnOnce(&mut Shard<W>, Instant, &Network) -> T,
    ) -> T {
        let place = id.number() as usize % self.shards.len();
        let result = how(&mut self.shards[place], self.now, &self.network);
        self.hand_over();
        result
    }

    fn run_alone(&mut self, until: Instant) -> RunStats {
        let mut run_stats = RunStats::default();
        let shard = &mut self.shards[0];
        while let Some(window) = shard
            .first()
            .filter(|window| shard.start_of(*window) < until && !self.stop.is_requested())
        {
            shard.run(window, &self.network);
            run_stats.windows += 1;
        }
        run_stats
    }

    fn hand_over(&mut self) {
        for from in 0..self.shards.len() {
            for to in 0..self.shards.len() {
                for event in self.shards[from].take_outgoing(to) {
                    self.shards[to].plan(event);
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

    fn shard(&mut self, id: HostId) -> &mut Shard<W> {
        let count = self.shards.len();
        &mut self.shards[id.number() as usize % count]
    }
}
