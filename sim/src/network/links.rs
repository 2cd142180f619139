//! Links between hosts: the chance that belongs to each, and what a sender remembers of its own,
//! which is only the virtual minute under way.

use khashmir::Instant;

use crate::host::HostId;
use crate::random::Draw;

use super::loss::Channel;

const MINUTE: u64 = 60_000_000_000;

/// The virtual minute in which a moment lies, counted from the origin.
pub(super) const fn minute_of(now: Instant) -> u32 {
    // The 584 years of virtual time have fewer than 2^29 minutes.
    (now.as_nanos() / MINUTE) as u32
}

/// The stream that belongs to two hosts, whichever of them comes first.
pub(super) fn pair_draw(seed: u64, topic: u64, a: HostId, b: HostId) -> Draw {
    let (low, high) = (a.min(b), a.max(b));
    Draw::new(seed, &[topic, low.number().into(), high.number().into()])
}

/// The links from one host to others in one virtual minute.
#[derive(Debug, Default)]
pub(super) struct Links {
    minute: u32,
    /// In the order of the hosts. Most have a few, for which a list takes the least memory.
    links: Vec<(HostId, Link)>,
}

/// A link from one host to another in one virtual minute.
#[derive(Debug)]
pub(super) struct Link {
    /// How many datagrams went that way.
    pub(super) sent: u32,
    pub(super) channel: Channel,
}

impl Links {
    /// The link to a host in that minute; if nothing was sent on it yet, its channel is as `start`
    /// says. What was known of another minute is forgotten.
    pub(super) fn to(
        &mut self,
        host: HostId,
        minute: u32,
        start: impl FnOnce() -> Channel,
    ) -> &mut Link {
        self.settle(minute);
        let found = self.links.binary_search_by_key(&host, |(host, _)| *host);
        let place = found.unwrap_or_else(|place| {
            let channel = start();
            self.links.insert(place, (host, Link { sent: 0, channel }));
            place
        });
        &mut self.links[place].1
    }

    /// Frees the state of other minutes.
    pub(super) fn settle(&mut self, minute: u32) {
        if self.minute != minute {
            self.minute = minute;
            self.links = Vec::new();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }
}
