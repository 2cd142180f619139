//! Hosts that one thread computes: everything that happens to them within one window of time.

mod outside;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::{Event, Instant};

use super::alarm::Needs;
use super::happening::{Datagram, Happening, Order, What};
use super::host::{Host, Power};
use super::report::{News, Report};
use super::watch::{Fact, Watch, When};
use crate::host::HostId;
use crate::network::{Fate, Network, Why};
use crate::wheel::{Timed as _, Wheel, Window};

/// Every n-th host, and what is going to happen to them.
pub(super) struct Shard<W> {
    index: usize,
    count: usize,
    hosts: Vec<Host>,
    /// How many hosts there are in all shards.
    all: u32,
    wheel: Wheel<Happening>,
    /// What happens still within the window that is being computed.
    soon: BinaryHeap<Reverse<Happening>>,
    /// The end of that window.
    end: Instant,
    /// When hosts that have fallen silent are asked next to free what is over.
    settle_at: Instant,
    /// What happens to hosts of other shards, in windows to come.
    abroad: Vec<Vec<Happening>>,
    reports: Vec<Report>,
    happenings: u64,
    buffer: Vec<u8>,
    watch: W,
}

impl<W: Watch> Shard<W> {
    /// Hosts remember what they sent for a virtual minute.
    const SETTLE: Duration = Duration::from_secs(60);

    pub(super) fn new(index: usize, count: usize, window: Duration, watch: W) -> Self {
        Self {
            index,
            count,
            hosts: Vec::new(),
            all: 0,
            wheel: Wheel::new(window),
            soon: BinaryHeap::new(),
            end: Instant::ORIGIN,
            settle_at: Instant::ORIGIN + Self::SETTLE,
            abroad: (0..count).map(|_| Vec::new()).collect(),
            reports: Vec::new(),
            happenings: 0,
            buffer: Vec::new(),
            watch,
        }
    }

    pub(super) fn reserve(&mut self, hosts: usize) {
        self.hosts.reserve_exact(hosts);
    }

    pub(super) fn add(&mut self, host: Host) {
        self.hosts.push(host);
    }

    /// There are so many hosts in all shards now.
    pub(super) const fn count_hosts(&mut self, all: u32) {
        self.all = all;
    }

    pub(super) fn host(&self, id: HostId) -> &Host {
        &self.hosts[self.place(id)]
    }

    pub(super) fn host_mut(&mut self, id: HostId) -> &mut Host {
        let place = self.place(id);
        &mut self.hosts[place]
    }

    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub(super) const fn watch(&self) -> &W {
        &self.watch
    }

    pub(super) const fn watch_mut(&mut self) -> &mut W {
        &mut self.watch
    }

    pub(super) fn first(&self) -> Option<Window> {
        self.wheel.first()
    }

    /// The first window in which anything happens to hosts of this shard, or to those of others
    /// because of what is to be handed to them.
    pub(super) fn first_anywhere(&self) -> Option<Window> {
        let abroad = self.abroad.iter().flatten().map(Happening::time).min();
        let abroad = abroad.map(|time| self.wheel.window_of(time));
        self.first().into_iter().chain(abroad).min()
    }

    pub(super) fn start_of(&self, window: Window) -> Instant {
        self.wheel.start_of(window)
    }

    pub(super) const fn happenings(&self) -> u64 {
        self.happenings
    }

    pub(super) fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// What is to be handed to another shard, in exchange for an empty list.
    pub(super) fn swap_abroad(&mut self, shard: usize, list: &mut Vec<Happening>) {
        std::mem::swap(&mut self.abroad[shard], list);
    }

    /// What is to be handed to another shard.
    pub(super) fn take_abroad(&mut self, shard: usize) -> Vec<Happening> {
        std::mem::take(&mut self.abroad[shard])
    }

    pub(super) fn plan(&mut self, happening: Happening) {
        self.wheel.push(happening);
    }

    /// Computes a window. Whatever lies before it has happened.
    pub(super) fn run(&mut self, window: Window, network: &Network) {
        self.end = self.wheel.end_of(window);
        self.settle(self.wheel.start_of(window));
        let mut due = self.wheel.take(window);
        due.sort_unstable();
        for happening in due {
            while self
                .soon
                .peek()
                .is_some_and(|Reverse(soon)| *soon < happening)
            {
                self.next_soon(network);
            }
            self.happen(happening, network);
        }
        while !self.soon.is_empty() {
            self.next_soon(network);
        }
    }

    fn settle(&mut self, now: Instant) {
        if now >= self.settle_at {
            self.settle_at = now + Self::SETTLE;
            for host in &mut self.hosts {
                host.attachment.settle(now);
            }
        }
    }

    fn next_soon(&mut self, network: &Network) {
        if let Some(Reverse(happening)) = self.soon.pop() {
            self.happen(happening, network);
        }
    }

    fn happen(&mut self, happening: Happening, network: &Network) {
        let Happening { at, to, what } = happening;
        self.happenings += 1;
        let when = self.when(to, at);
        let place = self.place(to);
        let host = &mut self.hosts[place];
        match what {
            What::Arrival(datagram) => match arrive(host, at, &datagram) {
                Arrived::Lost => return,
                Arrived::After(wait) => {
                    let (at, what) = (at + wait, What::Delivery(datagram));
                    return self.later(Happening { at, to, what });
                }
                Arrived::Now => {
                    if !deliver(host, to, when, datagram, &mut self.watch) {
                        return;
                    }
                }
            },
            What::Delivery(datagram) => {
                if !deliver(host, to, when, datagram, &mut self.watch) {
                    return;
                }
            }
            What::Written { up_to, start } => {
                if host.starts() != start {
                    return;
                }
                if let Some(backlog) = host.backlog() {
                    return backlog.push(What::Written { up_to, start });
                }
                if let Some(disk) = host.disk() {
                    disk.written(up_to);
                }
                if let Power::On(machine) = &mut host.power {
                    machine.handle_durable(when.reading, up_to);
                    self.watch.see(when, to, Fact::Durable { up_to });
                }
            }
            What::Order(order) => {
                if let Some(backlog) = host.backlog() {
                    return backlog.push(What::Order(order));
                }
                self.obey(to, when, *order);
            }
            What::Timer => {
                if !host.alarm.rings(at) || host.backlog().is_some() {
                    return;
                }
                if let Power::On(machine) = &mut host.power
                    && machine
                        .poll_timeout()
                        .is_some_and(|due| due <= when.reading)
                {
                    machine.handle_timeout(when.reading);
                    self.watch.see(when, to, Fact::Woken);
                }
            }
        }
        self.drain(to, at, network);
    }

    fn obey(&mut self, id: HostId, when: When, order: Order) {
        let Order { name, command } = order;
        let place = self.place(id);
        let news = match &mut self.hosts[place].power {
            Power::Off => News::Unheard,
            Power::On(machine) => {
                let answer = machine.start(when.reading, command.clone());
                let (command, answer) = (&command, &answer);
                self.watch.see(when, id, Fact::Ordered { command, answer });
                match answer {
                    Ok(op) => News::Started { op: *op },
                    Err(refused) => News::Refused(*refused),
                }
            }
        };
        self.reports.push(Report {
            at: when.at,
            host: id,
            order: Some(name),
            news,
        });
    }

    /// Passes on all that a machine has to give, and notes when it wants to be called.
    fn drain(&mut self, id: HostId, now: Instant, network: &Network) {
        let place = self.place(id);
        if self.hosts[place].backlog().is_some() {
            return;
        }
        let when = self.when(id, now);
        self.take_records(id, when);
        self.take_events(id, when);
        while let Power::On(machine) = &mut self.hosts[place].power
            && let Some(to) = machine.poll_transmit(&mut self.buffer)
        {
            let fate = self.send(id, now, to, network);
            let (fate, bytes) = (&fate, &self.buffer);
            self.watch.see(when, id, Fact::Sent { to, fate, bytes });
        }
        if let Power::On(machine) = &mut self.hosts[place].power {
            machine.shrink();
            self.watch.rest(when, id, &**machine);
        }
        self.arm(id, now);
    }

    fn take_records(&mut self, id: HostId, when: When) {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        let start = host.starts();
        let Power::On(machine) = &mut host.power else {
            return;
        };
        let mut disk = host.rare.as_mut().and_then(|rare| rare.disk.as_mut());
        let mut last = None;
        while let Some((number, record)) = machine.poll_record() {
            host.trace.record(when.at, &record);
            let fact = Fact::Recorded {
                number,
                record: &record,
            };
            self.watch.see(when, id, fact);
            match &mut disk {
                None => {
                    machine.handle_durable(when.reading, number);
                    let up_to = number;
                    self.watch.see(when, id, Fact::Durable { up_to });
                }
                Some(disk) => {
                    disk.write(when.reading, number, record);
                    last = Some((number, disk.delay()));
                }
            }
        }
        if let Some((up_to, delay)) = last {
            let (at, what) = (when.at + delay, What::Written { up_to, start });
            self.later(Happening { at, to: id, what });
        }
    }

    fn take_events(&mut self, id: HostId, when: When) {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        let Power::On(machine) = &mut host.power else {
            return;
        };
        let mut disk = host.rare.as_mut().and_then(|rare| rare.disk.as_mut());
        while let Some(event) = machine.poll_event() {
            host.trace.event(when.at, &event);
            self.watch.see(when, id, Fact::Told(&event));
            match event {
                Event::Ended { .. } | Event::Values { .. } => self.reports.push(Report {
                    at: when.at,
                    host: id,
                    order: None,
                    news: News::Event(Box::new(event)),
                }),
                Event::Checkpoint => {
                    if let Some(disk) = &mut disk {
                        disk.save(machine.node().snapshot(when.reading), when.reading);
                    }
                }
                Event::Alone | Event::BootstrapWanted | Event::Online { .. } => {}
            }
        }
    }

    fn send(&mut self, id: HostId, now: Instant, to: SocketAddr, network: &Network) -> Fate {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        host.traffic.sent += 1;
        host.traffic.bytes += self.buffer.len() as u64;
        let receiver = HostId::at(to).filter(|receiver| receiver.number() < self.all);
        let (Some(receiver), SocketAddr::V4(to_v4)) = (receiver, to) else {
            host.traffic.lost += 1;
            let fate = Fate::Lost(Why::Nobody);
            host.trace.datagram(now, to, &fate, &self.buffer);
            return fate;
        };
        let sent = network.send(&mut host.attachment, now, receiver, to, self.buffer.len());
        host.trace.datagram(now, to, &sent.fate, &self.buffer);
        if let Fate::Lost(_) = sent.fate {
            host.traffic.lost += 1;
        }
        for arrival in sent.arrivals() {
            let SocketAddr::V4(from) = arrival.from else {
                continue;
            };
            let datagram = Datagram {
                sender: id,
                number: arrival.number,
                from,
                to: to_v4,
                bytes: self.buffer.as_slice().into(),
            };
            let what = What::Arrival(Box::new(datagram));
            self.post(Happening {
                at: now + arrival.after,
                to: receiver,
                what,
            });
        }
        sent.fate
    }

    /// Hands a happening to the shard of its host.
    fn post(&mut self, happening: Happening) {
        let shard = happening.to.number() as usize % self.count;
        if shard == self.index {
            self.later(happening);
        } else {
            self.abroad[shard].push(happening);
        }
    }

    fn later(&mut self, happening: Happening) {
        if happening.time() < self.end {
            self.soon.push(Reverse(happening));
        } else {
            self.wheel.push(happening);
        }
    }

    fn arm(&mut self, id: HostId, now: Instant) {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        let Power::On(machine) = &host.power else {
            return;
        };
        let Some(due) = machine.poll_timeout() else {
            return;
        };
        let at = match &host.rare {
            None => due,
            Some(rare) => rare.clock.when(due),
        };
        let at = at.max(now);
        if host.alarm.set(at) == Needs::Timer {
            self.later(Happening {
                at,
                to: id,
                what: What::Timer,
            });
        }
    }

    fn when(&self, id: HostId, at: Instant) -> When {
        let reading = match &self.host(id).rare {
            None => at,
            Some(rare) => rare.clock.read(at),
        };
        When { at, reading }
    }

    fn place(&self, id: HostId) -> usize {
        debug_assert_eq!(id.number() as usize % self.count, self.index);
        id.number() as usize / self.count
    }
}

/// What becomes of a datagram at the line of its receiver.
enum Arrived {
    Lost,
    Now,
    After(Duration),
}

fn arrive(host: &mut Host, at: Instant, datagram: &Datagram) -> Arrived {
    let (from, to) = (datagram.from.into(), datagram.to.into());
    let slowness = host.rare.as_ref().map(|rare| rare.slowness);
    let wait = match host.attachment.receive(at, from, to, datagram.bytes.len()) {
        Ok(wait) => wait + slowness.unwrap_or_default(),
        Err(_) => return Arrived::Lost,
    };
    if wait.is_zero() {
        Arrived::Now
    } else {
        Arrived::After(wait)
    }
}

/// Gives a datagram to the machine; says whether there is one that has it now.
fn deliver<W: Watch>(
    host: &mut Host,
    id: HostId,
    when: When,
    datagram: Box<Datagram>,
    watch: &mut W,
) -> bool {
    if let Some(backlog) = host.backlog() {
        backlog.push(What::Delivery(datagram));
        return false;
    }
    let Power::On(machine) = &mut host.power else {
        return false;
    };
    let (from, bytes) = (datagram.from.into(), &*datagram.bytes);
    watch.see(when, id, Fact::Heard { from, bytes });
    machine.handle_datagram(when.reading, from, bytes);
    true
}
