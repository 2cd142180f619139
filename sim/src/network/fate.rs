//! What becomes of a datagram.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// A datagram that was handed to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its place among all that ever went from its sender to its receiver: the virtual minute in
    /// the upper half, and twice its number in that minute, counted from 0, in the lower.
    pub number: u64,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does not arrive.
    Lost(LossCause),
    /// It arrives, unless the receiver's side [loses](super::Attachment::receive) it.
    Arrives {
        /// The address that the receiver sees as the sender's.
        from: SocketAddr,
        /// How long after it was sent. Never less than the network's floor.
        after: Duration,
        /// How long after it was sent a second copy comes, if one does.
        copy_after: Option<Duration>,
    },
}

/// A copy of a datagram that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address that the receiver sees as the sender's.
    pub from: SocketAddr,
    /// How long after it was sent.
    pub after: Duration,
    /// The number of the datagram, plus 1 for the second copy: unique on the link, for ever.
    pub number: u64,
}

impl Sent {
    /// The arrivals that it leads to: none, one or two.
    pub fn arrivals(&self) -> impl Iterator<Item = Arrival> + use<> {
        let number = self.number;
        let (first, copy) = match self.fate {
            Fate::Lost(_) => (None, None),
            Fate::Arrives {
                from,
                after,
                copy_after,
            } => (Some((from, after)), copy_after.map(|after| (from, after))),
        };
        let numbered = |at: u64| {
            move |(from, after)| Arrival {
                from,
                after,
                number: number + at,
            }
        };
        first
            .map(numbered(0))
            .into_iter()
            .chain(copy.map(numbered(1)))
    }
}

/// Why a datagram did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossCause {
    /// Chance.
    Loss,
    /// It is larger than the network carries.
    Mtu,
    /// The line of the sender or of the receiver was full.
    Queue,
    /// A cut lies between the two hosts.
    Cut,
    /// The receiver's translator has nothing mapped to the port.
    NoMapping,
    /// The receiver's translator does not let the sender in.
    Filtered,
    /// The sender's translator does not bring datagrams back to the sender.
    Hairpin,
    /// No host has that address, or the host does not have that port.
    Nobody,
    /// The receiver is off.
    Off,
    /// The receiver stands still, and the buffer of its socket is full.
    Backlog,
}

impl LossCause {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Loss,
        Self::Mtu,
        Self::Queue,
        Self::Cut,
        Self::NoMapping,
        Self::Filtered,
        Self::Hairpin,
        Self::Nobody,
        Self::Off,
        Self::Backlog,
    ];

    /// A word for it that does not change from version to version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Mtu => "mtu",
            Self::Queue => "queue",
            Self::Cut => "cut",
            Self::NoMapping => "no_mapping",
            Self::Filtered => "filtered",
            Self::Hairpin => "hairpin",
            Self::Nobody => "nobody",
            Self::Off => "off",
            Self::Backlog => "backlog",
        }
    }

    /// Where a datagram was lost that did not get through the network for this cause.
    #[must_use]
    pub const fn place_on_the_way(self) -> LossPlace {
        match self {
            Self::Mtu | Self::Queue | Self::Hairpin => LossPlace::Sender,
            Self::Loss | Self::Cut | Self::Nobody => LossPlace::Network,
            Self::NoMapping | Self::Filtered | Self::Off | Self::Backlog => LossPlace::Receiver,
        }
    }
}

impl fmt::Display for LossCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a datagram was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossPlace {
    /// Before it left its sender: at the sender's line or translator.
    Sender,
    /// Between the two hosts.
    Network,
    /// After it came to its receiver: at the receiver's line or translator, or at the host itself.
    Receiver,
}

impl LossPlace {
    /// All places.
    pub const ALL: [Self; 3] = [Self::Sender, Self::Network, Self::Receiver];

    /// The causes for which a datagram can be lost here.
    #[must_use]
    pub const fn causes(self) -> &'static [LossCause] {
        match self {
            Self::Sender => &[LossCause::Mtu, LossCause::Queue, LossCause::Hairpin],
            Self::Network => &[LossCause::Loss, LossCause::Cut, LossCause::Nobody],
            Self::Receiver => &[
                LossCause::Queue,
                LossCause::NoMapping,
                LossCause::Filtered,
                LossCause::Nobody,
                LossCause::Off,
                LossCause::Backlog,
            ],
        }
    }

    /// A word for it that does not change from version to version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Network => "network",
            Self::Receiver => "receiver",
        }
    }
}

impl fmt::Display for LossPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
