//! `khashmir-sim run`: one experiment, and its figures.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use khashmir_sim::experiment::{Completion, Experiment, Finished, Summary};
use khashmir_sim::pcap::Capture;
use khashmir_sim::plan::Preset;
use khashmir_sim::report;
use khashmir_sim::sniffer::Sniffer;

use super::heap;
use super::interrupt::Interrupt;
use super::output::{OutputFile, print};
use super::progress::{self, Bar};
use super::world::{World, read_plan};
use super::{fail, refuse};

/// The options of a run.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    world: World,
    /// The settings of the nodes: adaptive, late, early
    #[arg(long)]
    preset: Option<Preset>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with the figures and plots of them to this file, as HTML
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write the first datagrams to this file, as a capture that Wireshark opens
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// How many datagrams a capture holds
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pcap_packets: usize,
    /// A file with a plan, which the options change
    plan: Option<PathBuf>,
}

impl Run {
    pub(super) fn main(&self, interrupt: &Interrupt) -> ExitCode {
        let experiment = match self.experiment() {
            Ok(experiment) => Experiment {
                stop: interrupt.stop(),
                ..experiment
            },
            Err(what) => return refuse(&what),
        };
        // What is said of a bad plan is said before any file is touched.
        if let Err(error) = experiment.plan.check() {
            return refuse(&error.to_string());
        }
        let files = match self.open_files(interrupt) {
            Ok(files) => files,
            Err(what) => return refuse(&what),
        };
        let (bar, before) = (Bar::new(), heap::live_bytes());
        let started = Instant::now();
        let sniffer = || self.pcap.as_ref().map(|_| Sniffer::new(self.pcap_packets));
        let mut show = |progress| {
            bar.show(&progress);
            progress::note(interrupt, "", &progress);
        };
        let finished = match experiment.run_observed(&mut show, sniffer) {
            Ok(finished) => finished,
            Err(error) => return refuse(&error.to_string()),
        };
        let cost = Cost {
            wall: started.elapsed(),
            bytes_per_node: heap::bytes_per_node(
                before,
                heap::live_bytes(),
                finished.summary.nodes,
            ),
            waiting: finished.world.waiting_share(),
        };
        bar.clear();
        let written = match finished.completion {
            Completion::Whole => self.write_files(files, &finished, &cost),
            // The figures of a part would look like those of the whole.
            Completion::Stopped => Ok(()),
        };
        let table = format!("{}{}", finished.summary, cost.table(&finished.summary));
        let printed = print(&table).map_err(|error| format!("stdout: {error}"));
        if finished.completion == Completion::Stopped
            && let Some(code) = interrupt.end()
        {
            return code;
        }
        let failures = [written, printed].into_iter().filter_map(Result::err);
        failures.fold(ExitCode::SUCCESS, |_, what| fail(&what))
    }

    /// Opens the files that are to be written after the run.
    fn open_files(&self, interrupt: &Interrupt) -> Result<Files, String> {
        let open = |path: &Option<PathBuf>| {
            let opened = path.as_ref().map(|path| {
                OutputFile::open(path, interrupt)
                    .map_err(|error| format!("{}: {error}", path.display()))
            });
            opened.transpose()
        };
        let files = Files {
            json: open(&self.json)?,
            report: open(&self.report)?,
            pcap: open(&self.pcap)?,
        };
        let all = [&files.json, &files.report, &files.pcap];
        let all: Vec<&OutputFile> = all.into_iter().flatten().collect();
        for (at, file) in all.iter().enumerate() {
            if all[..at].iter().any(|other| file.is_same(other)) {
                return Err(format!("{}: written twice", file.path().display()));
            }
        }
        Ok(files)
    }

    /// Writes all files that can be written; an error names those that cannot.
    fn write_files(
        &self,
        files: Files,
        finished: &Finished<Option<Sniffer>>,
        cost: &Cost,
    ) -> Result<(), String> {
        let summary = &finished.summary;
        let mut failures = Vec::new();
        let mut note = |path: &Option<PathBuf>, written: io::Result<()>| {
            if let (Some(path), Err(error)) = (path, written) {
                failures.push(format!("{}: {error}", path.display()));
            }
        };
        if let Some(file) = files.json {
            let json = cost.json(summary);
            note(&self.json, file.write(|out| out.write_all(json.as_bytes())));
        }
        if let Some(file) = files.report {
            let arguments: Vec<String> = env::args_os()
                .skip(1)
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let command = format!("khashmir-sim {}", arguments.join(" "));
            let page = report::html(&command, summary, &finished.details());
            note(
                &self.report,
                file.write(|out| out.write_all(page.as_bytes())),
            );
        }
        if let Some(file) = files.pcap {
            let written = file.write(|out| {
                let mut capture = Capture::new(out, self.pcap_packets as u64)?;
                Sniffer::write(finished.world.observers().flatten(), &mut capture)?;
                capture.finish().map(|_| ())
            });
            note(&self.pcap, written);
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.join("; "))
        }
    }

    fn experiment(&self) -> Result<Experiment, String> {
        let plan = match &self.plan {
            None => World::usual(),
            Some(file) => read_plan(file)?,
        };
        let mut plan = self.world.upon(plan);
        plan.node_config.preset = self.preset.unwrap_or(plan.node_config.preset);
        Ok(Experiment {
            threads: self.world.threads(),
            ..Experiment::new(plan)
        })
    }
}

/// What is written after a run.
struct Files {
    json: Option<OutputFile>,
    report: Option<OutputFile>,
    pcap: Option<OutputFile>,
}

/// What it took to compute a run.
struct Cost {
    wall: Duration,
    bytes_per_node: Option<f64>,
    /// The share of their time that threads waited for each other.
    waiting: f64,
}

impl Cost {
    fn events_per_second(&self, summary: &Summary) -> f64 {
        summary.events as f64 / self.wall.as_secs_f64()
    }

    fn table(&self, summary: &Summary) -> String {
        let bytes = self.bytes_per_node;
        let rows = [
            ("events a window", {
                let windows = summary.windows.max(1) as f64;
                format!("{:.1}", summary.events as f64 / windows)
            }),
            ("wall time", format!("{:.1} s", self.wall.as_secs_f64())),
            (
                "events a second",
                format!("{:.0}", self.events_per_second(summary)),
            ),
            (
                "waiting for each other",
                format!("{:.1} %", self.waiting * 100.0),
            ),
            (
                "bytes of memory a node",
                bytes.map_or("-".to_owned(), |bytes| format!("{bytes:.0}")),
            ),
        ];
        rows.iter()
            .map(|(name, figure)| format!("{name:<26}{figure:>20}\n"))
            .collect()
    }

    /// The figures of the run, and what it took.
    fn json(&self, summary: &Summary) -> String {
        let mut json = summary.to_json();
        let seconds = self.wall.as_secs_f64();
        json["wall_seconds"] = seconds.into();
        json["events_per_second"] = self.events_per_second(summary).into();
        json["lookups_per_second"] = (summary.lookups as f64 / seconds).into();
        json["bytes_per_node"] = self.bytes_per_node.into();
        format!("{json:#}\n")
    }
}
