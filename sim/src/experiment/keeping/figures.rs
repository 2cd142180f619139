//! What came of keeping values, in all and over time.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Kept, Sample, floor};
use crate::experiment::figures::{Latencies, or_dash};
use crate::experiment::request_log::{Read, RequestLog};
use crate::plan::Plan;

/// What came of keeping values. What nothing was measured of is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct KeepingFigures {
    /// Values that are kept.
    pub values: u32,
    /// Hosts that publish them.
    pub publishers: u64,
    /// Reads that are over.
    pub reads: u64,
    /// The share of them that found the value.
    pub found_rate: Option<f64>,
    /// How long reads took.
    pub latency: Option<Latencies>,
    /// Copies of a value at nodes that run, other than its publisher, as a mean over values and
    /// time.
    pub copies_mean: Option<f64>,
    /// The share of time in which a value has fewer copies than half of the redundancy.
    pub below_half_rate: Option<f64>,
    /// Datagrams that all hosts sent to keep a value for an hour, each counted once.
    pub datagrams_per_value_hour: Option<f64>,
    /// Those of them that were received.
    pub received_per_value_hour: Option<f64>,
    /// The least that any keeper would need: see the page of the simulator for the sum.
    pub floor_per_value_hour: Option<f64>,
    /// The same over time.
    pub curve: Vec<KeepingPoint>,
}

/// How values were kept in a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeepingPoint {
    /// When the span begins, since the world began.
    pub at: Duration,
    /// How long it is.
    pub span: Duration,
    /// Reads that ended in it.
    pub reads: u64,
    /// The share of them that found the value.
    pub found_rate: Option<f64>,
    /// Copies of a value, as a mean.
    pub copies_mean: Option<f64>,
    /// The share of time in which a value has fewer copies than half of the redundancy.
    pub below_half_rate: Option<f64>,
    /// Datagrams that all hosts sent to keep a value for an hour.
    pub datagrams_per_value_hour: Option<f64>,
}

impl KeepingFigures {
    /// Spans of a curve, at most.
    const SPANS: u32 = 48;
    /// No span is shorter than that, and each is a multiple of it.
    const SHORTEST: u64 = 60;

    /// Nothing if nothing was to be kept.
    pub(in crate::experiment) fn new(
        plan: &Plan,
        kept: &Kept,
        requests: &RequestLog,
    ) -> Option<Self> {
        if plan.keeping.values == 0 {
            return None;
        }
        let (samples, reads) = (kept.samples(), requests.reads());
        let all = Measured::new(plan, samples, reads.iter());
        let session = plan.churn.map(|churn| churn.session.mean_seconds());
        Some(Self {
            values: plan.keeping.values,
            publishers: plan.publishers().len(),
            reads: all.reads,
            found_rate: all.found_rate,
            latency: Latencies::of(reads.iter().map(|read| read.took)),
            copies_mean: all.copies_mean,
            below_half_rate: all.below_half_rate,
            datagrams_per_value_hour: all.sent,
            received_per_value_hour: all.received,
            floor_per_value_hour: session
                .and_then(|session| floor::datagrams_per_hour(plan.redundancy(), session / 3600.0)),
            curve: curve(plan, samples, reads),
        })
    }

    /// The figures under names that do not change from version to version.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let point = |point: &KeepingPoint| {
            json!({
                "seconds": point.at.as_secs_f64(),
                "reads": point.reads,
                "found_rate": point.found_rate,
                "copies_mean": point.copies_mean,
                "below_half_rate": point.below_half_rate,
                "datagrams_per_value_hour": point.datagrams_per_value_hour,
            })
        };
        json!({
            "values": self.values,
            "publishers": self.publishers,
            "reads": self.reads,
            "found_rate": self.found_rate,
            "latency_ms": self.latency.map(Latencies::to_json),
            "copies_mean": self.copies_mean,
            "below_half_rate": self.below_half_rate,
            "datagrams_per_value_hour": self.datagrams_per_value_hour,
            "received_per_value_hour": self.received_per_value_hour,
            "floor_per_value_hour": self.floor_per_value_hour,
            "curve": self.curve.iter().map(point).collect::<Vec<_>>(),
        })
    }
}

/// Rows of a table of two columns.
impl fmt::Display for KeepingFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, figure: String| writeln!(f, "{name:<26}{figure:>20}");
        let percent = |share: f64| format!("{:.3} %", share * 100.0);
        let tenths = |figure: f64| format!("{figure:.1}");
        row("values kept", self.values.to_string())?;
        row("  reads", self.reads.to_string())?;
        row("  found by reads", or_dash(self.found_rate.map(percent)))?;
        row(
            "  copies",
            or_dash(self.copies_mean.map(|copies| format!("{copies:.2}"))),
        )?;
        row(
            "  copies below half",
            or_dash(self.below_half_rate.map(percent)),
        )?;
        row(
            "  datagrams a value, hour",
            or_dash(self.datagrams_per_value_hour.map(tenths)),
        )?;
        row(
            "  floor of these",
            or_dash(self.floor_per_value_hour.map(tenths)),
        )
    }
}

/// What was measured in a span of time.
struct Measured {
    reads: u64,
    found_rate: Option<f64>,
    copies_mean: Option<f64>,
    below_half_rate: Option<f64>,
    sent: Option<f64>,
    received: Option<f64>,
}

impl Measured {
    fn new<'r>(plan: &Plan, samples: &[Sample], reads: impl Iterator<Item = &'r Read>) -> Self {
        let values = f64::from(plan.keeping.values);
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let (mut count, mut found) = (0_u64, 0_u64);
        for read in reads {
            count += 1;
            found += u64::from(read.found);
        }
        let looks = samples.len() as f64 * values;
        let copies: u64 = samples.iter().map(|sample| sample.copies).sum();
        let below: u64 = samples
            .iter()
            .map(|sample| u64::from(sample.below_half))
            .sum();
        let passed = |count: &dyn Fn(&Sample) -> u64| {
            let (first, last) = (samples.first()?, samples.last()?);
            let hours = last.at.since(first.at).as_secs_f64() / 3600.0;
            share((count(last) - count(first)) as f64, hours * values)
        };
        Self {
            reads: count,
            found_rate: share(found as f64, count as f64),
            copies_mean: share(copies as f64, looks),
            below_half_rate: share(below as f64, looks),
            sent: passed(&|sample| sample.traffic.sent),
            received: passed(&|sample| sample.traffic.received),
        }
    }
}

/// The same figures, span by span.
fn curve(plan: &Plan, samples: &[Sample], reads: &[Read]) -> Vec<KeepingPoint> {
    let Some(start) = samples.first().map(|sample| sample.at) else {
        return Vec::new();
    };
    let least = plan.workload.duration / KeepingFigures::SPANS;
    let shortest = KeepingFigures::SHORTEST;
    let span = Duration::from_secs(least.as_secs().max(1).next_multiple_of(shortest));
    let mut points = Vec::new();
    let mut from = start;
    let end = start + plan.workload.duration;
    while from < end {
        let to = from + span;
        // Spans share the sample at their edge: traffic is the difference between two samples.
        let first = samples.partition_point(|sample| sample.at < from);
        let last = samples.partition_point(|sample| sample.at <= to);
        let inside = reads
            .iter()
            .filter(|read| from <= read.ended && (read.ended < to || to >= end));
        let measured = Measured::new(plan, &samples[first..last], inside);
        points.push(KeepingPoint {
            at: Duration::from_nanos(from.as_nanos()),
            span,
            reads: measured.reads,
            found_rate: measured.found_rate,
            copies_mean: measured.copies_mean,
            below_half_rate: measured.below_half_rate,
            datagrams_per_value_hour: measured.sent,
        });
        from = to;
    }
    points
}
