//! Plans: a whole run as readable text.
//!
//! A plan says which hosts there are and what they are like, what the network is like, what is asked
//! of the nodes, and what happens to which hosts at which time. Equal plans give equal runs. Its text
//! has one line for each setting that differs from the default, and one for each [step](Step):
//!
//! ```
//! use khashmir_sim::plan::Plan;
//!
//! let plan: Plan = "
//!     ## Two nodes are cut off from the others for a minute.
//!     seed 7
//!     hosts n00..n19
//!     latency geo
//!     at 10s partition n00,n01
//!     at 20s n00 find_node 0123456789abcdef0123456789abcdef01234567
//!     at 70s heal
//!     healed 2m
//! "
//! .parse()?;
//! assert_eq!(plan.steps.len(), 3);
//! assert_eq!(plan.to_string().parse(), Ok(plan));
//! # Ok::<(), khashmir_sim::plan::BadPlan>(())
//! ```

mod hosts;
mod keeping;
mod node_config;
mod step;
mod text;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use khashmir::{Config, ConfigError, Journal, Role};

pub use hosts::HostSet;
pub use keeping::Keeping;
pub use node_config::{NodeConfig, Preset, PrivateAsPublic};
pub use step::{Action, Ask, Jump, Step};
pub use text::BadPlan;

use crate::churn::{BadChurn, Churn};
use crate::host::HostId;
use crate::network::{BadNetwork, NatConfig, NetworkConfig};
use crate::random::{Chance, Draw, topic};

/// A run, as a user says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where all chance starts.
    pub seed: u64,
    /// Which hosts there are.
    pub hosts: HostSet,
    /// How the network comes to stand.
    pub start: Start,
    /// What the nodes are like.
    pub node_config: NodeConfig,
    /// The shares of nodes that differ from that.
    pub shares: Shares,
    /// What translators are like.
    pub nat: NatConfig,
    /// How long the hosts' disks take to write a record, if hosts have disks. Without one, what is
    /// stored is safe at once, and lost when a host crashes.
    pub disk: Option<Duration>,
    /// What the network is like; its seed is replaced by the plan's.
    pub network: NetworkConfig,
    /// How hosts come and go, from when the network stands.
    pub churn: Option<Churn>,
    /// What is asked of the nodes while the steps are done.
    pub workload: Workload,
    /// What is kept stored, and read meanwhile.
    pub keeping: Keeping,
    /// What happens, in any order; those of the same time in the order of the list.
    pub steps: Vec<Step>,
    /// When the network has to be whole by itself, counted like the times of the steps: then every
    /// node that runs has to find every other, and no node is told to join.
    pub whole: Option<Duration>,
    /// When all faults end, counted like the times of the steps: all hosts come back, and then the
    /// network has to be as good as new. Without it, nothing is checked at the end.
    pub healed: Option<Duration>,
}

/// How a network comes to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Every node joins, one after the other, through some of the first.
    Join,
    /// The nodes come back from snapshots that are filled from global knowledge.
    Warm,
}

/// Shares of hosts that differ from the others; each host is drawn independently.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// Those that die, and stay listed in the tables of others.
    pub dead: f64,
    /// Those behind a translator of their own.
    pub nat: f64,
    /// Those with the settings of the original's earlier generation.
    pub early: f64,
    /// Those with the settings of the original's later generation.
    pub late: f64,
    /// Those that ask and never answer.
    pub read_only: f64,
    /// Those that take [half a second](Shares::SLOWNESS) before they take in what arrives.
    pub slow: f64,
}

impl Shares {
    /// How long slow hosts take before they take in what arrives.
    pub const SLOWNESS: Duration = Duration::from_millis(500);

    const fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("dead", self.dead),
            ("nat", self.nat),
            ("early", self.early),
            ("late", self.late),
            ("read-only", self.read_only),
            ("slow", self.slow),
        ]
    }
}

/// What is asked of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// How many random targets are looked up.
    pub lookups: u32,
    /// How many values are stored, and read once each.
    pub values: u32,
    /// Whether values are stored before or after the deaths.
    pub values_first: ValuesFirst,
    /// Whether each request is the first of the node that makes it.
    pub fresh_askers: FreshAskers,
    /// The span over which lookups, gets and reads of kept values arrive.
    pub duration: Duration,
}

impl Workload {
    /// Nothing.
    pub const NONE: Self = Self {
        lookups: 0,
        values: 0,
        values_first: ValuesFirst::No,
        fresh_askers: FreshAskers::No,
        duration: Duration::from_secs(600),
    };
}

/// Whether values are stored before or after nodes die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValuesFirst {
    /// After: the nodes that are left store them.
    No,
    /// Before: some of those that store them die.
    Yes,
}

/// Whether each lookup, get, put and read is asked of a node that was asked for none before, its
/// joining aside: such a node has measured nothing yet but what its upkeep has shown it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreshAskers {
    /// No: each is asked of any node that runs.
    No,
    /// Yes: of the nodes that run, one is drawn that was asked for nothing. A node that returns from a
    /// snapshot or a disk is the one that it was.
    Yes,
}

/// A thousand hosts that stand, of which nothing is asked.
impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: HostSet::first(1000),
            start: Start::Warm,
            node_config: NodeConfig::default(),
            shares: Shares::default(),
            nat: NatConfig::default(),
            disk: None,
            network: NetworkConfig::default(),
            churn: None,
            workload: Workload::NONE,
            keeping: Keeping::default(),
            steps: Vec::new(),
            whole: None,
            healed: None,
        }
    }
}

impl Plan {
    /// The settings of nodes with that preset and that role.
    #[must_use]
    pub fn config(&self, preset: Preset, role: Role) -> Config {
        let journal = match self.disk {
            None => Journal::Off,
            Some(_) => Journal::On,
        };
        self.node_config.config(preset, role, journal)
    }

    /// Whether anything is asked of the nodes beside the steps.
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.workload.lookups > 0 || self.workload.values > 0 || self.keeping.values > 0
    }

    /// Whether a host is of the share that dies when the network stands; publishers live all the same.
    pub(crate) fn is_doomed(&self, host: HostId) -> bool {
        let name = [topic("population/dead"), host.number().into()];
        Draw::new(self.seed, &name).chance(Chance::new(self.shares.dead))
    }

    /// At how many nodes a value is stored.
    #[must_use]
    pub fn redundancy(&self) -> usize {
        self.config(self.node_config.preset, Role::ReadWrite)
            .redundancy
    }

    /// Looks for settings without sense.
    ///
    /// # Errors
    /// [`InvalidPlan`] names the first of them.
    pub fn check(&self) -> Result<(), InvalidPlan> {
        let last = self.hosts.last();
        if last.is_none_or(|last| last.number() >= HostId::ADDRESSES) {
            return Err(InvalidPlan::Hosts);
        }
        for (name, share) in self.shares.named() {
            if !(0.0..=1.0).contains(&share) {
                return Err(InvalidPlan::Share(name));
            }
        }
        for preset in Preset::ALL {
            self.config(preset, Role::ReadWrite).check()?;
        }
        for churn in self
            .churn
            .iter()
            .chain(self.steps.iter().filter_map(Step::churn))
        {
            churn.check()?;
        }
        if self.keeping.values > 0 && self.keeping.publishers == Some(0) {
            return Err(InvalidPlan::Publishers);
        }
        if self.healed.is_some() && self.whole > self.healed {
            return Err(InvalidPlan::Whole);
        }
        self.check_askers()?;
        self.network.check()?;
        for step in &self.steps {
            let mut network = self.network.clone();
            step.action.change(&mut network);
            network.check()?;
        }
        Ok(())
    }

    /// Where the hosts that run are always the same, it is known beforehand whether there are enough
    /// for requests of which each is a node's first.
    fn check_askers(&self) -> Result<(), InvalidPlan> {
        let changes = self.churn.is_some() || !self.steps.is_empty();
        if self.workload.fresh_askers == FreshAskers::No || changes {
            return Ok(());
        }
        let kept = self.publishers();
        let asks = |host: &HostId| !self.is_doomed(*host) && !kept.contains(*host);
        let nodes = self.hosts.iter().filter(asks).count() as u64;
        let requests = self.requests();
        if requests > nodes {
            return Err(InvalidPlan::Askers { requests, nodes });
        }
        Ok(())
    }

    /// How many lookups, gets, puts and reads there are to be.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let workload = &self.workload;
        let requests = [workload.lookups, workload.values, workload.values];
        requests.into_iter().map(u64::from).sum::<u64>() + u64::from(self.keeping.reads)
    }
}

/// Why a plan makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub enum InvalidPlan {
    /// Each request is to be a node's first, and there are more of them than nodes that can make one.
    Askers {
        /// Lookups, gets, puts and reads.
        requests: u64,
        /// Nodes that can make one each.
        nodes: u64,
    },
    /// The churn makes no sense.
    Churn(BadChurn),
    /// The settings of the nodes cannot work.
    Config(ConfigError),
    /// There are no hosts, or more than addresses.
    Hosts,
    /// The network makes no sense.
    Network(BadNetwork),
    /// Values are to be kept, and no host is to publish them.
    Publishers,
    /// All nodes are made to join before the network has to be whole by itself.
    Whole,
    /// The share of this name is not from 0 to 1.
    Share(&'static str),
}

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Askers { requests, nodes } => write!(
                f,
                "fresh-askers: {requests} lookups, gets, puts and reads are more than the {nodes} \
                 nodes that can make their first"
            ),
            Self::Churn(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::Hosts => write!(f, "there must be from 1 to {} hosts", HostId::ADDRESSES),
            Self::Network(error) => error.fmt(f),
            Self::Publishers => f.write_str("publishers must be at least 1 where values are kept"),
            Self::Whole => f.write_str("whole must not come after healed"),
            Self::Share(name) => write!(f, "{name} must be from 0 to 1"),
        }
    }
}

impl Error for InvalidPlan {}

impl From<ConfigError> for InvalidPlan {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<BadNetwork> for InvalidPlan {
    fn from(error: BadNetwork) -> Self {
        Self::Network(error)
    }
}

impl From<BadChurn> for InvalidPlan {
    fn from(error: BadChurn) -> Self {
        Self::Churn(error)
    }
}
