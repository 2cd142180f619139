//! The figures of lookups and of gets. Where there were none, there are no figures either.

use std::time::Duration;

use khashmir::QueryStats;
use serde_json::{Value, json};

use super::quality::Quality;
use super::request_log::{Gets, Lookup};

/// The figures of lookups of which each had a node to find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LookupFigures {
    /// The share of them whose result holds the closest node.
    pub success_rate: f64,
    /// The share of them whose result is exactly the K closest.
    pub exact_rate: f64,
    /// The mean depth at which the closest node was found; the asker's own table is depth 1.
    pub hops_mean: f64,
    /// The mean length of the longest chain of queries, each caused by an answer.
    pub rounds_mean: f64,
    /// Queries of a lookup, resends not counted.
    pub queries_mean: f64,
    /// Queries of a lookup that had no answer when it ended.
    pub unanswered_mean: f64,
    /// Datagrams of a lookup, sent and received, resends included.
    pub datagrams_mean: f64,
    /// Their bytes.
    pub bytes_mean: f64,
    /// How long lookups took.
    pub latency: Latencies,
}

/// The figures of gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GetFigures {
    /// The share of gets that brought the value that was put.
    pub found_rate: f64,
    /// How long they took.
    pub latency: Latencies,
    /// How long those that brought values took until the first came, if any did.
    pub to_first_value: Option<Latencies>,
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// Half took no longer.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

impl LookupFigures {
    /// Nothing for no lookups.
    pub(super) fn new(lookups: &[Lookup]) -> Option<Self> {
        let count = lookups.len() as f64;
        let took = lookups.iter().map(|lookup| lookup.query_stats.took);
        let mean = |figure: &dyn Fn(&QueryStats) -> f64| {
            let figures = lookups.iter().map(|lookup| figure(&lookup.query_stats));
            figures.sum::<f64>() / count
        };
        let share = |good: &dyn Fn(Quality) -> bool| {
            lookups.iter().filter(|lookup| good(lookup.found)).count() as f64 / count
        };
        Some(Self {
            latency: Latencies::of(took)?,
            success_rate: share(&|found| found != Quality::Failure),
            exact_rate: share(&|found| found == Quality::Exact),
            hops_mean: mean(&|stats| stats.hops.into()),
            rounds_mean: mean(&|stats| stats.rounds.into()),
            queries_mean: mean(&|stats| stats.asked.into()),
            unanswered_mean: mean(&|stats| stats.unanswered.into()),
            datagrams_mean: mean(&|stats| stats.datagrams.into()),
            bytes_mean: mean(&|stats| stats.bytes as f64),
        })
    }
}

impl GetFigures {
    /// Nothing for no gets.
    pub(super) fn new(gets: &Gets) -> Option<Self> {
        Some(Self {
            latency: Latencies::of(gets.took.iter().copied())?,
            to_first_value: Latencies::of(gets.to_first_value.iter().copied()),
            found_rate: gets.successful as f64 / gets.took.len() as f64,
        })
    }
}

impl Latencies {
    /// Nothing if nothing was measured.
    pub(super) fn of(spans: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut spans: Vec<Duration> = spans.collect();
        spans.sort_unstable();
        let rank = |percent: usize| {
            let rank = (spans.len() * percent).div_ceil(100).saturating_sub(1);
            spans.get(rank).copied()
        };
        Some(Self {
            p50: rank(50)?,
            p90: rank(90)?,
            p99: rank(99)?,
            max: rank(100)?,
        })
    }

    pub(super) fn to_json(self) -> Value {
        let millis = |span: Duration| span.as_secs_f64() * 1000.0;
        json!({
            "p50": millis(self.p50),
            "p90": millis(self.p90),
            "p99": millis(self.p99),
            "max": millis(self.max),
        })
    }
}

/// What stands in a table for a figure, or for one that was not measured.
pub(super) fn or_dash(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "–".to_owned())
}
