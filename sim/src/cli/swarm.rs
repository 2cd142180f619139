//! `khashmir-sim swarm`: the search for faults over many seeds.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::{Args, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use khashmir_sim::experiment::MachineFactory;
use khashmir_sim::plan::Plan;
use khashmir_sim::swarm::{self, Fault, Trial};

use super::refuse;

/// The options of a search.
#[derive(Args)]
pub(super) struct Swarm {
    /// The seeds from A to B-1, written A..B
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Range<u64>,
    /// How many seeds are tried at once
    #[arg(long, value_name = "J", default_value_t = 1, value_parser = value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Where the plans of failing seeds are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    plans: PathBuf,
    /// Run every seed twice, the second time on two threads, and hold the runs against each other
    #[arg(long)]
    twice: bool,
}

/// How many of the last lines before a violation are shown.
const LINES: usize = 20;
/// How many plans are tried to make a failing one small.
const TRIES: usize = 2000;
/// Every so many seeds, one is run twice.
const AGAIN: u64 = 64;

/// What has been found so far.
#[derive(Default)]
struct Findings {
    faults: BTreeMap<Fault, u64>,
    /// Seeds whose plans have fewer than two kinds of fault.
    tame: u64,
    /// What is to be said of seeds that fail.
    failing: BTreeMap<u64, String>,
}

impl Swarm {
    pub(super) fn main(&self) -> ExitCode {
        if self.seeds.is_empty() {
            let Range { start, end } = self.seeds;
            return refuse(&format!("--seeds {start}..{end}: there are none"));
        }
        if !self.plans.is_dir() {
            return refuse(&format!("--plans {}: no such folder", self.plans.display()));
        }
        // A panic is a finding; it is told like the others.
        panic::set_hook(Box::new(|_| ()));
        let bar = bar(self.seeds.end - self.seeds.start);
        let (next, findings) = (AtomicU64::new(self.seeds.start), Mutex::default());
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| self.work(&next, &findings, &bar));
            }
        });
        bar.finish_and_clear();
        let findings = findings
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.tell(&findings, started.elapsed().as_secs_f64())
    }

    fn work(&self, next: &AtomicU64, findings: &Mutex<Findings>, bar: &ProgressBar) {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.seeds.end {
                return;
            }
            let plan = swarm::plan(seed);
            let faults = swarm::faults(&plan);
            let failure = self.try_seed(seed, &plan);
            let mut findings = findings
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            findings.tame += u64::from(faults.len() < 2);
            for fault in faults {
                *findings.faults.entry(fault).or_default() += 1;
            }
            if let Some(failure) = failure {
                bar.suspend(|| println!("{failure}"));
                findings.failing.insert(seed, failure);
            }
            bar.inc(1);
        }
    }

    /// Runs the plan of a seed; gives what is to be said if it fails.
    fn try_seed(&self, seed: u64, plan: &Plan) -> Option<String> {
        let factory = MachineFactory::default();
        let trial = if self.twice || seed.is_multiple_of(AGAIN) {
            swarm::twice(plan, &factory, [1, if self.twice { 2 } else { 1 }])
        } else {
            swarm::trial(plan, &factory, 1)
        };
        match trial {
            Ok(trial) if trial.violations.is_empty() => None,
            Ok(trial) => Some(self.report(seed, plan, &trial)),
            Err(senseless) => Some(format!("seed {seed}: no sense: {senseless}")),
        }
    }

    /// Makes the plan small, writes it to a file, and says in a line what happened; the rest goes to
    /// stderr.
    fn report(&self, seed: u64, plan: &Plan, trial: &Trial) -> String {
        let Some(violation) = trial.first() else {
            return format!("seed {seed}: nothing");
        };
        let (factory, check) = (MachineFactory::default(), violation.check);
        let fails = |plan: &Plan| {
            swarm::twice_if(plan, &factory, check)
                .is_ok_and(|trial| trial.checks().contains(&check))
        };
        let small = swarm::shrink(plan, TRIES, fails);
        let again = swarm::twice_if(&small, &factory, check).ok();
        let last = again.as_ref().and_then(Trial::first).unwrap_or(violation);
        let file = self.plans.join(format!("seed-{seed}.plan"));
        let text = format!("# {violation}\n{small}");
        let wrote = match fs::write(&file, &text) {
            Ok(()) => file.display().to_string(),
            Err(error) => format!("(not written: {}: {error})", file.display()),
        };
        let lines = swarm::last_lines(&small, &factory, last, LINES).join("\n");
        eprintln!("seed {seed}\n{text}--- the last that happened\n{lines}\n{last}\n");
        format!("seed {seed}: {violation}; made small in {wrote}")
    }

    fn tell(&self, findings: &Findings, seconds: f64) -> ExitCode {
        let seeds = self.seeds.end - self.seeds.start;
        println!("{:<26}{:>10}", "seeds", seeds);
        println!("{:<26}{:>10}", "  that fail", findings.failing.len());
        println!("{:<26}{:>10}", "  fewer than two faults", findings.tame);
        for fault in Fault::ALL {
            let count = findings.faults.get(&fault).copied().unwrap_or_default();
            println!("  {fault:<24}{count:>10}");
        }
        let missing = Fault::ALL
            .into_iter()
            .filter(|fault| !findings.faults.contains_key(fault));
        let missing: Vec<String> = missing.map(|fault| fault.to_string()).collect();
        if !missing.is_empty() {
            println!("never occurred: {}", missing.join(", "));
        }
        let each = seconds * 1000.0 / seeds as f64;
        println!(
            "{:<26}{seconds:>10.1} s, {each:.1} ms a seed with --jobs {}",
            "wall time", self.jobs
        );
        if findings.failing.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn bar(seeds: u64) -> ProgressBar {
    let bar = ProgressBar::new(seeds);
    let template = "{pos} of {len} seeds {bar:30} {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let bad = || "write a range such as 0..1000".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(bad)?;
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) => Ok(from..to),
        _ => Err(bad()),
    }
}
