//! `khashmir-sim run`: one experiment, and its figures.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use khashmir_sim::experiment::{Experiment, Summary};
use khashmir_sim::plan::Preset;

use super::progress::Bar;
use super::world::{World, read_plan};
use super::{fail, refuse};

/// The options of a run.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    world: World,
    /// The habits of the nodes: adaptive, late, early
    #[arg(long)]
    preset: Option<Preset>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A file with a plan, which the options change
    plan: Option<PathBuf>,
}

impl Run {
    pub(super) fn main(self) -> ExitCode {
        let experiment = match self.experiment() {
            Ok(experiment) => experiment,
            Err(what) => return refuse(&what),
        };
        let bar = Bar::new();
        let started = Instant::now();
        let summary = match experiment.run(&mut |progress| bar.show(&progress)) {
            Ok(summary) => summary,
            Err(error) => return refuse(&error.to_string()),
        };
        let wall = started.elapsed();
        bar.clear();
        if let Some(file) = &self.json
            && let Err(error) = fs::write(file, json(&summary, wall))
        {
            return fail(&format!("{}: {error}", file.display()));
        }
        let per_second = summary.events as f64 / wall.as_secs_f64();
        let speed = format!(
            "{:<26}{:>20}\n",
            "wall time",
            format!("{:.1} s", wall.as_secs_f64())
        ) + &format!("{:<26}{per_second:>20.0}\n", "events a second");
        match io::stdout().write_all(format!("{summary}{speed}").as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("stdout: {error}")),
        }
    }

    fn experiment(&self) -> Result<Experiment, String> {
        let plan = match &self.plan {
            None => World::usual(),
            Some(file) => read_plan(file)?,
        };
        let mut plan = self.world.upon(plan);
        plan.habits.preset = self.preset.unwrap_or(plan.habits.preset);
        Ok(Experiment {
            threads: self.world.threads(),
            ..Experiment::new(plan)
        })
    }
}

/// The figures of the run, and what it took to compute it.
fn json(summary: &Summary, wall: Duration) -> String {
    let mut json = summary.to_json();
    let seconds = wall.as_secs_f64();
    json["wall_seconds"] = seconds.into();
    json["events_per_second"] = (summary.events as f64 / seconds).into();
    json["lookups_per_second"] = (summary.lookups as f64 / seconds).into();
    format!("{json:#}\n")
}
