//! `khashmir-sim compare`: two sets of settings in the same world, side by side.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use khashmir_sim::experiment::{Completion, Experiment, Latencies, LookupFigures, Summary};

use super::interrupt::Interrupt;
use super::output::print;
use super::progress::{self, Bar};
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
    a: OsString,
    /// The preset of the second, or a file with its plan
    b: OsString,
}

impl Compare {
    pub(super) fn main(&self, interrupt: &Interrupt) -> ExitCode {
        let mut experiments = Vec::new();
        for name in [&self.a, &self.b] {
            match preset_or_plan(name) {
                Ok(plan) => experiments.push(Experiment {
                    threads: self.world.threads(),
                    stop: interrupt.stop(),
                    ..Experiment::new(self.world.upon(plan))
                }),
                Err(what) => return refuse(&what),
            }
        }
        let mut summaries = Vec::new();
        let mut completion = Completion::Whole;
        for (experiment, name) in experiments.into_iter().zip([&self.a, &self.b]) {
            let (bar, name) = (Bar::new(), format!("{}: ", short(name)));
            let mut show = |progress| {
                bar.show(&progress);
                progress::note(interrupt, &name, &progress);
            };
            match experiment.run_observed(&mut show, || ()) {
                Ok(finished) => {
                    completion = finished.completion;
                    summaries.push(finished.summary);
                }
                Err(error) => return refuse(&error.to_string()),
            }
            bar.clear();
            if completion == Completion::Stopped {
                break;
            }
        }
        let table = match (&summaries[..], completion) {
            ([a, b], Completion::Whole) => self.table(a, b),
            // What was measured by then, one run after the other.
            (some, _) => {
                let names = [short(&self.a), short(&self.b)];
                let named = names.iter().zip(some);
                named
                    .map(|(name, summary)| format!("{name}\n{summary}"))
                    .collect()
            }
        };
        let printed = print(&table);
        if completion == Completion::Stopped
            && let Some(code) = interrupt.end()
        {
            return code;
        }
        match printed {
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
        rows.push(both("first value p50, ms", &|run| {
            run.get_figures?.to_first_value.map(|of| millis(of.p50))
        }));
        rows.push(both("bytes a second and node", &|run| {
            run.sending_rates.map(|rates| rates.bytes)
        }));
        rows.push(both("  for upkeep", &|run| {
            run.sending_rates.map(|rates| rates.upkeep_bytes)
        }));
        rows.push(both("datagrams in all", &|run| {
            Some(run.traffic.sent as f64)
        }));
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

/// The name of a preset, or of a file without its folders.
fn short(name: &OsStr) -> String {
    let last = Path::new(name).file_name().unwrap_or(name);
    last.to_string_lossy().into_owned()
}
