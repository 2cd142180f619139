//! `khashmir-sim compare`: two sets of settings in the same world, side by side.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use khashmir_sim::experiment::{Experiment, Latencies, LookupFigures, Summary};

use super::progress::Bar;
use super::world::{World, preset_or_plan};
use super::{fail, refuse};

/// A row of the table: its name, and how its figure comes out of others.
type Row<Of, Figure> = (&'static str, fn(&Of) -> Figure);

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

    /// A row for each figure, with the ratio of the second to the first. What nothing was measured
    /// of is a dash.
    fn table(&self, a: &Summary, b: &Summary) -> String {
        let millis = |span: Duration| span.as_secs_f64() * 1000.0;
        let lookups: [Row<LookupFigures, f64>; 8] = [
            ("found the closest, %", |of| of.success_rate * 100.0),
            ("exactly the K closest, %", |of| of.exact_rate * 100.0),
            ("hops", |of| of.hops_mean),
            ("rounds", |of| of.rounds_mean),
            ("queries a lookup", |of| of.queries_mean),
            ("unanswered a lookup", |of| of.unanswered_mean),
            ("datagrams a lookup", |of| of.datagrams_mean),
            ("bytes a lookup", |of| of.bytes_mean),
        ];
        let latencies: [Row<Latencies, Duration>; 4] = [
            ("latency p50, ms", |of| of.p50),
            ("latency p90, ms", |of| of.p90),
            ("latency p99, ms", |of| of.p99),
            ("latency max, ms", |of| of.max),
        ];
        let both = |name: &'static str, figure: &dyn Fn(&Summary) -> Option<f64>| {
            (name, figure(a), figure(b))
        };
        let mut rows: Vec<(&str, Option<f64>, Option<f64>)> = Vec::new();
        for (name, figure) in lookups {
            rows.push(both(name, &|run| run.lookup_figures.as_ref().map(figure)));
        }
        for (name, figure) in latencies {
            rows.push(both(name, &|run| {
                let lookups = run.lookup_figures.as_ref();
                lookups.map(|of| millis(figure(&of.latency)))
            }));
        }
        rows.push(both("values found, %", &|run| {
            run.get_figures.map(|gets| gets.found_rate * 100.0)
        }));
        rows.push(both("datagrams in all", &|run| {
            Some(run.traffic.sent as f64)
        }));
        let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let (first, second) = (short(&self.a), short(&self.b));
        let mut table = format!("{:<26}{first:>14}{second:>14}{:>10}\n", "", "ratio");
        let text = |figure: Option<f64>, digits: usize| {
            figure.map_or("–".to_owned(), |figure| format!("{figure:.digits$}"))
        };
        for (name, a, b) in rows {
            // A figure that is zero in the first run has no ratio.
            let ratio = a.zip(b).filter(|(a, _)| *a > 0.0).map(|(a, b)| b / a);
            let (a, b, ratio) = (text(a, 2), text(b, 2), text(ratio, 3));
            table += &format!("{name:<26}{a:>14}{b:>14}{ratio:>10}\n");
        }
        table
    }
}
