//! `khashmir-sim run`: one experiment, and its figures.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum, value_parser};
use khashmir::Config;
use khashmir_sim::duration;
use khashmir_sim::experiment::{Experiment, Start, Summary, ValuesFirst};
use khashmir_sim::network::{Latency, Loss, NatConfig, NetworkConfig};
use khashmir_sim::span::Span;

use super::progress::Bar;
use super::{fail, refuse};

/// The options of a run.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    world: World,
    /// The habits of the nodes
    #[arg(long, value_enum, default_value = "adaptive")]
    preset: Preset,
    /// Queries that a lookup keeps in flight, in place of the preset's
    #[arg(long, value_name = "A")]
    alpha: Option<usize>,
    /// Contacts in a bucket and in a result, in place of the preset's
    #[arg(long, value_name = "K")]
    k: Option<usize>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The world in which a run takes place, and what is asked of it.
#[derive(Args)]
pub(super) struct World {
    /// How many nodes the network has
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=16_000_000))]
    nodes: u32,
    /// How many random targets are looked up
    #[arg(long, value_name = "L", default_value_t = 1000)]
    lookups: u32,
    /// How many values are stored, and read once each
    #[arg(long, value_name = "V", default_value_t = 0)]
    values: u32,
    /// Where all chance starts
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Whether nodes really join, or stand as if they had lived in the network for long
    #[arg(long, value_enum, default_value = "warm")]
    start: Begin,
    /// One-way delays: geo, constant:50ms, uniform:20ms..200ms, lognormal:80ms,0.5
    #[arg(long, value_name = "MODEL")]
    latency: Option<Latency>,
    /// What is added to the delay of each datagram, like exponential:5ms
    #[arg(long, value_name = "SPAN")]
    jitter: Option<Span>,
    /// Losses: a probability, or bursty:TO_BAD,TO_GOOD,IN_BAD
    #[arg(long, value_name = "P")]
    loss: Option<Loss>,
    /// The share of nodes that die, and stay listed in the tables of others
    #[arg(long, value_name = "F", default_value_t = 0.0)]
    dead: f64,
    /// The share of nodes behind a translator of their own
    #[arg(long, value_name = "F", default_value_t = 0.0)]
    nat: f64,
    /// Store the values before nodes die, not after
    #[arg(long)]
    values_first: bool,
    /// The span over which lookups arrive, like 10m
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = duration::parse)]
    duration: Duration,
    /// How many threads compute the run; the outcome does not depend on it
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = value_parser!(u16).range(1..=64))]
    threads: u16,
}

/// How a network comes to stand.
#[derive(Clone, Copy, ValueEnum)]
enum Begin {
    Join,
    Warm,
}

/// The habits of nodes.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Preset {
    /// Timeouts that follow the network's round trips
    Adaptive,
    /// Those of the original's earlier generation
    Early,
    /// Those of the original's later generation
    Late,
}

impl Preset {
    pub(super) fn config(self) -> Config {
        match self {
            Self::Adaptive => Config::adaptive(),
            Self::Early => Config::early(),
            Self::Late => Config::late(),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Early => "early",
            Self::Late => "late",
        }
    }
}

impl Run {
    pub(super) fn main(self) -> ExitCode {
        let experiment = self.experiment();
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

    fn experiment(&self) -> Experiment {
        let mut config = self.preset.config();
        config.alpha = self.alpha.unwrap_or(config.alpha);
        config.k = self.k.unwrap_or(config.k);
        Experiment {
            config,
            ..self.world.experiment()
        }
    }
}

impl World {
    /// The experiment, with nodes of our own habits.
    pub(super) fn experiment(&self) -> Experiment {
        let defaults = NetworkConfig::default();
        let network = NetworkConfig {
            latency: self.latency.clone().unwrap_or(defaults.latency),
            jitter: self.jitter.unwrap_or(defaults.jitter),
            loss: self.loss.unwrap_or(defaults.loss),
            ..NetworkConfig::default()
        };
        Experiment {
            nodes: self.nodes,
            lookups: self.lookups,
            values: self.values,
            seed: self.seed,
            start: match self.start {
                Begin::Join => Start::Join,
                Begin::Warm => Start::Warm,
            },
            network,
            config: Config::default(),
            dead: self.dead,
            behind_nat: self.nat,
            nat: NatConfig::default(),
            values_first: if self.values_first {
                ValuesFirst::Yes
            } else {
                ValuesFirst::No
            },
            duration: self.duration,
            threads: self.threads.into(),
        }
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
