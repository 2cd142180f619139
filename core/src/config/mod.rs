//! The settings of a node: plain fields, presets for the three sets of habits, one check.

mod limits;
mod retry;
mod role;
mod silent_addresses;

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::{PrivateAddresses, SharedAddresses};
use crate::id::Id;
use crate::routing::MAX_K;
use crate::value::Value;
use crate::wire::{Dialect, TID_LEN};

pub use limits::{Limits, StoreLimits};
pub use retry::Retry;
pub use role::Role;
pub use silent_addresses::SilentAddresses;

/// Every setting of a node.
///
/// Start from a preset and change what you need; [`Node::new`](crate::Node::new) checks the whole
/// once. Sections in the field docs are those of the specification of the original.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Config {
    /// The wire dialect spoken.
    pub dialect: Dialect,
    /// Which transaction ids of others are answered.
    pub transaction_ids: TransactionIds,
    /// The identifier to take; drawn from the seed when `None`. A restored node keeps its own.
    pub id: Option<Id>,
    /// What this node does for others.
    pub role: Role,
    /// Where others reach this node, when that is known: it is then never asked nor entered.
    pub address: Option<SocketAddr>,
    /// Whether contacts on private networks may enter the table.
    pub private_addresses: PrivateAddresses,
    /// On which addresses many nodes may live, each at a port of its own.
    pub shared_addresses: SharedAddresses,
    /// Whether addresses that do not answer are spared, however many peers name them.
    pub silent_addresses: SilentAddresses,
    /// Of the contacts of one prefix (a /24), so many are among the K closest of a lookup while others can
    /// take the places: whoever has all addresses of one cannot take them all. Where there are no
    /// others, as in a campus, the rest do, and [`Event::FewPrefixes`](crate::Event::FewPrefixes) says
    /// so. `None` for no such bound, as in the original; it does not concern
    /// [shared addresses](Self::shared_addresses).
    pub most_of_prefix: Option<usize>,

    /// Contacts in a bucket, in an answer, and at the end of a lookup (section 4: 8).
    pub k: usize,
    /// Queries that a lookup keeps in flight at once (section 12: 4, later 8). With
    /// [`Retry::Adaptive`], so many that are likely to be answered soon, more where many contacts are
    /// dead, and as long as that brings the lookup closer to its target.
    pub alpha: usize,
    /// How many nodes a value is stored at (section 12: 3, later 6).
    pub redundancy: usize,
    /// Which holders of a key a `get` asks, unless it says otherwise.
    pub retrieve: Retrieve,
    /// Failures in a row after which a contact leaves the table (section 4: 3).
    pub max_failures: u8,

    /// How calls are sent again, and when they are given up.
    pub retry: Retry,
    /// How long a contact that answered counts as alive without being asked again
    /// (section 4, `MIN_PING_INTERVAL`: 15 minutes). However many others claim its identifier, it is
    /// asked once in that time whether it is still there.
    pub fresh: Duration,
    /// How long a bucket may go unused before it is refreshed (section 4: 1 hour), and how long a
    /// contact may not have answered before it is asked whether it is there.
    pub staleness: Duration,
    /// Which of the buckets that went unused for that long are looked up again.
    pub refresh: StaleBuckets,
    /// How long a stored value lives (section 8: 1 hour, later 3).
    pub expiry: Duration,
    /// When the first checkpoint is due after the start (section 7: 60 s).
    pub first_checkpoint: Duration,
    /// Time from one checkpoint to the next, give or take a tenth (section 7: 5 minutes).
    pub checkpoint: Duration,
    /// The first wait before a node tries again that found no contact, has lost more than half of its
    /// contacts, or has a bootstrap address that does not answer (section 10: 20 s). It doubles with
    /// each try.
    pub rejoin_first: Duration,
    /// The longest such wait, after which each address that does not answer is tried for ever (the
    /// original doubles without end): in two such waits, the parts of a network that was cut in two
    /// and has come together again have found each other.
    pub rejoin_longest: Duration,
    /// How long an operation may take: what it has by then is its result.
    pub operation_timeout: Duration,

    /// Whether changes that must survive a crash are reported, and waited for, before they are
    /// acknowledged.
    pub journal: Journal,
    /// Limits on what is stored for others.
    pub store: StoreLimits,
    /// Limits on everything else that grows with what the network or the user does.
    pub limits: Limits,
}

impl Config {
    /// Our own habits: timeouts that follow the network's round trips, everything else as the
    /// later generation of the original had it, with the alpha of the earlier; but full buckets are
    /// left alone.
    #[must_use]
    pub fn adaptive() -> Self {
        Self {
            dialect: Dialect::Khashmir,
            transaction_ids: TransactionIds::AnyLength,
            id: None,
            role: Role::ReadWrite,
            address: None,
            private_addresses: PrivateAddresses::Accept,
            shared_addresses: SharedAddresses::Private,
            silent_addresses: SilentAddresses::Spare,
            most_of_prefix: Some(2),
            k: 8,
            alpha: 4,
            redundancy: 6,
            retrieve: Retrieve::Closest(6),
            max_failures: 3,
            retry: Retry::Adaptive,
            fresh: Duration::from_secs(15 * 60),
            staleness: Duration::from_secs(60 * 60),
            refresh: StaleBuckets::WithRoom,
            expiry: Duration::from_secs(3 * 60 * 60),
            first_checkpoint: Duration::from_secs(60),
            checkpoint: Duration::from_secs(5 * 60),
            rejoin_first: Duration::from_secs(20),
            rejoin_longest: Duration::from_secs(5 * 60),
            operation_timeout: Duration::from_secs(3 * 60),
            journal: Journal::Off,
            store: StoreLimits::default(),
            limits: Limits::default(),
        }
    }

    /// The habits of the original's later generation (section 12): three sends at 0, 2 and 6 s,
    /// given up at 9 s, alpha 8, and no answer to a transaction id that is not 20 bytes long.
    #[must_use]
    pub fn late() -> Self {
        Self {
            transaction_ids: TransactionIds::ExactLength,
            silent_addresses: SilentAddresses::AskAgain,
            most_of_prefix: None,
            alpha: 8,
            retry: Retry::late(),
            refresh: StaleBuckets::All,
            ..Self::adaptive()
        }
    }

    /// The habits of the original's earlier generation (section 12): one send, given up at 20 s,
    /// redundancy 3, values that live for an hour.
    #[must_use]
    pub fn early() -> Self {
        Self {
            silent_addresses: SilentAddresses::AskAgain,
            most_of_prefix: None,
            redundancy: 3,
            retrieve: Retrieve::Closest(3),
            retry: Retry::early(),
            refresh: StaleBuckets::All,
            expiry: Duration::from_secs(60 * 60),
            operation_timeout: Duration::from_secs(10 * 60),
            ..Self::adaptive()
        }
    }

    /// The longest that an accepted command can run before its ending event.
    #[must_use]
    pub fn longest_operation(&self) -> Duration {
        self.operation_timeout
    }

    /// The most events that one command may cause: those of a `get`, which are its values as they are
    /// found, those that another `get` had found before this one joined it, and its end. So many have
    /// to fit into [`Limits::max_events`].
    #[must_use]
    pub const fn most_events(&self) -> usize {
        self.limits.most_events(self.k)
    }

    /// Checks that the settings can work together.
    ///
    /// # Errors
    /// [`ConfigError`] names the first field that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_counts()?;
        self.check_spans()?;
        self.id.iter().try_for_each(Self::check_id)?;
        let least = self.most_events();
        if self.limits.max_events < least {
            let problem = Problem::OutOfRange {
                least,
                most: usize::MAX,
            };
            return Err(ConfigError {
                field: "limits.max_events",
                problem,
            });
        }
        self.retry.check()
    }

    /// Whether a node can have that identity, from the settings or from a snapshot.
    pub(crate) fn check_id(id: &Id) -> Result<(), ConfigError> {
        if id.is_null() {
            return Err(ConfigError {
                field: "id",
                problem: Problem::NullId,
            });
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), ConfigError> {
        let (store, limits) = (&self.store, &self.limits);
        let counts = [
            ("k", self.k, MAX_K),
            ("alpha", self.alpha, MAX_ALPHA),
            ("redundancy", self.redundancy, MAX_K),
            ("most_of_prefix", self.most_of_prefix.unwrap_or(1), MAX_K),
            (
                "max_failures",
                usize::from(self.max_failures),
                usize::from(u8::MAX),
            ),
            ("store.max_value_len", store.max_value_len, Value::MAX_LEN),
            (
                "store.max_values_per_key",
                store.max_values_per_key,
                usize::MAX,
            ),
            ("store.max_keys", store.max_keys, usize::MAX),
            ("store.max_bytes", store.max_bytes, usize::MAX),
            ("limits.max_calls", limits.max_calls, usize::MAX),
            (
                "limits.max_lookup_queries",
                limits.max_lookup_queries,
                usize::MAX,
            ),
            ("limits.max_operations", limits.max_operations, usize::MAX),
            ("limits.max_records", limits.max_records, usize::MAX),
            ("limits.max_datagrams", limits.max_datagrams, usize::MAX),
            ("limits.max_probes", limits.max_probes, usize::MAX),
            ("limits.max_bootstrap", limits.max_bootstrap, usize::MAX),
        ];
        for (field, value, most) in counts {
            if value == 0 || value > most {
                return Err(ConfigError {
                    field,
                    problem: Problem::OutOfRange { least: 1, most },
                });
            }
        }
        Ok(())
    }

    fn check_spans(&self) -> Result<(), ConfigError> {
        let spans = [
            ("fresh", self.fresh),
            ("staleness", self.staleness),
            ("expiry", self.expiry),
            ("first_checkpoint", self.first_checkpoint),
            ("checkpoint", self.checkpoint),
            ("rejoin_first", self.rejoin_first),
            ("rejoin_longest", self.rejoin_longest),
            ("operation_timeout", self.operation_timeout),
        ];
        for (field, span) in spans {
            if span < SHORTEST_SPAN {
                return Err(ConfigError {
                    field,
                    problem: Problem::TooShort,
                });
            }
        }
        Ok(())
    }
}

/// Our own habits.
impl Default for Config {
    fn default() -> Self {
        Self::adaptive()
    }
}

/// A lookup with more in flight than this is a flood.
const MAX_ALPHA: usize = 256;
/// Shorter spans would make a node spin.
const SHORTEST_SPAN: Duration = Duration::from_millis(1);

/// Settings that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Waits have to follow each other.
    NotAscending,
    /// The twenty zero bytes stand for no identifier at all.
    NullId,
    /// A number outside of its range.
    OutOfRange {
        /// The least that it can be.
        least: usize,
        /// The most that it can be.
        most: usize,
    },
    /// A span of time under a millisecond.
    TooShort,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.problem {
            Problem::NotAscending => write!(f, "{field} must ascend and end before giving up"),
            Problem::NullId => write!(f, "{field} must not be all zero"),
            Problem::OutOfRange { least, most } => {
                write!(f, "{field} must be from {least} to {most}")
            }
            Problem::TooShort => write!(f, "{field} must be at least 1 ms"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// Which transaction ids of others are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum TransactionIds {
    /// Of any length up to [`MAX_TID`](crate::wire::MAX_TID), as in the original's earlier generation.
    AnyLength,
    /// Of [`TID_LEN`](crate::wire::TID_LEN) bytes, as in the later one, which drops every other message
    /// (section 1.2).
    ExactLength,
}

impl TransactionIds {
    /// Whether a message with this transaction id is dealt with.
    pub(crate) const fn accept(self, tid: &[u8]) -> bool {
        match self {
            Self::AnyLength => true,
            Self::ExactLength => tid.len() == TID_LEN,
        }
    }
}

/// Which of the nodes that hold values of a key are asked for them.
///
/// Holders are asked closest first, and count by what they bring, not by what they claim: whoever comes
/// empty-handed has a stand-in. Those that are among the closest known so far are asked while the lookup
/// goes on, at most K of them; but a `get` ends after the lookup, and what holders brought that
/// are not among the K closest at its end counts for nothing then. A holder that counts more values
/// than fit into one answer is asked again ([`Limits::max_get_repeats`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Retrieve {
    /// All of them.
    All,
    /// As many as it takes to have this many distinct values. They are asked after the lookup: else the
    /// values of a node that is far away could use up the number.
    AtMost(usize),
    /// The closest this many that bring values, as a negative number means it in the original
    /// (section 5).
    Closest(usize),
}

/// Which stale buckets a node looks up again by itself.
///
/// A contact that has not answered for as long as a bucket may go unused is pinged, and
/// gives way to a candidate if it is gone, so a lookup brings a full bucket nothing that it has room
/// for. In a large network all buckets but the last few are full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StaleBuckets {
    /// Every one, as in the original (specification, section 4).
    All,
    /// Those that have room for another contact.
    WithRoom,
}

/// Whether acknowledgements wait until the driver has made their cause durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Journal {
    /// There are no records and nothing waits: stored values live as long as the process, or as
    /// the last snapshot.
    Off,
    /// Each change is a record, and a store is acknowledged, and a put that is to be kept over, once the
    /// driver has confirmed it.
    On,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn the_presets_pass_their_own_check() {
        for config in [Config::adaptive(), Config::late(), Config::early()] {
            assert_eq!(config.check(), Ok(()));
        }
    }

    #[test]
    fn a_setting_that_cannot_work_is_named() {
        let no_alpha = Config {
            alpha: 0,
            ..Config::adaptive()
        };
        assert_eq!(no_alpha.check().map_err(|error| error.field), Err("alpha"));
        let spinning = Config {
            checkpoint: Duration::ZERO,
            ..Config::adaptive()
        };
        assert_eq!(
            spinning.check().map_err(|error| error.field),
            Err("checkpoint")
        );
        let late_resend = Retry::Fixed {
            resend: vec![Duration::from_secs(10)],
            give_up: Duration::from_secs(9),
        };
        let backwards = Config {
            retry: late_resend,
            ..Config::adaptive()
        };
        assert_eq!(
            backwards.check().map_err(|error| error.field),
            Err("retry.resend")
        );
    }
}
