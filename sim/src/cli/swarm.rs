//! `khashmir-sim swarm`: the search for faults over many seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::ops::Range;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use khashmir_sim::experiment::MachineFactory;
use khashmir_sim::plan::Plan;
use khashmir_sim::swarm::{self, Fault, Trial};

use super::interrupt::Interrupt;
use super::output::{OutputFile, note, print};
use super::{fail, refuse};

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

/// A search under way.
struct Search<'s> {
    swarm: &'s Swarm,
    interrupt: &'s Interrupt,
    bar: ProgressBar,
    /// Seeds that no worker has taken yet.
    seeds: Mutex<Range<u64>>,
    findings: Mutex<Findings>,
}

/// What has been found so far.
#[derive(Default)]
struct Findings {
    /// Seeds that were tried.
    tried: u64,
    faults: BTreeMap<Fault, u64>,
    /// Seeds whose plans have fewer than two kinds of fault.
    tame: u64,
    /// Seeds that fail.
    failing: BTreeSet<u64>,
    /// Why standard output does not take what is printed, if it does not.
    unprinted: Option<io::Error>,
}

impl Swarm {
    pub(super) fn main(&self, interrupt: &Interrupt) -> ExitCode {
        if self.seeds.is_empty() {
            let Range { start, end } = self.seeds;
            return refuse(&format!("--seeds {start}..{end}: there are none"));
        }
        if !self.plans.is_dir() {
            return refuse(&format!("--plans {}: no such folder", self.plans.display()));
        }
        // A folder that takes no files is found out before the search, not at its first finding.
        if let Err(error) = OutputFile::open(&self.plans.join("seed.plan"), interrupt) {
            return refuse(&format!("--plans {}: {error}", self.plans.display()));
        }
        // A panic is a finding; it is told like the others.
        panic::set_hook(Box::new(|_| ()));
        let search = Search {
            swarm: self,
            interrupt,
            bar: bar(self.seeds.end - self.seeds.start),
            seeds: Mutex::new(self.seeds.clone()),
            findings: Mutex::default(),
        };
        let started = Instant::now();
        thread::scope(|scope| {
            let work = |_| scope.spawn(|| search.work());
            let workers: Vec<_> = (0..self.jobs).map(work).collect();
            while !workers.iter().all(ScopedJoinHandle::is_finished) {
                thread::sleep(Self::LOOK);
                if interrupt.stop().is_requested() {
                    // A seed may take longer than a user waits after Ctrl-C.
                    thread::sleep(Self::LAST_SEED);
                    search.end(started.elapsed().as_secs_f64());
                    interrupt.exit();
                }
            }
        });
        search.end(started.elapsed().as_secs_f64())
    }

    /// How often it is looked whether the search has ended.
    const LOOK: Duration = Duration::from_millis(10);
    /// How long seeds that are being tried may take when the search is interrupted.
    const LAST_SEED: Duration = Duration::from_millis(300);

    fn told(&self, findings: &Findings, seconds: f64) -> String {
        let row = |name: &str, count: u64| format!("{name:<26}{count:>10}\n");
        let mut told = row("seeds", findings.tried);
        told += &row("  that fail", findings.failing.len() as u64);
        told += &row("  fewer than two faults", findings.tame);
        for fault in Fault::ALL {
            let count = findings.faults.get(&fault).copied().unwrap_or_default();
            told += &format!("  {fault:<24}{count:>10}\n");
        }
        let missing = Fault::ALL
            .into_iter()
            .filter(|fault| !findings.faults.contains_key(fault));
        let missing: Vec<String> = missing.map(|fault| fault.to_string()).collect();
        if !missing.is_empty() {
            told += &format!("never occurred: {}\n", missing.join(", "));
        }
        let each = seconds * 1000.0 / findings.tried.max(1) as f64;
        told += &format!(
            "{:<26}{seconds:>10.1} s, {each:.1} ms a seed with --jobs {}\n",
            "wall time", self.jobs
        );
        told
    }
}

impl Search<'_> {
    /// Says what was found.
    fn end(&self, seconds: f64) -> ExitCode {
        self.bar.finish_and_clear();
        let mut findings = lock(&self.findings);
        let told = print(&self.swarm.told(&findings, seconds));
        if let Some(code) = self.interrupt.end() {
            return code;
        }
        if let Some(error) = told.err().or_else(|| findings.unprinted.take()) {
            return fail(&format!("stdout: {error}"));
        }
        if findings.failing.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn work(&self) {
        while !self.interrupt.stop().is_requested() {
            let Some(seed) = lock(&self.seeds).next() else {
                return;
            };
            let plan = swarm::plan(seed);
            let failure = self.try_seed(seed, &plan);
            let mut findings = lock(&self.findings);
            findings.tried += 1;
            let faults = swarm::faults(&plan);
            findings.tame += u64::from(faults.len() < 2);
            for fault in faults {
                *findings.faults.entry(fault).or_default() += 1;
            }
            if let Some(failure) = failure {
                findings.failing.insert(seed);
                let printed = self.bar.suspend(|| print(&format!("{failure}\n")));
                if let Err(error) = printed {
                    findings.unprinted.get_or_insert(error);
                }
            }
            self.bar.inc(1);
            self.interrupt.note(findings.summary(&self.swarm.seeds));
        }
    }

    /// Runs the plan of a seed; gives what is to be said if it fails.
    fn try_seed(&self, seed: u64, plan: &Plan) -> Option<String> {
        let factory = MachineFactory::default();
        let trial = if self.swarm.twice || seed.is_multiple_of(AGAIN) {
            swarm::twice(plan, &factory, [1, if self.swarm.twice { 2 } else { 1 }])
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
    /// stderr. The plan is written before it is made small, too: that may take long.
    fn report(&self, seed: u64, plan: &Plan, trial: &Trial) -> String {
        let Some(violation) = trial.first() else {
            return format!("seed {seed}: nothing");
        };
        let text = |plan: &Plan| format!("# {violation}\n{plan}");
        let first = self.write(seed, &text(plan));
        let (factory, check) = (MachineFactory::default(), violation.check);
        let stop = self.interrupt.stop();
        let fails = |plan: &Plan| {
            !stop.is_requested()
                && swarm::twice_if(plan, &factory, check)
                    .is_ok_and(|trial| trial.checks().contains(&check))
        };
        let small = swarm::shrink(plan, TRIES, fails);
        let wrote = match first.and_then(|_| self.write(seed, &text(&small))) {
            Ok(file) => file.display().to_string(),
            Err(what) => format!("(not written: {what})"),
        };
        if stop.is_requested() {
            return format!("seed {seed}: {violation}; as small as there was time for in {wrote}");
        }
        let again = swarm::twice_if(&small, &factory, check).ok();
        let last = again.as_ref().and_then(Trial::first).unwrap_or(violation);
        let lines = swarm::last_lines(&small, &factory, last, LINES).join("\n");
        note(&format!(
            "seed {seed}\n{}--- the last that happened\n{lines}\n{last}\n",
            text(&small)
        ));
        format!("seed {seed}: {violation}; made small in {wrote}")
    }

    /// Writes the plan of a seed; an error names the file.
    fn write(&self, seed: u64, text: &str) -> Result<PathBuf, String> {
        let file = self.swarm.plans.join(format!("seed-{seed}.plan"));
        let written = OutputFile::open(&file, self.interrupt)
            .and_then(|output| output.write(|out| out.write_all(text.as_bytes())));
        match written {
            Ok(()) => Ok(file),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }
}

impl Findings {
    /// How far the search has come.
    fn summary(&self, seeds: &Range<u64>) -> String {
        let all = seeds.end - seeds.start;
        let mut summary = format!("{} of {all} seeds were tried", self.tried);
        if !self.failing.is_empty() {
            let failing: Vec<String> = self.failing.iter().map(u64::to_string).collect();
            summary += &format!(", of which {} fail: {}", failing.len(), failing.join(", "));
        }
        summary
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
