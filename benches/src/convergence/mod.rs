//! How lookups converge: the same simulated worlds for nodes of other settings, figure by figure.
//!
//! All worlds have the latencies of the geographic model, stand as if they had lived for long, and
//! see their lookups over ten virtual minutes. All times are virtual, and equal cells give equal
//! figures on every machine.

mod plot;
mod table;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use khashmir_sim::churn::Churn;
use khashmir_sim::experiment::{Details, Experiment, Summary};
use khashmir_sim::network::{Latency, Loss, NetworkConfig};
use khashmir_sim::plan::{HostSet, NodeConfig, Plan, Preset, Shares, Workload};

pub use plot::plot;
pub use table::{ratios, table, tsv};

/// What a network suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    Fair,
    /// One datagram of a hundred is lost.
    Loss,
    /// Thirty hosts of a hundred die, and stay listed in the tables of others.
    Dead30,
    /// Fifty of a hundred do.
    Dead50,
    /// Hosts come and go as new nodes, with sessions and pauses of 20 minutes in the median.
    Churn,
}

impl Weather {
    /// All kinds, the fairest first.
    pub const ALL: [Self; 5] = [
        Self::Fair,
        Self::Loss,
        Self::Dead30,
        Self::Dead50,
        Self::Churn,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fair => "fair",
            Self::Loss => "1 % loss",
            Self::Dead30 => "30 % dead",
            Self::Dead50 => "50 % dead",
            Self::Churn => "churn",
        }
    }

    fn apply(self, plan: &mut Plan) {
        match self {
            Self::Fair => {}
            Self::Loss => plan.network.loss = Loss::Independent(0.01),
            Self::Dead30 => plan.shares.dead = 0.3,
            Self::Dead50 => plan.shares.dead = 0.5,
            Self::Churn => plan.churn = Some(Churn::exponential(Duration::from_secs(20 * 60))),
        }
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One world and the settings of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Hosts, those that die included.
    pub nodes: u32,
    /// What the network suffers.
    pub weather: Weather,
    /// The settings of all nodes.
    pub preset: Preset,
    /// Queries that a lookup keeps in flight; the rest is the preset's.
    pub alpha: usize,
}

/// The alphas that are compared, beside each preset's own.
pub const ALPHAS: [usize; 4] = [1, 3, 4, 8];

/// More than a lookup ever wants to have in flight: each contact that enters the K closest is
/// asked at once. Nothing is faster with the same tables and timeouts.
pub const UNLIMITED: usize = 64;

impl Cell {
    /// The cells of a world of that size: each preset as it is, and `adaptive` with each alpha, in
    /// all kinds of weather.
    #[must_use]
    pub fn of_size(nodes: u32) -> Vec<Self> {
        let mut cells = Vec::new();
        for weather in Weather::ALL {
            let own = Preset::ALL.map(|preset| (preset, preset.config().alpha));
            let (adaptive, others) = own.split_first().unwrap_or_else(|| unreachable!("three"));
            let mut alphas: Vec<usize> = [&ALPHAS[..], &[adaptive.1, UNLIMITED]].concat();
            alphas.sort_unstable();
            alphas.dedup();
            let alphas = alphas.into_iter().map(|alpha| (adaptive.0, alpha));
            cells.extend(
                alphas
                    .chain(others.iter().copied())
                    .map(|(preset, alpha)| Self {
                        nodes,
                        weather,
                        preset,
                        alpha,
                    }),
            );
        }
        cells
    }

    /// Whether its nodes are as their preset has them.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.preset.config().alpha == self.alpha
    }

    /// The run of this cell with so many lookups.
    #[must_use]
    pub fn plan(&self, seed: u64, lookups: u32) -> Plan {
        let mut plan = Plan {
            seed,
            hosts: HostSet::first(self.nodes),
            node_config: NodeConfig {
                preset: self.preset,
                alpha: Some(self.alpha),
                ..NodeConfig::default()
            },
            shares: Shares::default(),
            network: NetworkConfig {
                latency: Latency::Geo,
                ..NetworkConfig::default()
            },
            workload: Workload {
                lookups,
                duration: Duration::from_secs(10 * 60),
                ..Workload::NONE
            },
            ..Plan::default()
        };
        self.weather.apply(&mut plan);
        plan
    }

    /// Runs it.
    ///
    /// # Panics
    /// When its plan makes no sense, which would be a mistake of ours.
    #[must_use]
    pub fn measure(&self, seed: u64, lookups: u32, threads: usize) -> Row {
        let experiment = Experiment {
            threads,
            ..Experiment::new(self.plan(seed, lookups))
        };
        let finished = experiment
            .run_observed(&mut |_| {}, || ())
            .expect("the plan makes sense");
        Row {
            cell: *self,
            details: finished.details(),
            summary: finished.summary,
        }
    }
}

/// What came of a cell.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which one it was.
    pub cell: Cell,
    /// Its figures.
    pub summary: Summary,
    /// What the plot is made of.
    pub details: Details,
}

/// Nodes of the worlds of the snapshot: as few as show every kind of weather.
const SNAPSHOT_NODES: u32 = 400;

/// Lookups of each of its cells.
const SNAPSHOT_LOOKUPS: u32 = 100;

/// The table of the small worlds that is kept in the repository, as it is with today's code.
#[must_use]
pub fn snapshot() -> String {
    let cells = Cell::of_size(SNAPSHOT_NODES);
    let rows: Vec<Row> = cells
        .iter()
        .map(|cell| cell.measure(1, SNAPSHOT_LOOKUPS, 1))
        .collect();
    format!(
        "{SNAPSHOT_NODES} nodes, {SNAPSHOT_LOOKUPS} lookups, seed 1\n\n{}\n{}",
        table(&rows),
        ratios(&rows)
    )
}

/// Where the kept table is.
#[must_use]
pub fn snapshot_path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "snapshots", "convergence.txt"]
        .iter()
        .collect()
}
