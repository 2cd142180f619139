//! What goes over the network about chosen keys, by whose wish it does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Query};
use khashmir::{Id, Instant};

use crate::host::HostId;

/// Datagrams about keys that have owners: queries that name the key, and the answers to them.
///
/// Each datagram counts once as sent, by whichever host sends it, and once more as received, when
/// the node that it is for receives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyTraffic {
    /// What the owner of a key asks about it, the answers, and all stores under the key.
    pub by_owners: Exchanged,
    /// What others ask about it, and the answers.
    pub by_others: Exchanged,
}

/// Datagrams that hosts exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    /// Datagrams sent, resends included.
    pub sent: u64,
    /// Datagrams that nodes received.
    pub received: u64,
}

impl std::ops::AddAssign for KeyTraffic {
    fn add_assign(&mut self, other: Self) {
        self.by_owners += other.by_owners;
        self.by_others += other.by_others;
    }
}

impl std::ops::AddAssign for Exchanged {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
    }
}

/// Counts the datagrams about keys for the hosts of one shard.
pub(super) struct KeyCounter {
    owners: Arc<BTreeMap<Id, HostId>>,
    traffic: KeyTraffic,
    /// Queries about the keys whose answers are still to pass, by the host of this shard and the
    /// other end.
    open: BTreeMap<(HostId, SocketAddr), Vec<Open>>,
    /// When queries without an answer are forgotten next.
    tidy_at: Instant,
}

struct Open {
    tid: Box<[u8]>,
    at: Instant,
    whose: Whose,
    side: Side,
}

/// Who wants it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Owner,
    Other,
}

/// What the host of this shard has to do with a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Asked,
    WasAsked,
}

/// Which way a datagram goes, as seen from the host of this shard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

impl KeyCounter {
    /// No answer comes later than that.
    const PATIENCE: Duration = Duration::from_secs(120);

    pub(super) fn new(owners: Arc<BTreeMap<Id, HostId>>) -> Self {
        Self {
            owners,
            traffic: KeyTraffic::default(),
            open: BTreeMap::new(),
            tidy_at: Instant::ORIGIN,
        }
    }

    pub(super) const fn traffic(&self) -> KeyTraffic {
        self.traffic
    }

    /// A host of this shard sends a datagram to another end, or receives one from it.
    pub(super) fn pass(
        &mut self,
        at: Instant,
        host: HostId,
        other: SocketAddr,
        way: Way,
        bytes: &[u8],
    ) {
        self.tidy(at);
        let Ok(message) = Dialect::Khashmir.decode(bytes) else {
            return;
        };
        match message {
            Message::Query { tid, query, .. } => {
                if let Some(whose) = self.whose(query, host, other, way) {
                    self.count(whose, way);
                    self.remember(at, (host, other), tid, whose, way);
                }
            }
            Message::Reply { tid, .. }
            | Message::Error { tid, .. }
            | Message::Broken { tid, .. } => {
                if let Some(whose) = self.answered((host, other), tid, way) {
                    self.count(whose, way);
                }
            }
            Message::WrongArguments { .. } | Message::UnknownMethod { .. } => {}
        }
    }

    fn whose(&self, query: Query<'_>, host: HostId, other: SocketAddr, way: Way) -> Option<Whose> {
        let (key, stores) = match query {
            Query::FindNode { target } => (target, false),
            Query::FindValue { key } | Query::GetValue { key, .. } => (key, false),
            Query::StoreValue { key, .. } => (key, true),
            Query::Ping | Query::Join => return None,
        };
        let owner = self.owners.get(&key)?;
        let asker = match way {
            Way::Out => Some(host),
            Way::In => HostId::at(other),
        };
        let is_owners = stores || asker == Some(*owner);
        Some(if is_owners {
            Whose::Owner
        } else {
            Whose::Other
        })
    }

    fn remember(
        &mut self,
        at: Instant,
        ends: (HostId, SocketAddr),
        tid: &[u8],
        whose: Whose,
        way: Way,
    ) {
        let side = match way {
            Way::Out => Side::Asked,
            Way::In => Side::WasAsked,
        };
        let open = self.open.entry(ends).or_default();
        match open
            .iter_mut()
            .find(|open| *open.tid == *tid && open.side == side)
        {
            // Sent again.
            Some(known) => known.at = at,
            None => open.push(Open {
                tid: tid.into(),
                at,
                whose,
                side,
            }),
        }
    }

    /// Whose query it is that a datagram answers, if it is about one of the keys.
    fn answered(&self, ends: (HostId, SocketAddr), tid: &[u8], way: Way) -> Option<Whose> {
        let side = match way {
            Way::Out => Side::WasAsked,
            Way::In => Side::Asked,
        };
        let open = self.open.get(&ends)?.iter();
        let mut open = open.filter(|open| *open.tid == *tid && open.side == side);
        open.next().map(|open| open.whose)
    }

    const fn count(&mut self, whose: Whose, way: Way) {
        let exchanged = match whose {
            Whose::Owner => &mut self.traffic.by_owners,
            Whose::Other => &mut self.traffic.by_others,
        };
        match way {
            Way::Out => exchanged.sent += 1,
            Way::In => exchanged.received += 1,
        }
    }

    fn tidy(&mut self, now: Instant) {
        if now < self.tidy_at {
            return;
        }
        self.tidy_at = now + Self::PATIENCE;
        self.open.retain(|_, open| {
            open.retain(|open| now.since(open.at) < Self::PATIENCE);
            !open.is_empty()
        });
    }
}
