//! `khashmir-sim run`: one experiment, and its figures.

use std::env;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use khashmir_sim::experiment::{Experiment, Finished, Summary};
use khashmir_sim::pcap::Capture;
use khashmir_sim::plan::Preset;
use khashmir_sim::report;
use khashmir_sim::sniffer::Sniffer;

use super::heap;
use super::progress::Bar;
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
    pub(super) fn main(self) -> ExitCode {
        let experiment = match self.experiment() {
            Ok(experiment) => experiment,
            Err(what) => return refuse(&what),
        };
        let (bar, before) = (Bar::new(), heap::live_bytes());
        let started = Instant::now();
        let sniffer = || self.pcap.as_ref().map(|_| Sniffer::new(self.pcap_packets));
        let finished = match experiment.run_observed(&mut |progress| bar.show(&progress), sniffer) {
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
        if let Err(what) = self.write_files(&finished, &cost) {
            return fail(&what);
        }
        let table = format!("{}{}", finished.summary, cost.table(&finished.summary));
        match io::stdout().write_all(table.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("stdout: {error}")),
        }
    }

    fn write_files(&self, finished: &Finished<Option<Sniffer>>, cost: &Cost) -> Result<(), String> {
        let summary = &finished.summary;
        let named = |file: &Path, written: io::Result<()>| {
            written.map_err(|error| format!("{}: {error}", file.display()))
        };
        if let Some(file) = &self.json {
            named(file, fs::write(file, cost.json(summary)))?;
        }
        if let Some(file) = &self.report {
            let arguments: Vec<String> = env::args().skip(1).collect();
            let command = format!("khashmir-sim {}", arguments.join(" "));
            let page = report::html(&command, summary, &finished.details());
            named(file, fs::write(file, page))?;
        }
        if let Some(file) = &self.pcap {
            named(file, self.write_capture(file, finished))?;
        }
        Ok(())
    }

    fn write_capture(&self, file: &Path, finished: &Finished<Option<Sniffer>>) -> io::Result<()> {
        let file = BufWriter::new(fs::File::create(file)?);
        let mut capture = Capture::new(file, self.pcap_packets as u64)?;
        Sniffer::write(finished.world.observers().flatten(), &mut capture)?;
        capture.finish().map(|_| ())
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
