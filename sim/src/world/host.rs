//! A host: what runs on it, its end of the network, and what it has done so far.

use std::collections::VecDeque;
use std::time::Duration;

use super::alarm::Alarm;
use super::clock::Clock;
use super::disk::Disk;
use super::host_event::EventKind;
use super::machine::Machine;
use crate::network::Attachment;
use crate::trace::TraceHash;

/// A host of the world.
pub(super) struct Host {
    pub(super) power: Power,
    pub(super) attachment: Attachment,
    pub(super) alarm: Alarm,
    pub(super) trace: TraceHash,
    pub(super) traffic: Traffic,
    /// State that only few hosts need.
    pub(super) rare: Option<Box<Rare>>,
}

/// Whether a host runs.
pub(super) enum Power {
    Off,
    On(Box<dyn Machine>),
}

/// State that only few hosts need.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) clock: Clock,
    pub(super) disk: Option<Disk>,
    /// How long everything that arrives waits before the machine has it.
    pub(super) slowness: Duration,
    pub(super) pause: Option<Backlog>,
    /// How many machines were started here: records on their way to the disk of an earlier machine
    /// are not those of the next.
    pub(super) starts: u32,
}

/// What waits for a host that stands still, at most [`Backlog::MOST`].
#[derive(Default)]
pub(super) struct Backlog(VecDeque<EventKind>);

impl Backlog {
    /// A socket holds about that many datagrams for a process that does not read.
    const MOST: usize = 256;

    /// Takes one in; gives it back when it is full.
    pub(super) fn push(&mut self, what: EventKind) -> Result<(), EventKind> {
        if self.0.len() < Self::MOST {
            self.0.push_back(what);
            Ok(())
        } else {
            Err(what)
        }
    }

    pub(super) fn into_all(self) -> VecDeque<EventKind> {
        self.0
    }
}

impl Host {
    pub(super) const fn new(attachment: Attachment, trace: TraceHash) -> Self {
        Self {
            power: Power::Off,
            attachment,
            alarm: Alarm::NONE,
            trace,
            traffic: Traffic {
                sent: 0,
                bytes: 0,
                lost: 0,
            },
            rare: None,
        }
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn clock(&self) -> Clock {
        self.rare
            .as_ref()
            .map_or_else(Clock::default, |rare| rare.clock)
    }

    pub(super) fn disk(&mut self) -> Option<&mut Disk> {
        self.rare.as_mut()?.disk.as_mut()
    }

    pub(super) fn backlog(&mut self) -> Option<&mut Backlog> {
        self.rare.as_mut()?.pause.as_mut()
    }

    pub(super) fn starts(&self) -> u32 {
        self.rare.as_ref().map_or(0, |rare| rare.starts)
    }
}

/// What went over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent.
    pub sent: u64,
    /// Their bytes, without headers.
    pub bytes: u64,
    /// Of those, how many did not get through the network to their receiver.
    pub lost: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.bytes += other.bytes;
        self.lost += other.lost;
    }
}

impl std::ops::Sub for Traffic {
    type Output = Self;

    /// What came on top of an earlier reading.
    fn sub(self, earlier: Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            bytes: self.bytes - earlier.bytes,
            lost: self.lost - earlier.lost,
        }
    }
}
