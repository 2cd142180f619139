//! The options that say in which world a run takes place: they come on top of a plan, if there is
//! one.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::{Args, value_parser};
use khashmir_sim::churn::Churn;
use khashmir_sim::duration;
use khashmir_sim::network::{Latency, Loss};
use khashmir_sim::plan::{FreshAskers, HostSet, Plan, Preset, PrivateAsPublic, Start, ValuesFirst};
use khashmir_sim::span::Span;

/// The world in which a run takes place, and what is asked of it.
#[derive(Args)]
pub(super) struct World {
    /// How many nodes the network has [1000]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=16_000_000))]
    nodes: Option<u32>,
    /// How many random targets are looked up [1000]
    #[arg(long, value_name = "L")]
    lookups: Option<u32>,
    /// How many values are stored, and read once each [0]
    #[arg(long, value_name = "V")]
    values: Option<u32>,
    /// How many values are kept stored by publishers that stay while other hosts come and go [0]
    #[arg(long, value_name = "V")]
    kept: Option<u32>,
    /// How many hosts publish what is kept [one for ten values]
    #[arg(long, value_name = "N")]
    publishers: Option<u32>,
    /// How many reads of kept values there are, at random times [0]
    #[arg(long, value_name = "R")]
    reads: Option<u32>,
    /// Where all chance starts [1]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Whether nodes really join, or stand as if they had lived in the network for long: join, warm
    #[arg(long)]
    start: Option<Start>,
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
    #[arg(long, value_name = "F")]
    dead: Option<f64>,
    /// The share of nodes behind a translator of their own
    #[arg(long, value_name = "F")]
    nat: Option<f64>,
    /// Nodes come and go: the median of their sessions, like 20m, or SESSION/PAUSE/COMEBACK
    #[arg(long, value_name = "MEDIAN")]
    churn: Option<Churn>,
    /// Store the values before nodes die, not after
    #[arg(long)]
    values_first: bool,
    /// Ask each lookup, get, put and read of a node whose first one it is
    #[arg(long)]
    fresh_askers: bool,
    /// Take the addresses of hosts, which are private, for public ones: hosts of a /24 are then of one
    /// network
    #[arg(long)]
    private_as_public: bool,
    /// The span over which lookups and reads arrive, like 10m; with churn, one median session [10m]
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Queries that a lookup keeps in flight, in place of the preset's
    #[arg(long, value_name = "A")]
    alpha: Option<usize>,
    /// Contacts in a bucket and in a result, in place of the preset's
    #[arg(long, value_name = "K")]
    k: Option<usize>,
    /// How many threads compute the run; the outcome does not depend on it
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = value_parser!(u16).range(1..=64))]
    threads: u16,
}

impl World {
    pub(super) fn threads(&self) -> usize {
        self.threads.into()
    }

    /// What is run when no plan says otherwise.
    pub(super) fn usual() -> Plan {
        let mut plan = Plan::default();
        plan.workload.lookups = 1000;
        plan
    }

    /// A plan with these options on top of it.
    pub(super) fn upon(&self, mut plan: Plan) -> Plan {
        fn set<T: Clone>(field: &mut T, option: Option<&T>) {
            if let Some(value) = option {
                *field = value.clone();
            }
        }
        set(&mut plan.hosts, self.nodes.map(HostSet::first).as_ref());
        set(&mut plan.workload.lookups, self.lookups.as_ref());
        set(&mut plan.workload.values, self.values.as_ref());
        set(&mut plan.keeping.values, self.kept.as_ref());
        set(&mut plan.keeping.reads, self.reads.as_ref());
        plan.keeping.publishers = self.publishers.or(plan.keeping.publishers);
        set(&mut plan.seed, self.seed.as_ref());
        set(&mut plan.start, self.start.as_ref());
        set(&mut plan.network.latency, self.latency.as_ref());
        set(&mut plan.network.jitter, self.jitter.as_ref());
        set(&mut plan.network.loss, self.loss.as_ref());
        set(&mut plan.shares.dead, self.dead.as_ref());
        set(&mut plan.shares.nat, self.nat.as_ref());
        if let Some(churn) = self.churn {
            plan.churn = Some(churn);
            plan.workload.duration = churn.session.median();
        }
        set(&mut plan.workload.duration, self.duration.as_ref());
        plan.node_config.alpha = self.alpha.or(plan.node_config.alpha);
        plan.node_config.k = self.k.or(plan.node_config.k);
        if self.private_as_public {
            plan.node_config.private_as_public = PrivateAsPublic::Yes;
        }
        if self.values_first {
            plan.workload.values_first = ValuesFirst::Yes;
        }
        if self.fresh_askers {
            plan.workload.fresh_askers = FreshAskers::Yes;
        }
        plan
    }
}

/// Reads a plan from a file; an error names the file, and the line if one is at fault.
pub(super) fn read_plan(file: &Path) -> Result<Plan, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| named(&error))?;
    text.parse().map_err(|error| named(&error))
}

/// What a run is named by: a preset, or a plan in a file.
pub(super) fn preset_or_plan(name: &OsStr) -> Result<Plan, String> {
    if let Some(Ok(preset)) = name.to_str().map(str::parse::<Preset>) {
        let mut plan = World::usual();
        plan.node_config.preset = preset;
        return Ok(plan);
    }
    if !Path::new(name).exists() {
        return Err(format!(
            "{name:?} is neither a preset (adaptive, early, late) nor a file with a plan"
        ));
    }
    read_plan(Path::new(name))
}
