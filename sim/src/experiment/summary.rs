//! What came of a run, as figures: for people a table, for programs JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::details::Quality;
use super::keeping::{KeepingFigures, Kept};
use super::request_log::RequestLog;
use crate::plan::{Plan, Start};
use crate::trace::TraceHash;
use crate::world::{Observer, Traffic, World};

/// The figures of a run. All times are virtual.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Hosts, dead ones included.
    pub nodes: u64,
    /// How the network came to stand.
    pub start: Start,
    /// Lookups that are over.
    pub lookups: u64,
    /// The share of them whose result holds the closest node.
    pub success_rate: f64,
    /// The share of them whose result is exactly the K closest.
    pub exact_rate: f64,
    /// Values that were stored somewhere.
    pub values: u64,
    /// The share of gets that brought a value.
    pub values_found_rate: f64,
    /// The mean depth at which the closest node was found; the asker's own table is depth 1.
    pub hops_mean: f64,
    /// The mean length of the longest chain of queries, each caused by an answer.
    pub rounds_mean: f64,
    /// Queries of a lookup, resends not counted.
    pub queries_per_lookup: f64,
    /// Queries of a lookup that had no answer when it ended.
    pub unanswered_per_lookup: f64,
    /// Datagrams of a lookup, sent and received, resends included.
    pub datagrams_per_lookup: f64,
    /// Their bytes.
    pub bytes_per_lookup: f64,
    /// How long lookups took.
    pub latency: Latencies,
    /// How long gets took.
    pub get_latency: Latencies,
    /// What came of keeping values, if any were to be kept.
    pub keeping: Option<KeepingFigures>,
    /// Joins that found nobody.
    pub failed_joins: u64,
    /// Commands that were refused.
    pub refused: u64,
    /// Commands whose node was gone before they ended.
    pub cut_off: u64,
    /// All datagrams that all nodes sent, for whatever reason.
    pub traffic: Traffic,
    /// Of those, how many while lookups and gets arrived.
    pub traffic_while_asking: Traffic,
    /// Things that happened to hosts.
    pub events: u64,
    /// Windows of time in which anything happened.
    pub windows: u64,
    /// Virtual time at the end.
    pub virtual_time: Duration,
    /// The hash of everything that all hosts did.
    pub trace_hash: TraceHash,
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

impl Summary {
    pub(super) fn new<W: Observer>(
        plan: &Plan,
        world: &World<W>,
        request_log: &RequestLog,
        kept: &Kept,
        before: Traffic,
    ) -> Self {
        let lookups = request_log.lookups();
        let mean = |figure: &dyn Fn(&khashmir::QueryStats) -> f64| {
            ratio(
                lookups.iter().map(|lookup| figure(&lookup.query_stats)).sum(),
                lookups.len(),
            )
        };
        let share = |good: &dyn Fn(Quality) -> bool| {
            let count = lookups.iter().filter(|lookup| good(lookup.found)).count();
            ratio(count as f64, lookups.len())
        };
        let gets = request_log.gets();
        let traffic = world.traffic();
        Self {
            nodes: plan.hosts.len(),
            start: plan.start,
            lookups: lookups.len() as u64,
            success_rate: share(&|found| found != Quality::Failure),
            exact_rate: share(&|found| found == Quality::Exact),
            values: request_log.stored().len() as u64,
            values_found_rate: ratio(
                gets.successful as f64,
                usize::try_from(gets.all).unwrap_or(usize::MAX),
            ),
            hops_mean: mean(&|query_stats| query_stats.hops.into()),
            rounds_mean: mean(&|query_stats| query_stats.rounds.into()),
            queries_per_lookup: mean(&|query_stats| query_stats.asked.into()),
            unanswered_per_lookup: mean(&|query_stats| query_stats.unanswered.into()),
            datagrams_per_lookup: mean(&|query_stats| query_stats.datagrams.into()),
            bytes_per_lookup: mean(&|query_stats| query_stats.bytes as f64),
            latency: Latencies::of(lookups.iter().map(|lookup| lookup.query_stats.took)),
            get_latency: Latencies::of(gets.took.iter().copied()),
            keeping: KeepingFigures::new(plan, kept, request_log),
            failed_joins: request_log.failed_joins(),
            refused: request_log.refused(),
            cut_off: request_log.cut_off(),
            traffic,
            traffic_while_asking: traffic - before,
            events: world.events(),
            windows: world.windows(),
            virtual_time: Duration::from_nanos(world.now().as_nanos()),
            trace_hash: world.trace_hash(),
        }
    }

    /// The figures under names that do not change from version to version.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "nodes": self.nodes,
            "lookups": self.lookups,
            "success_rate": self.success_rate,
            "exact_rate": self.exact_rate,
            "values": self.values,
            "values_found_rate": self.values_found_rate,
            "hops_mean": self.hops_mean,
            "rounds_mean": self.rounds_mean,
            "queries_per_lookup": self.queries_per_lookup,
            "unanswered_per_lookup": self.unanswered_per_lookup,
            "datagrams_per_lookup": self.datagrams_per_lookup,
            "bytes_per_lookup": self.bytes_per_lookup,
            "latency_ms": self.latency.to_json(),
            "get_latency_ms": self.get_latency.to_json(),
            "keeping": self.keeping.as_ref().map(KeepingFigures::to_json),
            "failed_joins": self.failed_joins,
            "refused": self.refused,
            "cut_off": self.cut_off,
            "datagrams": self.traffic.sent,
            "bytes": self.traffic.bytes,
            "lost": self.traffic.lost,
            "events": self.events,
            "windows": self.windows,
            "virtual_seconds": self.virtual_time.as_secs_f64(),
            "trace_hash": self.trace_hash.to_string(),
        })
    }
}

impl Latencies {
    fn of(spans: impl Iterator<Item = Duration>) -> Self {
        let mut spans: Vec<Duration> = spans.collect();
        spans.sort_unstable();
        let rank = |percent: usize| {
            let rank = (spans.len() * percent).div_ceil(100).saturating_sub(1);
            spans.get(rank).copied().unwrap_or_default()
        };
        Self {
            p50: rank(50),
            p90: rank(90),
            p99: rank(99),
            max: rank(100),
        }
    }

    /// Nothing if nothing was measured.
    pub(super) fn measured(spans: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut spans = spans.peekable();
        spans.peek().is_some().then(|| Self::of(spans))
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

fn ratio(sum: f64, count: usize) -> f64 {
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// A table of two columns.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, figure: String| writeln!(f, "{name:<26}{figure:>20}");
        let percent = |share: f64| format!("{:.3} %", share * 100.0);
        let millis = |span: Duration| format!("{:.1} ms", span.as_secs_f64() * 1000.0);
        row("nodes", self.nodes.to_string())?;
        if self.start == Start::Join {
            row("joins that found nobody", self.failed_joins.to_string())?;
        }
        row("lookups", self.lookups.to_string())?;
        row("  found the closest", percent(self.success_rate))?;
        row("  exactly the K closest", percent(self.exact_rate))?;
        row("  hops", format!("{:.2}", self.hops_mean))?;
        row("  rounds", format!("{:.2}", self.rounds_mean))?;
        row("  queries", format!("{:.2}", self.queries_per_lookup))?;
        row(
            "  timeouts met",
            format!("{:.2}", self.unanswered_per_lookup),
        )?;
        row("  datagrams", format!("{:.1}", self.datagrams_per_lookup))?;
        row("  bytes", format!("{:.0}", self.bytes_per_lookup))?;
        row("  latency p50", millis(self.latency.p50))?;
        row("  latency p90", millis(self.latency.p90))?;
        row("  latency p99", millis(self.latency.p99))?;
        row("  latency max", millis(self.latency.max))?;
        if self.cut_off > 0 {
            row("cut off by departures", self.cut_off.to_string())?;
        }
        if self.values > 0 {
            row("values stored", self.values.to_string())?;
            row("  found by gets", percent(self.values_found_rate))?;
            row("  get latency p50", millis(self.get_latency.p50))?;
            row("  get latency p99", millis(self.get_latency.p99))?;
        }
        if let Some(keeping) = &self.keeping {
            write!(f, "{keeping}")?;
        }
        let mut row = |name: &str, figure: String| writeln!(f, "{name:<26}{figure:>20}");
        row("datagrams sent in all", self.traffic.sent.to_string())?;
        row("  that did not arrive", self.traffic.lost.to_string())?;
        row("events", self.events.to_string())?;
        row("windows", self.windows.to_string())?;
        row(
            "virtual time",
            format!("{:.1} s", self.virtual_time.as_secs_f64()),
        )?;
        row("trace hash", self.trace_hash.to_string())
    }
}
