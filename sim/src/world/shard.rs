//! Hosts that one thread computes: everything that happens to them within one window of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use khashmir::{Event, Instant, Node};

use super::happening::{Datagram, Happening, Order, What};
use super::host::{Host, Power};
use super::report::{News, Report};
use crate::host::HostId;
use crate::network::{Fate, Network, Why};
use crate::wheel::{Timed as _, Wheel, Window};

/// Every n-th host, and what is going to happen to them.
pub(super) struct Shard {
    index: usize,
    count: usize,
    hosts: Vec<Host>,
    wheel: Wheel<Happening>,
    /// What happens still within the window that is being computed.
    soon: BinaryHeap<Reverse<Happening>>,
    /// The end of that window.
    end: Instant,
    /// What happens to hosts of other shards, in windows to come.
    abroad: Vec<Vec<Happening>>,
    reports: Vec<Report>,
    happenings: u64,
    buffer: Vec<u8>,
}

impl Shard {
    pub(super) fn new(index: usize, count: usize, window: Duration) -> Self {
        Self {
            index,
            count,
            hosts: Vec::new(),
            wheel: Wheel::new(window),
            soon: BinaryHeap::new(),
            end: Instant::ORIGIN,
            abroad: (0..count).map(|_| Vec::new()).collect(),
            reports: Vec::new(),
            happenings: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, host: Host) {
        self.hosts.push(host);
    }

    pub(super) fn host(&self, id: HostId) -> &Host {
        &self.hosts[self.place(id)]
    }

    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub(super) fn first(&self) -> Option<Window> {
        self.wheel.first()
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

    /// What is to be handed to another shard.
    pub(super) fn take_abroad(&mut self, shard: usize) -> Vec<Happening> {
        std::mem::take(&mut self.abroad[shard])
    }

    pub(super) fn plan(&mut self, happening: Happening) {
        self.wheel.push(happening);
    }

    /// Changes a host between windows: gives it a node, or takes it away.
    pub(super) fn switch(
        &mut self,
        id: HostId,
        now: Instant,
        node: Option<Node>,
        network: &Network,
    ) -> Option<Node> {
        let place = self.place(id);
        let power = node.map_or(Power::Off, |node| Power::On(Box::new(node)));
        self.hosts[place].armed = None;
        let before = std::mem::replace(&mut self.hosts[place].power, power);
        self.drain(id, now, network);
        match before {
            Power::Off => None,
            Power::On(node) => Some(*node),
        }
    }

    /// Computes a window. Whatever lies before it has happened.
    pub(super) fn run(&mut self, window: Window, network: &Network) {
        self.end = self.wheel.end_of(window);
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

    fn next_soon(&mut self, network: &Network) {
        if let Some(Reverse(happening)) = self.soon.pop() {
            self.happen(happening, network);
        }
    }

    fn happen(&mut self, happening: Happening, network: &Network) {
        let Happening { at, to, what } = happening;
        self.happenings += 1;
        let place = self.place(to);
        let host = &mut self.hosts[place];
        match what {
            What::Arrival(datagram) => {
                let (from, addr) = (datagram.from.into(), datagram.to.into());
                match host
                    .attachment
                    .receive(at, from, addr, datagram.bytes.len())
                {
                    Err(_) => return,
                    Ok(Duration::ZERO) => deliver(host, at, &datagram),
                    Ok(wait) => {
                        let what = What::Delivery(datagram);
                        return self.later(Happening {
                            at: at + wait,
                            to,
                            what,
                        });
                    }
                }
            }
            What::Delivery(datagram) => deliver(host, at, &datagram),
            What::Order(order) => self.obey(to, at, *order),
            What::Timer if host.armed == Some(at) => {
                host.armed = None;
                if let Power::On(node) = &mut host.power
                    && node.poll_timeout().is_some_and(|due| due <= at)
                {
                    node.handle_timeout(at);
                }
            }
            What::Timer => return,
        }
        self.drain(to, at, network);
    }

    fn obey(&mut self, id: HostId, at: Instant, order: Order) {
        let place = self.place(id);
        let news = match &mut self.hosts[place].power {
            Power::Off => News::Unheard,
            Power::On(node) => match node.start(at, order.command) {
                Ok(op) => News::Started { op },
                Err(refused) => News::Refused(refused),
            },
        };
        self.reports.push(Report {
            at,
            host: id,
            order: Some(order.name),
            news,
        });
    }

    /// Passes on all that a node has to give, and notes when it wants to be called.
    fn drain(&mut self, id: HostId, now: Instant, network: &Network) {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        let Power::On(node) = &mut host.power else {
            return;
        };
        while let Some((number, record)) = node.poll_record() {
            host.trace.record(now, &record);
            node.handle_durable(now, number);
        }
        while let Some(event) = node.poll_event() {
            host.trace.event(now, &event);
            match event {
                Event::Ended { .. } | Event::Values { .. } => {
                    let news = News::Event(Box::new(event));
                    self.reports.push(Report {
                        at: now,
                        host: id,
                        order: None,
                        news,
                    });
                }
                Event::Alone | Event::Checkpoint | Event::Online { .. } => {}
            }
        }
        while let Power::On(node) = &mut self.hosts[place].power
            && let Some(to) = node.poll_transmit(&mut self.buffer)
        {
            self.send(id, now, to, network);
        }
        self.arm(id, now);
    }

    fn send(&mut self, id: HostId, now: Instant, to: SocketAddr, network: &Network) {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        host.traffic.sent += 1;
        host.traffic.bytes += self.buffer.len() as u64;
        let Some(receiver) = HostId::at(to) else {
            host.traffic.lost += 1;
            return host
                .trace
                .datagram(now, to, &Fate::Lost(Why::Nobody), &self.buffer);
        };
        let sent = network.send(&mut host.attachment, now, receiver, to, self.buffer.len());
        host.trace.datagram(now, to, &sent.fate, &self.buffer);
        if let Fate::Lost(_) = sent.fate {
            host.traffic.lost += 1;
        }
        let SocketAddr::V4(to) = to else {
            return;
        };
        for arrival in sent.arrivals() {
            let SocketAddr::V4(from) = arrival.from else {
                continue;
            };
            let bytes = self.buffer.as_slice().into();
            let datagram = Datagram {
                sender: id,
                number: arrival.number,
                from,
                to,
                bytes,
            };
            let what = What::Arrival(Box::new(datagram));
            self.post(Happening {
                at: now + arrival.after,
                to: receiver,
                what,
            });
        }
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
        let Power::On(node) = &host.power else {
            return;
        };
        let Some(at) = node.poll_timeout().map(|at| at.max(now)) else {
            return;
        };
        if host.armed.is_none_or(|armed| at < armed) {
            host.armed = Some(at);
            self.later(Happening {
                at,
                to: id,
                what: What::Timer,
            });
        }
    }

    fn place(&self, id: HostId) -> usize {
        debug_assert_eq!(id.number() as usize % self.count, self.index);
        id.number() as usize / self.count
    }
}

fn deliver(host: &mut Host, at: Instant, datagram: &Datagram) {
    if let Power::On(node) = &mut host.power {
        let from: SocketAddrV4 = datagram.from;
        node.handle_datagram(at, from.into(), &datagram.bytes);
    }
}
