//! Hosts that one thread computes: everything that happens to them within one window of time.

mod delivery;
mod outside;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::{Event, Instant};

use delivery::{Arrived, arrive};

use super::alarm::Needs;
use super::host::{Host, Power};
use super::host_event::{Datagram, EventKind, HostEvent, Order};
use super::keyed::{KeyCounter, Way};
use super::observer::{Fact, Observer, When};
use super::report::{News, Report};
use crate::host::HostId;
use crate::network::{Fate, LossCause, LossCounts, LossPlace, Network};
use crate::wheel::{Timed as _, Wheel, Window};

/// Every n-th host, and what is going to happen to them.
pub(super) struct Shard<W> {
    index: usize,
    count: usize,
    hosts: Vec<Host>,
    /// How many hosts there are in all shards.
    all: u32,
    wheel: Wheel<HostEvent>,
    /// Events within the window that is being computed, which arose in it.
    soon: BinaryHeap<Reverse<HostEvent>>,
    /// The end of that window.
    end: Instant,
    /// When all hosts next free links and mappings that have expired.
    settle_at: Instant,
    /// Events for hosts of other shards, by shard.
    outgoing: Vec<Vec<HostEvent>>,
    reports: Vec<Report>,
    events: u64,
    losses: LossCounts,
    buffer: Vec<u8>,
    /// Counts what is about certain keys, if anything is to be counted.
    keyed: Option<Box<KeyCounter>>,
    observer: W,
}

impl<W: Observer> Shard<W> {
    /// Hosts remember what they sent for a virtual minute.
    const SETTLE: Duration = Duration::from_secs(60);

    pub(super) fn new(index: usize, count: usize, window: Duration, observer: W) -> Self {
        Self {
            index,
            count,
            hosts: Vec::new(),
            all: 0,
            wheel: Wheel::new(window),
            soon: BinaryHeap::new(),
            end: Instant::ORIGIN,
            settle_at: Instant::ORIGIN + Self::SETTLE,
            outgoing: (0..count).map(|_| Vec::new()).collect(),
            reports: Vec::new(),
            events: 0,
            losses: LossCounts::default(),
            buffer: Vec::new(),
            keyed: None,
            observer,
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

    pub(super) const fn observer(&self) -> &W {
        &self.observer
    }

    pub(super) const fn observer_mut(&mut self) -> &mut W {
        &mut self.observer
    }

    pub(super) fn first(&self) -> Option<Window> {
        self.wheel.first()
    }

    /// The first window in which anything happens to hosts of this shard, or to those of others
    /// because of what is to be handed to them.
    pub(super) fn first_anywhere(&self) -> Option<Window> {
        let outgoing = self.outgoing.iter().flatten().map(HostEvent::time).min();
        let outgoing = outgoing.map(|time| self.wheel.window_of(time));
        self.first().into_iter().chain(outgoing).min()
    }

    pub(super) fn start_of(&self, window: Window) -> Instant {
        self.wheel.start_of(window)
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    pub(super) const fn losses(&self) -> &LossCounts {
        &self.losses
    }

    pub(super) fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// What is to be handed to another shard, in exchange for an empty list.
    pub(super) fn swap_outgoing(&mut self, shard: usize, list: &mut Vec<HostEvent>) {
        std::mem::swap(&mut self.outgoing[shard], list);
    }

    /// What is to be handed to another shard.
    pub(super) fn take_outgoing(&mut self, shard: usize) -> Vec<HostEvent> {
        std::mem::take(&mut self.outgoing[shard])
    }

    pub(super) fn plan(&mut self, event: HostEvent) {
        self.wheel.push(event);
    }

    /// Computes a window. Whatever lies before it has happened.
    pub(super) fn run(&mut self, window: Window, network: &Network) {
        self.end = self.wheel.end_of(window);
        self.settle(self.wheel.start_of(window));
        let mut due = self.wheel.take(window);
        due.sort_unstable();
        for event in due {
            while self.soon.peek().is_some_and(|Reverse(soon)| *soon < event) {
                self.next_soon(network);
            }
            self.handle(event, network);
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
        if let Some(Reverse(event)) = self.soon.pop() {
            self.handle(event, network);
        }
    }

    fn handle(&mut self, event: HostEvent, network: &Network) {
        let HostEvent { at, to, what } = event;
        self.events += 1;
        let when = self.when(to, at);
        let place = self.place(to);
        let host = &mut self.hosts[place];
        match what {
            EventKind::Arrival(datagram) => match arrive(host, at, &datagram) {
                Arrived::Lost(cause) => return self.losses.count(LossPlace::Receiver, cause),
                Arrived::After(wait) => {
                    let (at, what) = (at + wait, EventKind::Delivery(datagram));
                    return self.later(HostEvent { at, to, what });
                }
                Arrived::Now => {
                    if !self.deliver(to, when, datagram) {
                        return;
                    }
                }
            },
            EventKind::Delivery(datagram) => {
                if !self.deliver(to, when, datagram) {
                    return;
                }
            }
            EventKind::Written { up_to, start } => {
                if host.starts() != start {
                    return;
                }
                if host.backlog().is_some() {
                    return self.hold_back(to, at, EventKind::Written { up_to, start });
                }
                if let Some(disk) = host.disk() {
                    disk.written(up_to);
                }
                if let Power::On(machine) = &mut host.power {
                    machine.handle_durable(when.reading, up_to);
                    self.observer.see(when, to, Fact::Durable { up_to });
                }
            }
            EventKind::Order(order) => {
                if host.backlog().is_some() {
                    return self.hold_back(to, at, EventKind::Order(order));
                }
                self.obey(to, when, *order);
            }
            EventKind::Timer => {
                if !host.alarm.rings(at) || host.backlog().is_some() {
                    return;
                }
                if let Power::On(machine) = &mut host.power
                    && machine
                        .poll_timeout()
                        .is_some_and(|due| due <= when.reading)
                {
                    machine.handle_timeout(when.reading);
                    self.observer.see(when, to, Fact::Woken);
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
                self.observer
                    .see(when, id, Fact::Ordered { command, answer });
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
            if let Some(keyed) = &mut self.keyed {
                keyed.pass(now, id, to, Way::Out, bytes);
            }
            self.observer.see(when, id, Fact::Sent { to, fate, bytes });
        }
        if let Power::On(machine) = &mut self.hosts[place].power {
            machine.shrink();
            self.observer.rest(when, id, &**machine);
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
            self.observer.see(when, id, fact);
            match &mut disk {
                None => {
                    machine.handle_durable(when.reading, number);
                    let up_to = number;
                    self.observer.see(when, id, Fact::Durable { up_to });
                }
                Some(disk) => {
                    disk.write(when.reading, number, record);
                    last = Some((number, disk.delay()));
                }
            }
        }
        if let Some((up_to, delay)) = last {
            let (at, what) = (when.at + delay, EventKind::Written { up_to, start });
            self.later(HostEvent { at, to: id, what });
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
            self.observer.see(when, id, Fact::Told(&event));
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
                Event::Alone
                | Event::BootstrapWanted
                | Event::CopiesLost { .. }
                | Event::FewPrefixes
                | Event::Kept { .. }
                | Event::Online { .. } => {}
                _ => {}
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
            self.losses.count(LossPlace::Network, LossCause::Nobody);
            let fate = Fate::Lost(LossCause::Nobody);
            host.trace.datagram(now, to, &fate, &self.buffer);
            return fate;
        };
        let sent = network.send(&mut host.attachment, now, receiver, to, self.buffer.len());
        host.trace.datagram(now, to, &sent.fate, &self.buffer);
        if let Fate::Lost(cause) = sent.fate {
            host.traffic.lost += 1;
            self.losses.count(cause.place_on_the_way(), cause);
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
            let what = EventKind::Arrival(Box::new(datagram));
            self.post(HostEvent {
                at: now + arrival.after,
                to: receiver,
                what,
            });
        }
        sent.fate
    }

    /// Hands an event to the shard of its host.
    fn post(&mut self, event: HostEvent) {
        let shard = event.to.number() as usize % self.count;
        if shard == self.index {
            self.later(event);
        } else {
            self.outgoing[shard].push(event);
        }
    }

    fn later(&mut self, event: HostEvent) {
        if event.time() < self.end {
            self.soon.push(Reverse(event));
        } else {
            self.wheel.push(event);
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
            self.later(HostEvent {
                at,
                to: id,
                what: EventKind::Timer,
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
