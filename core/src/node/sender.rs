//! Under which identifier a query is sent: a node gives its own, a client leaves as little of itself
//! in the tables of others as it can.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::{Node, Owner};
use crate::config::Role;
use crate::contact::Peer;
use crate::estimate::Vouched;
use crate::id::Id;
use crate::operation::Ask;
use crate::rpc::{Closed, Sends};
use crate::time::Instant;
use crate::wire::{Dialect, Method};

/// What a call asks, under which identifier, and from where.
#[derive(Clone, Debug)]
pub(super) struct CallQuestion {
    pub(super) ask: Ask,
    pub(super) sender: Sender,
    /// The local address that it leaves from; `None` leaves the choice to the system.
    pub(super) from: Option<IpAddr>,
}

/// Whose identifier a query bears.
///
/// The original takes a node that asks into its table, at once or when it answers a ping, and the
/// earlier generation then waits 20 s for each client that is gone again. It ignores its own
/// identifier (specification, section 4: insert, rule 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Our own: others may take us into their tables.
    Ourselves,
    /// The null identifier, for a client that does not know yet which node it asks. The later
    /// generation answers and leaves it out of its table; the earlier refuses it, and only then a
    /// client gives its own (section 12, insert timing).
    Nobody,
    /// That of the node which is asked: neither generation takes itself into its table.
    Recipient,
}

/// Whether a client is giving its own identifier to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Introduction {
    None,
    /// An answer is waited for until then at the longest.
    UnderWay {
        until: Instant,
    },
}

impl Introduction {
    /// As long as any preset waits for an answer: if the call is given up unnoticed, because the
    /// operation that it was for is over, the next introduction waits for no longer.
    const LONGEST: Duration = Duration::from_secs(20);

    fn is_under_way(self, now: Instant) -> bool {
        match self {
            Self::None => false,
            Self::UnderWay { until } => now < until,
        }
    }
}

impl CallQuestion {
    /// Writes the query of a node with this identifier to this peer at the end of `out`.
    pub(super) fn encode(
        &self,
        dialect: Dialect,
        tid: &[u8],
        (own, peer): (&Id, &Peer),
        out: &mut Vec<u8>,
    ) {
        let nobody = Id::new([0; Id::LEN]);
        let sender = match self.sender {
            Sender::Ourselves => *own,
            Sender::Nobody => nobody,
            Sender::Recipient => peer.id.unwrap_or(nobody),
        };
        dialect.encode_query(tid, &sender, &self.ask.query(), out);
    }
}

impl Node {
    /// Under which identifier this node first asks a peer.
    pub(super) fn sender_for(&self, peer: &Peer) -> Sender {
        match (self.config.role, peer.id) {
            (Role::Client, Some(_)) => Sender::Recipient,
            (Role::Client, None) => Sender::Nobody,
            (Role::Base | Role::Read | Role::ReadWrite, _) => Sender::Ourselves,
        }
    }

    /// Whether a client that was refused because it gave no identifier gives its own now. To find a
    /// way into the network it does so only as long as it has no contact, and to one at a time: the
    /// first that answers leads to all others.
    pub(super) fn may_introduce_itself(&self, refused: &Closed<Owner, CallQuestion>) -> bool {
        let awaited = match refused.owner {
            Owner::Operation { op, .. } => self.operations.is_running(op),
            Owner::Probe(_) | Owner::Recovery => false,
        };
        let needed = refused.method != Method::Join
            || self.table.is_empty() && !self.introduction.is_under_way(self.now);
        refused.question.sender == Sender::Nobody && awaited && needed
    }

    /// Asks the same again under our own identifier.
    pub(super) fn introduce_itself(&mut self, refused: Closed<Owner, CallQuestion>) {
        self.stats.of(refused.method).failure(refused.elapsed);
        self.introduction = Introduction::UnderWay {
            until: self.now + Introduction::LONGEST,
        };
        let question = CallQuestion {
            sender: Sender::Ourselves,
            ..refused.question
        };
        let how = (Sends::Several, Vouched::Well);
        self.call_as(refused.peer, refused.owner, how, question);
    }

    /// Takes in that a call is over, if it was one that gave our own identifier.
    pub(super) fn introduction_over(&mut self, closed: &Closed<Owner, CallQuestion>) {
        if closed.question.sender == Sender::Ourselves {
            self.introduction = Introduction::None;
        }
    }
}
