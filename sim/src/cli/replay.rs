//! `khashmir-sim replay`: a plan, step by step, under all checks.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::Args;
use khashmir_sim::checks::Checks;
use khashmir_sim::experiment::Experiment;
use khashmir_sim::lines::Lines;

use super::interrupt::Interrupt;
use super::output::forgive;
use super::progress;
use super::world::read_plan;
use super::{fail, refuse};

/// The options of a replay.
#[derive(Args)]
pub(super) struct Replay {
    /// Print everything that happens, a line for each
    #[arg(long)]
    trace: bool,
    /// A file with a plan
    file: PathBuf,
}

impl Replay {
    pub(super) fn main(&self, interrupt: &Interrupt) -> ExitCode {
        let plan = match read_plan(&self.file) {
            Ok(plan) => plan,
            Err(what) => return refuse(&what),
        };
        let stop = interrupt.stop();
        let out = Arc::new(Mutex::new((BufWriter::new(io::stdout()), Ok(()))));
        let printer = || {
            let (out, stop) = (Arc::clone(&out), stop.clone());
            let print = move |line: &str| {
                if let Ok(mut guard) = out.lock()
                    && guard.1.is_ok()
                {
                    guard.1 = writeln!(guard.0, "{line}");
                    // Without anywhere to write there is nothing left to run for.
                    if guard.1.is_err() {
                        stop.request();
                    }
                }
            };
            self.trace.then(|| Lines::new(print))
        };
        let observer = || (Checks::default(), printer());
        let experiment = Experiment {
            stop: stop.clone(),
            ..Experiment::new(plan)
        };
        let mut note = |progress| progress::note(interrupt, "", &progress);
        let finished = match experiment.run_observed(&mut note, observer) {
            Ok(finished) => finished,
            Err(error) => return refuse(&format!("{}: {error}", self.file.display())),
        };
        let seen = finished.world.observers();
        let mut violations: Vec<_> = seen
            .flat_map(|(checks, _)| checks.violations().iter().cloned())
            .collect();
        violations.extend(finished.violations);
        let Ok(mut guard) = out.lock() else {
            return fail("stdout is gone");
        };
        let mut written = std::mem::replace(&mut guard.1, Ok(()));
        let summary = &finished.summary;
        written = written.and_then(|()| write!(guard.0, "{summary}"));
        for violation in &violations {
            written = written.and_then(|()| writeln!(guard.0, "violated: {violation}"));
        }
        written = written.and_then(|()| guard.0.flush());
        if let Some(code) = interrupt.end() {
            return code;
        }
        match forgive(written) {
            Ok(()) if violations.is_empty() => ExitCode::SUCCESS,
            Ok(()) => ExitCode::FAILURE,
            Err(error) => fail(&format!("stdout: {error}")),
        }
    }
}
