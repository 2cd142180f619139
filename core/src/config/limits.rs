//! How much a node may hold: bounds on everything that the network or the user makes grow.

use crate::value::Value;

/// Limits on what is stored for others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct StoreLimits {
    /// The longest value in bytes, at most [`Value::MAX_LEN`]; longer ones are refused.
    pub max_value_len: usize,
    /// Values under one key; another one is refused.
    pub max_values_per_key: usize,
    /// Keys; when there are more, the farthest from our own identifier gives way.
    pub max_keys: usize,
    /// Bytes of keys and values in all, with [`StoreLimits::OVERHEAD`] added for each value; when
    /// there are more, the farthest key gives way.
    pub max_bytes: usize,
}

impl StoreLimits {
    /// What keeping one value costs beside its own bytes, in round numbers.
    pub const OVERHEAD: usize = 64;
}

/// 500 values under a key, 32 MiB in all.
impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            max_value_len: Value::MAX_LEN,
            max_values_per_key: 500,
            max_keys: 1 << 17,
            max_bytes: 32 << 20,
        }
    }
}

/// Limits on everything that grows with what the network or the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Limits {
    /// Calls in flight; operations wait for a free one, unasked pings are left out.
    pub max_calls: usize,
    /// Queries that one lookup sends, resends apart: what it has found by then is its result. In honest
    /// networks a lookup takes some 16, and some 60 where half of the nodes are dead; only contacts
    /// that name ever closer ones of their own make it spend more.
    pub max_lookup_queries: usize,
    /// How often a `get` asks holders again that have more values than fit into one answer, all of them
    /// together; 0 for never. As many as find all of 60 values of 100 bytes, 13 to an answer, even at a
    /// single holder, but for one get in 100,000: 47/60 to the power of 65, times 60.
    pub max_get_repeats: usize,
    /// Commands under way at once; another one is refused as busy.
    pub max_operations: usize,
    /// Events not yet polled, room for what running commands may still report included; at the
    /// limit new commands are refused as busy.
    pub max_events: usize,
    /// Records not yet polled, or polled and neither confirmed nor refused; at the limit stores are
    /// answered with a fault.
    pub max_records: usize,
    /// Datagrams not yet polled, and as many that wait for a record; the oldest is dropped.
    pub max_datagrams: usize,
    /// Unasked pings in flight (newcomers and doubtful contacts). And a hundred times as many
    /// addresses remembered because they did not answer, of which the oldest is forgotten, and
    /// contacts whose identifiers others claim; claims of further ones are not looked into. And as
    /// many newcomers remembered together with our address that they asked.
    pub max_probes: usize,
    /// Bootstrap addresses of one join; more are refused.
    pub max_bootstrap: usize,
    /// Puts that are kept stored; another one is refused as busy.
    pub max_kept: usize,
}

impl Limits {
    /// Holders that one `get` asks, in multiples of K: the first while its lookup goes on, and the
    /// closest at the end.
    pub(crate) const GET_HOLDERS: usize = 2;
    /// So many answers of holders that were asked again a `get` tells of together.
    pub(crate) const GET_BATCH: usize = 8;

    /// The events of a `get`: what it finds in our own store, what each holder brings, and what they
    /// bring when they are asked again; what another `get` had found, and the end.
    pub(crate) const fn most_events(&self, k: usize) -> usize {
        let first = k.saturating_mul(Self::GET_HOLDERS);
        let again = self.max_get_repeats.div_ceil(Self::GET_BATCH);
        first.saturating_add(again).saturating_add(3)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_calls: 1024,
            max_lookup_queries: 256,
            max_get_repeats: 64,
            max_operations: 256,
            max_events: 16_384,
            max_records: 4096,
            max_datagrams: 4096,
            max_probes: 32,
            max_bootstrap: 256,
            max_kept: 65_536,
        }
    }
}
