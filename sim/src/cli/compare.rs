//! `khashmir-sim compare`: two sets of settings in the same world, side by side.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use khashmir_sim::experiment::{Experiment, Summary};

use super::progress::Bar;
use super::world::{World, preset_or_plan};
use super::{fail, refuse};

/// The options of a comparison.
#[derive(Args)]
pub(super) struct Compare {
    #[command(flatten)]
    world: World,
    /// The preset of the first run, or a file with its plan
    a: String,
    /// The preset of the second, or a file with its plan
    b: String,
}

impl Compare {
    pub(super) fn main(&self) -> ExitCode {
        let mut experiments = Vec::new();
        for name in [&self.a, &self.b] {
            match preset_or_plan(name) {
                Ok(plan) => experiments.push(Experiment {
                    threads: self.world.threads(),
                    ..Experiment::new(self.world.upon(plan))
                }),
                Err(what) => return refuse(&what),
            }
        }
        let mut summaries = Vec::new();
        for experiment in experiments {
            let bar = Bar::new();
            match experiment.run(&mut |progress| bar.show(&progress)) {
                Ok(summary) => summaries.push(summary),
                Err(error) => return refuse(&error.to_string()),
            }
            bar.clear();
        }
        let [a, b] = &summaries[..] else {
            return fail("a run is missing");
        };
        match io::stdout().write_all(self.table(a, b).as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("stdout: {error}")),
        }
    }

    /// A row for each figure, with the ratio of the second to the first.
    fn table(&self, a: &Summary, b: &Summary) -> String {
        let millis = |span: std::time::Duration| span.as_secs_f64() * 1000.0;
        let rows = [
            (
                "found the closest, %",
                a.success_rate * 100.0,
                b.success_rate * 100.0,
            ),
            (
                "exactly the K closest, %",
                a.exact_rate * 100.0,
                b.exact_rate * 100.0,
            ),
            (
                "values found, %",
                a.values_found_rate * 100.0,
                b.values_found_rate * 100.0,
            ),
            ("hops", a.hops_mean, b.hops_mean),
            ("rounds", a.rounds_mean, b.rounds_mean),
            (
                "queries a lookup",
                a.queries_per_lookup,
                b.queries_per_lookup,
            ),
            (
                "unanswered a lookup",
                a.unanswered_per_lookup,
                b.unanswered_per_lookup,
            ),
            (
                "datagrams a lookup",
                a.datagrams_per_lookup,
                b.datagrams_per_lookup,
            ),
            ("bytes a lookup", a.bytes_per_lookup, b.bytes_per_lookup),
            (
                "latency p50, ms",
                millis(a.latency.p50),
                millis(b.latency.p50),
            ),
            (
                "latency p90, ms",
                millis(a.latency.p90),
                millis(b.latency.p90),
            ),
            (
                "latency p99, ms",
                millis(a.latency.p99),
                millis(b.latency.p99),
            ),
            (
                "latency max, ms",
                millis(a.latency.max),
                millis(b.latency.max),
            ),
            (
                "datagrams in all",
                a.traffic.sent as f64,
                b.traffic.sent as f64,
            ),
        ];
        let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let (first, second) = (short(&self.a), short(&self.b));
        let mut table = format!("{:<26}{first:>14}{second:>14}{:>10}\n", "", "ratio");
        for (name, a, b) in rows {
            // A figure that is zero in the first run has no ratio.
            let ratio = if a > 0.0 {
                format!("{:.3}", b / a)
            } else {
                "-".to_owned()
            };
            table += &format!("{name:<26}{a:>14.2}{b:>14.2}{ratio:>10}\n");
        }
        table
    }
}
