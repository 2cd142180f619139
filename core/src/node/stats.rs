//! What a node counts.

#[cfg(feature = "serde")]
mod form;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;
use core::time::Duration;

use crate::address::BadAddress;
use crate::wire::{Malformed, Method};

/// Counters since the node's start; they only rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "form::StatsForm", from = "form::StatsForm")
)]
pub struct Stats {
    /// Datagrams received, garbage included.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams handed out for sending, resends included.
    pub datagrams_out: u64,
    /// Those of them that the system refused to send, as the driver says.
    pub datagrams_refused: u64,
    /// The bytes of those handed out.
    pub bytes_out: u64,
    /// Queries received that name no method of the protocol.
    pub unknown_methods: u64,
    /// Times that a query claimed the identifier of a contact from another address.
    pub identity_conflicts: u64,
    /// Times that a newcomer found its bucket full, and the contact there that was seen least
    /// recently questionable.
    pub questionable_contacts: u64,
    /// Times that a command, or upkeep, had something to ask and no free call to ask it with: see
    /// [`Limits::max_calls`](crate::Limits::max_calls).
    pub waits_for_calls: u64,
    /// Calls that were not made, since the address or its prefix does not answer: see
    /// [`Config::silent_addresses`](crate::Config::silent_addresses).
    pub withheld_calls: u64,
    /// Keys whose values gave way to those of closer keys because the store was full.
    pub evicted_keys: u64,
    /// Datagrams dropped, by cause.
    pub drops: BTreeMap<DropCause, u64>,
    /// Those of methods that nothing was counted of yet take no room.
    methods: [Option<Box<MethodStats>>; Method::ALL.len()],
}

impl Stats {
    /// The counters of one method.
    #[must_use]
    pub fn method(&self, method: Method) -> &MethodStats {
        let counted = self.methods[method as usize].as_deref();
        counted.unwrap_or(&MethodStats::NONE)
    }

    /// Datagrams sent: those handed out, but for those that the system refused.
    #[must_use]
    pub const fn datagrams_sent(&self) -> u64 {
        self.datagrams_out.saturating_sub(self.datagrams_refused)
    }

    /// All datagrams dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.drops.values().sum()
    }

    pub(super) fn of(&mut self, method: Method) -> &mut MethodStats {
        self.methods[method as usize].get_or_insert_default()
    }

    pub(super) fn drop(&mut self, cause: DropCause) {
        *self.drops.entry(cause).or_default() += 1;
    }
}

/// Counters of one method: those of the original (specification, section 11), with the sums from
/// which it takes its means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MethodStats {
    /// Actions of this method that our own commands and upkeep began.
    pub started: u64,
    /// Queries sent, resends included.
    pub sent: u64,
    /// Queries answered in order.
    pub successful: u64,
    /// Queries that failed: no answer, an error, or an answer against the rules.
    pub failed: u64,
    /// Actions finished.
    pub completed: u64,
    /// Queries received.
    pub received: u64,
    /// Queries answered with an error.
    pub errors: u64,
    /// Time that successful queries took, in all.
    pub successful_time: Duration,
    /// Time that failed queries took, in all.
    pub failed_time: Duration,
    /// Time that finished actions took, in all.
    pub completed_time: Duration,
}

impl MethodStats {
    const NONE: Self = Self {
        started: 0,
        sent: 0,
        successful: 0,
        failed: 0,
        completed: 0,
        received: 0,
        errors: 0,
        successful_time: Duration::ZERO,
        failed_time: Duration::ZERO,
        completed_time: Duration::ZERO,
    };

    /// The mean time of a successful query; zero when there was none.
    #[must_use]
    pub fn mean_successful_delay(&self) -> Duration {
        mean(self.successful_time, self.successful)
    }

    /// The mean time of a failed query; zero when there was none.
    #[must_use]
    pub fn mean_failed_delay(&self) -> Duration {
        mean(self.failed_time, self.failed)
    }

    /// The mean time of a finished action; zero when there was none.
    #[must_use]
    pub fn mean_total_delay(&self) -> Duration {
        mean(self.completed_time, self.completed)
    }

    pub(super) const fn success(&mut self, took: Duration) {
        self.successful += 1;
        self.successful_time = self.successful_time.saturating_add(took);
    }

    pub(super) const fn failure(&mut self, took: Duration) {
        self.failed += 1;
        self.failed_time = self.failed_time.saturating_add(took);
    }

    pub(super) const fn complete(&mut self, took: Duration) {
        self.completed += 1;
        self.completed_time = self.completed_time.saturating_add(took);
    }
}

fn mean(sum: Duration, count: u64) -> Duration {
    let nanos = sum.as_nanos().checked_div(u128::from(count)).unwrap_or(0);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DropCause {
    /// A query to a node that answers none.
    Client,
    /// It could not be read.
    Malformed(Malformed),
    /// It answers nothing that we asked of that address, or not in time.
    NotAsked,
    /// The node has left its network, or was shut down.
    Off,
    /// Too many of our own datagrams were waiting to be polled.
    Outgoing,
    /// It came from an address that none can come from.
    Source(BadAddress),
}

impl fmt::Display for DropCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("a query, and this node answers none"),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::NotAsked => f.write_str("an answer to nothing that was asked"),
            Self::Off => f.write_str("the node is off"),
            Self::Outgoing => f.write_str("too many datagrams to send"),
            Self::Source(why) => write!(f, "its source is no good: {why}"),
        }
    }
}

/// How a node stands at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Status {
    /// Time since the node's start.
    pub uptime: Duration,
    /// Whether others can reach it.
    pub reachable: Reachable,
    /// Contacts in the table.
    pub contacts: usize,
    /// Candidates for a place in the table.
    pub candidates: usize,
    /// How many nodes the network has, by the original's estimate from the number of buckets.
    pub estimated_nodes: u64,
    /// Keys under which values are stored here.
    pub keys: usize,
    /// Values stored here.
    pub values: usize,
    /// Calls in flight.
    pub calls: usize,
    /// Commands under way.
    pub operations: usize,
    /// Puts that are kept stored.
    pub kept: usize,
}

/// Whether others can reach a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Reachable {
    /// No other node has asked it anything yet.
    Unknown,
    /// Another node has asked it something.
    Yes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_their_own_counts() {
        let mut stats = Stats::default();
        assert_eq!(
            stats.method(Method::Ping).mean_successful_delay(),
            Duration::ZERO
        );
        let ping = stats.of(Method::Ping);
        ping.success(Duration::from_millis(10));
        ping.success(Duration::from_millis(20));
        ping.failure(Duration::from_secs(9));
        assert_eq!(
            stats.method(Method::Ping).mean_successful_delay(),
            Duration::from_millis(15)
        );
        assert_eq!(
            stats.method(Method::Ping).mean_failed_delay(),
            Duration::from_secs(9)
        );
    }
}
