//! With the feature `serde`, statistics are serialised with the methods under their names, and with a list
//! of causes and counts, since not every format has keys that are no texts.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{DropCause, MethodStats, Stats};
use crate::wire::Method;

/// [`Stats`], as they are written.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Stats")]
pub(super) struct StatsForm {
    datagrams_in: u64,
    bytes_in: u64,
    datagrams_out: u64,
    datagrams_refused: u64,
    bytes_out: u64,
    unknown_methods: u64,
    identity_conflicts: u64,
    questionable_contacts: u64,
    waits_for_calls: u64,
    #[serde(default)]
    withheld_calls: u64,
    evicted_keys: u64,
    drops: Vec<Dropped>,
    methods: BTreeMap<Method, MethodStats>,
}

/// How many datagrams were dropped for one cause.
#[derive(Serialize, Deserialize)]
struct Dropped {
    cause: DropCause,
    count: u64,
}

impl From<Stats> for StatsForm {
    fn from(stats: Stats) -> Self {
        let methods = Method::ALL.map(|method| (method, stats.method(method).clone()));
        let drops = stats.drops.iter();
        Self {
            datagrams_in: stats.datagrams_in,
            bytes_in: stats.bytes_in,
            datagrams_out: stats.datagrams_out,
            datagrams_refused: stats.datagrams_refused,
            bytes_out: stats.bytes_out,
            unknown_methods: stats.unknown_methods,
            identity_conflicts: stats.identity_conflicts,
            questionable_contacts: stats.questionable_contacts,
            waits_for_calls: stats.waits_for_calls,
            withheld_calls: stats.withheld_calls,
            evicted_keys: stats.evicted_keys,
            drops: drops
                .map(|(&cause, &count)| Dropped { cause, count })
                .collect(),
            methods: methods.into_iter().collect(),
        }
    }
}

impl From<StatsForm> for Stats {
    fn from(form: StatsForm) -> Self {
        let drops = form.drops.into_iter();
        let mut stats = Self {
            datagrams_in: form.datagrams_in,
            bytes_in: form.bytes_in,
            datagrams_out: form.datagrams_out,
            datagrams_refused: form.datagrams_refused,
            bytes_out: form.bytes_out,
            unknown_methods: form.unknown_methods,
            identity_conflicts: form.identity_conflicts,
            questionable_contacts: form.questionable_contacts,
            waits_for_calls: form.waits_for_calls,
            withheld_calls: form.withheld_calls,
            evicted_keys: form.evicted_keys,
            drops: drops
                .map(|Dropped { cause, count }| (cause, count))
                .collect(),
            methods: Default::default(),
        };
        for (method, counted) in form.methods {
            // Equal statistics are equal, whether or not something was counted and is zero.
            if counted != MethodStats::default() {
                *stats.of(method) = counted;
            }
        }
        stats
    }
}
