//! A whole run: a network comes to stand, some of it dies, values are stored, and then lookups and
//! gets arrive over a span of time, each of which is held against the truth.

mod ledger;
mod population;
mod summary;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use khashmir::{Command, Config, ConfigError, Id, Instant, Keep, OwnStore, Value};

pub use summary::{Latencies, Summary};

use crate::host::HostId;
use crate::network::{BadNetwork, NatConfig, Network, NetworkConfig};
use crate::random::{Draw, topic};
use crate::world::World;
use ledger::{Ledger, Task};
use population::Population;

/// A run, as a user says it. Equal experiments give equal runs.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// How many nodes there are.
    pub nodes: u32,
    /// How many random targets are looked up.
    pub lookups: u32,
    /// How many values are stored, and read once each.
    pub values: u32,
    /// Where all chance starts.
    pub seed: u64,
    /// How the network comes to stand.
    pub start: Start,
    /// What the network is like; its seed is replaced by the experiment's.
    pub network: NetworkConfig,
    /// The settings of the nodes.
    pub config: Config,
    /// The share of nodes that die, and stay listed in the tables of others.
    pub dead: f64,
    /// The share of nodes behind a translator of their own.
    pub behind_nat: f64,
    /// What those translators are like.
    pub nat: NatConfig,
    /// Whether values are stored before or after the deaths.
    pub values_first: ValuesFirst,
    /// The span over which lookups and gets arrive.
    pub duration: Duration,
    /// How many threads compute it. The outcome does not depend on it.
    pub threads: usize,
}

/// How a network comes to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Every node joins, one after the other, through some of the first.
    Join,
    /// The nodes come back from snapshots that are filled from global knowledge.
    Warm,
}

/// Whether values are stored before or after nodes die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValuesFirst {
    /// After: the nodes that are left store them.
    No,
    /// Before: some of those that store them die.
    Yes,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is going on.
    pub phase: &'static str,
    /// Hosts so far.
    pub hosts: usize,
    /// Virtual time.
    pub now: Instant,
    /// When it will be over, as far as can be told.
    pub end: Instant,
    /// Things that happened so far.
    pub events: u64,
}

impl Default for Experiment {
    fn default() -> Self {
        Self {
            nodes: 1000,
            lookups: 1000,
            values: 0,
            seed: 1,
            start: Start::Warm,
            network: NetworkConfig::default(),
            config: Config::default(),
            dead: 0.0,
            behind_nat: 0.0,
            nat: NatConfig::default(),
            values_first: ValuesFirst::No,
            duration: Duration::from_secs(600),
            threads: 1,
        }
    }
}

impl Experiment {
    /// Time between two joins.
    const PACE: Duration = Duration::from_millis(20);
    /// Nodes through which the others join.
    const BOOTSTRAP: u32 = 8;
    /// Time after the deaths before anything is asked.
    const REST: Duration = Duration::from_secs(200);
    /// The span over which values are stored.
    const PUTS: Duration = Duration::from_secs(60);
    /// Time between two reports of progress.
    const SLICE: Duration = Duration::from_secs(5);

    /// Runs it.
    ///
    /// # Errors
    /// [`BadExperiment`] when a setting makes no sense.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<Summary, BadExperiment> {
        self.check()?;
        let network = Network::new(NetworkConfig {
            seed: self.seed,
            ..self.network.clone()
        })?;
        let mut run = Run {
            plan: self,
            world: World::new(network, self.threads),
            ledger: Ledger::default(),
            population: Population::new(self),
            progress,
            end: self.estimated_end(),
        };
        run.stand()?;
        if self.values_first == ValuesFirst::Yes {
            run.store();
        }
        run.die();
        run.wait("rest", Self::REST);
        if self.values_first == ValuesFirst::No {
            run.store();
        }
        let before = run.world.traffic();
        run.look_up();
        Ok(Summary::new(self, &run.world, &run.ledger, before))
    }

    fn check(&self) -> Result<(), BadExperiment> {
        if self.nodes == 0 || self.nodes > HostId::ADDRESSES {
            return Err(BadExperiment::Nodes);
        }
        for (share, name) in [(self.dead, "dead"), (self.behind_nat, "nat")] {
            if !(0.0..=1.0).contains(&share) {
                return Err(BadExperiment::Share(name));
            }
        }
        Ok(self.config.check()?)
    }

    fn estimated_end(&self) -> Instant {
        let joins = match self.start {
            Start::Join => Self::PACE * self.nodes,
            Start::Warm => Duration::ZERO,
        };
        let puts = if self.values > 0 {
            Self::PUTS
        } else {
            Duration::ZERO
        };
        Instant::ORIGIN + joins + puts + Self::REST + self.duration
    }
}

/// A run under way.
struct Run<'e> {
    plan: &'e Experiment,
    world: World,
    ledger: Ledger,
    population: Population,
    progress: &'e mut dyn FnMut(Progress),
    end: Instant,
}

impl Run<'_> {
    /// Brings the network to stand.
    fn stand(&mut self) -> Result<(), BadExperiment> {
        for number in 0..self.plan.nodes {
            let host = HostId::new(number);
            let attachment = if self.population.is_behind_nat(host) {
                self.world.network().attach_behind(self.plan.nat, host)?
            } else {
                self.world.network().attach(host)
            };
            self.world.add(attachment);
            let node = self.population.node(self.plan, host, self.world.now())?;
            self.world.switch_on(host, node);
        }
        if self.plan.start == Start::Join {
            self.join();
        }
        Ok(())
    }

    fn join(&mut self) {
        let first = Experiment::BOOTSTRAP.min(self.plan.nodes);
        let now = self.world.now();
        for number in 1..self.plan.nodes {
            let host = HostId::new(number);
            let earlier = (0..first.min(number)).map(HostId::new);
            let reachable = earlier.filter(|host| !self.population.is_behind_nat(*host));
            let bootstrap = reachable.map(HostId::addr).collect();
            let order = self.world.order(
                now + Experiment::PACE * number,
                host,
                Command::Join { bootstrap },
            );
            self.ledger.expect(order, host, Task::Join);
        }
        self.wait("joining", Experiment::PACE * self.plan.nodes);
        self.finish("joining");
    }

    fn die(&mut self) {
        for host in self.population.doomed() {
            self.world.switch_off(host);
        }
        self.population.bury();
    }

    fn store(&mut self) {
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/puts")]);
        for number in 0..self.plan.values {
            let (at, host) = self.moment(&mut draw, Experiment::PUTS);
            let value = Value::new(format!("value {number}"))
                .unwrap_or_else(|_| unreachable!("it is short"));
            let key = key(self.plan.seed, number);
            let order = self.world.order(
                at,
                host,
                Command::Put {
                    key,
                    value,
                    keep: Keep::Once,
                },
            );
            self.ledger.expect(order, host, Task::Put(number));
        }
        if self.plan.values > 0 {
            self.wait("storing", Experiment::PUTS);
            self.finish("storing");
        }
    }

    /// Lets lookups and gets arrive, at times that are those of a Poisson process with so many
    /// arrivals.
    fn look_up(&mut self) {
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/lookups")]);
        for _ in 0..self.plan.lookups {
            let (at, host) = self.moment(&mut draw, self.plan.duration);
            let target = population::id(&mut draw);
            let order = self.world.order(at, host, Command::FindNode { target });
            self.ledger.expect(order, host, Task::Lookup { target });
        }
        for number in self.ledger.stored() {
            let (at, host) = self.moment(&mut draw, self.plan.duration);
            let key = key(self.plan.seed, number);
            let get = Command::Get {
                key,
                retrieve: None,
                own_store: OwnStore::Include,
            };
            let order = self.world.order(at, host, get);
            self.ledger.expect(order, host, Task::Get(number));
        }
        self.wait("looking up", self.plan.duration);
        self.finish("looking up");
    }

    /// A moment within a span from now, and somebody who lives.
    fn moment(&self, draw: &mut Draw, span: Duration) -> (Instant, HostId) {
        let at = self.world.now() + draw.between(Duration::ZERO, span);
        (at, self.population.somebody(draw))
    }

    fn wait(&mut self, phase: &'static str, span: Duration) {
        let until = self.world.now() + span;
        while self.world.now() < until {
            let next = until.min(self.world.now() + Experiment::SLICE);
            for report in self.world.run_until(next) {
                self.ledger.hear(report, &self.population);
            }
            let (hosts, now) = (self.world.len(), self.world.now());
            let events = self.world.happenings();
            (self.progress)(Progress {
                phase,
                hosts,
                now,
                end: self.end.max(now),
                events,
            });
        }
    }

    /// Waits until everything that was asked has come to its end.
    fn finish(&mut self, phase: &'static str) {
        let limit = self.world.now() + self.plan.config.longest_operation();
        while self.ledger.is_anything_open() && self.world.now() < limit {
            self.wait(phase, Duration::from_millis(500));
        }
    }
}

fn key(seed: u64, number: u32) -> Id {
    population::id(&mut Draw::new(
        seed,
        &[topic("experiment/keys"), number.into()],
    ))
}

/// Why an experiment makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub enum BadExperiment {
    /// The settings of the nodes cannot work.
    Config(ConfigError),
    /// The network makes no sense.
    Network(BadNetwork),
    /// There are no nodes, or more than addresses.
    Nodes,
    /// The share of this name is not from 0 to 1.
    Share(&'static str),
}

impl fmt::Display for BadExperiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Network(error) => error.fmt(f),
            Self::Nodes => write!(f, "nodes must be from 1 to {}", HostId::ADDRESSES),
            Self::Share(name) => write!(f, "{name} must be from 0 to 1"),
        }
    }
}

impl Error for BadExperiment {}

impl From<ConfigError> for BadExperiment {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<BadNetwork> for BadExperiment {
    fn from(error: BadNetwork) -> Self {
        Self::Network(error)
    }
}
