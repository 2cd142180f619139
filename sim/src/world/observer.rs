//! Observers: the world tells them everything that happens to hosts, and they change nothing.

use std::net::SocketAddr;

use khashmir::{Command, Event, Instant, OpId, Record, RecordNo, Refused};

use super::machine::Machine;
use crate::host::HostId;
use crate::network::Fate;

/// What observes a world: a check, a capture, a printer.
///
/// Each thread has one of its own, which sees the hosts that this thread computes, in the order of
/// time and hosts within each window. What it finds must therefore not depend on what it saw of
/// other hosts.
pub trait Observer: Send {
    /// Something happened to a host.
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        let _ = (when, host, fact);
    }

    /// A host has come to rest after it: nothing is left to be polled.
    fn rest(&mut self, when: When, host: HostId, machine: &dyn Machine) {
        let _ = (when, host, machine);
    }
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// In the time of the world.
    pub at: Instant,
    /// By the clock of the host.
    pub reading: Instant,
}

/// Something that happens to a host.
#[derive(Clone, Copy)]
pub enum Fact<'a> {
    /// A machine begins to run on it.
    On(&'a dyn Machine),
    /// The machine stops, as when power is lost.
    Off(&'a dyn Machine),
    /// Its clock was set, or runs at another speed from now on.
    Clock,
    /// It stands still: nothing reaches the machine.
    Paused,
    /// It goes on.
    Resumed,
    /// The machine receives a datagram.
    Heard {
        /// Where it seems to come from.
        from: SocketAddr,
        /// What it says.
        bytes: &'a [u8],
    },
    /// The machine sends a datagram.
    Sent {
        /// Where to.
        to: SocketAddr,
        /// What becomes of it.
        fate: &'a Fate,
        /// What it says.
        bytes: &'a [u8],
    },
    /// A datagram leaves this host that its machine did not send.
    Forged {
        /// Where to.
        to: SocketAddr,
        /// What becomes of it.
        fate: &'a Fate,
        /// What it says.
        bytes: &'a [u8],
    },
    /// The timer of the machine fires.
    Woken,
    /// It was given a command.
    Ordered {
        /// The command.
        command: &'a Command,
        /// What it returned.
        answer: &'a Result<OpId, Refused>,
    },
    /// It left its network.
    Left,
    /// It asks for a record to be written to the disk.
    Recorded {
        /// The record's number.
        number: RecordNo,
        /// The record.
        record: &'a Record,
    },
    /// Its records have reached the disk.
    Durable {
        /// Up to this record.
        up_to: RecordNo,
    },
    /// It emits an event.
    Told(&'a Event),
}

/// Observes nothing.
impl Observer for () {}

/// An observer, or none.
impl<W: Observer> Observer for Option<W> {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        if let Some(observer) = self {
            observer.see(when, host, fact);
        }
    }

    fn rest(&mut self, when: When, host: HostId, machine: &dyn Machine) {
        if let Some(observer) = self {
            observer.rest(when, host, machine);
        }
    }
}

/// Two observers, of which the first is told first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        self.0.see(when, host, fact);
        self.1.see(when, host, fact);
    }

    fn rest(&mut self, when: When, host: HostId, machine: &dyn Machine) {
        self.0.rest(when, host, machine);
        self.1.rest(when, host, machine);
    }
}
