//! What can happen to a host, and in which order.

use std::cmp::Ordering;
use std::net::SocketAddrV4;

use khashmir::{Command, Instant, RecordNo};

use crate::host::HostId;
use crate::wheel::Timed;

/// Something that happens to a host at a certain time.
#[derive(Debug)]
pub(super) struct HostEvent {
    pub(super) at: Instant,
    pub(super) to: HostId,
    pub(super) what: EventKind,
}

#[derive(Debug)]
pub(super) enum EventKind {
    /// A datagram reaches its line.
    Arrival(Box<Datagram>),
    /// A datagram has come over its line.
    Delivery(Box<Datagram>),
    /// Records have reached its disk.
    Written {
        /// Up to this one.
        up_to: RecordNo,
        /// Which machine wrote them: see [`Rare::starts`](super::host::Rare::starts).
        start: u32,
    },
    /// Its user wants something.
    Order(Box<Order>),
    /// Its node asked to be called.
    Timer,
}

/// A datagram on its way.
#[derive(Debug)]
pub(super) struct Datagram {
    /// The host that sent it.
    pub(super) sender: HostId,
    /// Its number on its link, which no other datagram there ever has.
    pub(super) number: u64,
    /// The address that it seems to come from.
    pub(super) from: SocketAddrV4,
    /// The address that it was sent to.
    pub(super) to: SocketAddrV4,
    pub(super) bytes: Box<[u8]>,
}

/// A command for a node.
#[derive(Debug)]
pub(super) struct Order {
    /// Names it in the reports: orders for one host at one time happen in the order of their names.
    pub(super) name: u64,
    pub(super) command: Command,
}

impl HostEvent {
    /// Things that happen to a host at the same moment come in this order: arrivals, deliveries,
    /// the disk, commands, the timer; arrivals and deliveries in the order of their senders, those
    /// of one sender in the order in which they were sent.
    fn among_its_moment(&self) -> (u8, u32, u64) {
        match &self.what {
            EventKind::Arrival(datagram) => (0, datagram.sender.number(), datagram.number),
            EventKind::Delivery(datagram) => (1, datagram.sender.number(), datagram.number),
            EventKind::Written { up_to, start } => (2, *start, up_to.number()),
            EventKind::Order(order) => (3, 0, order.name),
            EventKind::Timer => (4, 0, 0),
        }
    }
}

impl Timed for HostEvent {
    fn time(&self) -> Instant {
        self.at
    }
}

impl Ord for HostEvent {
    fn cmp(&self, other: &Self) -> Ordering {
        // The boxed data is read only when time and host are equal.
        (self.at, self.to)
            .cmp(&(other.at, other.to))
            .then_with(|| self.among_its_moment().cmp(&other.among_its_moment()))
    }
}

impl PartialOrd for HostEvent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for HostEvent {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for HostEvent {}
