//! What came of a run, as figures: for people a table, for programs JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::figures::{GetFigures, Latencies, LookupFigures, or_dash};
use super::keeping::{KeepingFigures, Kept};
use super::request_log::RequestLog;
use super::sending::{Asking, SendingRates};
use crate::network::LossCounts;
use crate::plan::{Plan, Start};
use crate::trace::TraceHash;
use crate::world::{Observer, Traffic, World};

/// The figures of a run. All times are virtual.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// What was run.
    pub plan: Plan,
    /// Hosts, dead ones included.
    pub nodes: u64,
    /// How the network came to stand.
    pub start: Start,
    /// Lookups that are over.
    pub lookups: u64,
    /// Those of them that cannot be judged: there was no node to find but the asking one.
    pub unjudged: u64,
    /// The figures of the others, if there are any.
    pub lookup_figures: Option<LookupFigures>,
    /// Values that were stored somewhere.
    pub values: u64,
    /// The figures of gets, if any is over.
    pub get_figures: Option<GetFigures>,
    /// What came of keeping values, if any were to be kept.
    pub keeping: Option<KeepingFigures>,
    /// Joins that found no contact.
    pub failed_joins: u64,
    /// Commands that were refused.
    pub refused: u64,
    /// Commands whose node was gone before they ended.
    pub cut_off: u64,
    /// All datagrams that all nodes sent, for whatever reason.
    pub traffic: Traffic,
    /// Of those, how many while lookups and gets arrived.
    pub traffic_while_asking: Traffic,
    /// What a node sends a second while lookups and gets arrive, if any were to.
    pub sending_rates: Option<SendingRates>,
    /// Datagrams that were lost, by place and cause.
    pub losses: LossCounts,
    /// Things that happened to hosts.
    pub events: u64,
    /// Windows of time in which anything happened.
    pub windows: u64,
    /// Virtual time at the end.
    pub virtual_time: Duration,
    /// The hash of everything that all hosts did.
    pub trace_hash: TraceHash,
}

impl Summary {
    pub(super) fn new<W: Observer>(
        plan: &Plan,
        world: &World<W>,
        request_log: &RequestLog,
        kept: &Kept,
        asking: Asking,
    ) -> Self {
        let lookups = request_log.lookups();
        let traffic = world.traffic();
        Self {
            plan: plan.clone(),
            nodes: plan.hosts.len(),
            start: plan.start,
            lookups: lookups.len() as u64 + request_log.unjudged(),
            unjudged: request_log.unjudged(),
            lookup_figures: LookupFigures::new(lookups),
            values: request_log.stored().len() as u64,
            get_figures: GetFigures::new(request_log.gets()),
            keeping: KeepingFigures::new(plan, kept, request_log),
            failed_joins: request_log.failed_joins(),
            refused: request_log.refused(),
            cut_off: request_log.cut_off(),
            traffic,
            losses: world.losses(),
            traffic_while_asking: traffic - asking.before,
            sending_rates: asking.rates,
            events: world.events(),
            windows: world.windows(),
            virtual_time: Duration::from_nanos(world.now().as_nanos()),
            trace_hash: world.trace_hash(),
        }
    }

    /// The version of the simulator that made the figures.
    pub const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// The figures under names that do not change from version to version, with all that it takes
    /// to make them again. What nothing was measured of is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let lookups = self.lookup_figures.as_ref();
        let gets = self.get_figures.as_ref();
        json!({
            "version": Self::VERSION,
            "seed": self.plan.seed,
            "plan": self.plan.to_string(),
            "nodes": self.nodes,
            "lookups": self.lookups,
            "lookups_unjudged": self.unjudged,
            "success_rate": lookups.map(|figures| figures.success_rate),
            "exact_rate": lookups.map(|figures| figures.exact_rate),
            "values": self.values,
            "values_found_rate": gets.map(|figures| figures.found_rate),
            "hops_mean": lookups.map(|figures| figures.hops_mean),
            "rounds_mean": lookups.map(|figures| figures.rounds_mean),
            "queries_per_lookup": lookups.map(|figures| figures.queries_mean),
            "unanswered_per_lookup": lookups.map(|figures| figures.unanswered_mean),
            "datagrams_per_lookup": lookups.map(|figures| figures.datagrams_mean),
            "bytes_per_lookup": lookups.map(|figures| figures.bytes_mean),
            "latency_ms": lookups.map(|figures| figures.latency.to_json()),
            "get_latency_ms": gets.map(|figures| figures.latency.to_json()),
            "first_value_ms": gets.and_then(|figures| Some(figures.to_first_value?.to_json())),
            "keeping": self.keeping.as_ref().map(KeepingFigures::to_json),
            "failed_joins": self.failed_joins,
            "refused": self.refused,
            "cut_off": self.cut_off,
            "datagrams": self.traffic.sent,
            "bytes": self.traffic.bytes,
            "sent_per_second_and_node": self.sending_rates.map(SendingRates::to_json),
            "lost": self.losses.total(),
            "lost_by": losses_to_json(&self.losses),
            "events": self.events,
            "windows": self.windows,
            "virtual_seconds": self.virtual_time.as_secs_f64(),
            "trace_hash": self.trace_hash.to_string(),
        })
    }
}

fn losses_to_json(losses: &LossCounts) -> Value {
    let mut places = json!({});
    for (place, cause, count) in losses.iter() {
        places[place.name()][cause.name()] = count.into();
    }
    places
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
        if self.unjudged > 0 {
            row("  with nobody to find", self.unjudged.to_string())?;
        }
        let lookups = self.lookup_figures.as_ref();
        let mut figure = |name: &str, text: &dyn Fn(&LookupFigures) -> String| {
            row(name, or_dash(lookups.map(text)))
        };
        figure("  found the closest", &|of| percent(of.success_rate))?;
        figure("  exactly the K closest", &|of| percent(of.exact_rate))?;
        figure("  hops", &|of| format!("{:.2}", of.hops_mean))?;
        figure("  rounds", &|of| format!("{:.2}", of.rounds_mean))?;
        figure("  queries", &|of| format!("{:.2}", of.queries_mean))?;
        figure("  timeouts met", &|of| format!("{:.2}", of.unanswered_mean))?;
        figure("  datagrams", &|of| format!("{:.1}", of.datagrams_mean))?;
        figure("  bytes", &|of| format!("{:.0}", of.bytes_mean))?;
        figure("  latency p50", &|of| millis(of.latency.p50))?;
        figure("  latency p90", &|of| millis(of.latency.p90))?;
        figure("  latency p99", &|of| millis(of.latency.p99))?;
        figure("  latency max", &|of| millis(of.latency.max))?;
        if self.cut_off > 0 {
            row("cut off by departures", self.cut_off.to_string())?;
        }
        if self.values > 0 {
            row("values stored", self.values.to_string())?;
            let gets = self.get_figures.as_ref();
            let mut figure = |name: &str, text: &dyn Fn(&GetFigures) -> String| {
                row(name, or_dash(gets.map(text)))
            };
            figure("  found by gets", &|of| percent(of.found_rate))?;
            let mut first = |name: &str, text: &dyn Fn(&Latencies) -> Duration| {
                let latencies = gets.and_then(|gets| gets.to_first_value);
                row(name, or_dash(latencies.map(|of| millis(text(&of)))))
            };
            first("  first value p50", &|of| of.p50)?;
            first("  first value p90", &|of| of.p90)?;
            first("  first value p99", &|of| of.p99)?;
            let mut figure = |name: &str, text: &dyn Fn(&GetFigures) -> String| {
                row(name, or_dash(gets.map(text)))
            };
            figure("  get latency p50", &|of| millis(of.latency.p50))?;
            figure("  get latency p99", &|of| millis(of.latency.p99))?;
        }
        if let Some(keeping) = &self.keeping {
            write!(f, "{keeping}")?;
        }
        let mut row = |name: &str, figure: String| writeln!(f, "{name:<26}{figure:>20}");
        row("datagrams sent in all", self.traffic.sent.to_string())?;
        row("  that were lost", self.losses.total().to_string())?;
        for (place, cause, count) in self.losses.iter().filter(|(_, _, count)| *count > 0) {
            row(&format!("    {place}: {}", cause), count.to_string())?;
        }
        if let Some(rates) = &self.sending_rates {
            let bytes = |rate: f64| format!("{rate:.1}");
            row("bytes a second and node", bytes(rates.bytes))?;
            row("  for upkeep", bytes(rates.upkeep_bytes))?;
        }
        row("events", self.events.to_string())?;
        row("windows", self.windows.to_string())?;
        row(
            "virtual time",
            format!("{:.1} s", self.virtual_time.as_secs_f64()),
        )?;
        row("trace hash", self.trace_hash.to_string())
    }
}
