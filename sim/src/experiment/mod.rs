//! A whole run: a network comes to stand, some of it dies, values are stored, and then lookups and
//! gets arrive over a span of time, each of which is held against the truth; and all the while the
//! steps of the plan are done.

mod actions;
mod details;
mod healed;
mod keeping;
mod population;
mod request_log;
mod run;
mod schedule;
mod summary;
mod values;
mod whole;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use khashmir::{Instant, Node};

pub use details::{Details, Ending, Quality};
pub use keeping::{KeepingFigures, KeepingPoint};
pub use summary::{Latencies, Summary};

use crate::checks::Violation;
use crate::host::HostId;
use crate::network::{Network, NetworkConfig};
use crate::plan::{InvalidPlan, Plan, Start, ValuesFirst};
use crate::world::{Machine, Observer, World};
use request_log::RequestLog;
use run::Run;

/// A run of a plan. Equal plans give equal runs, with any number of threads.
#[derive(Clone, Debug, Default)]
pub struct Experiment {
    /// What is run.
    pub plan: Plan,
    /// How many threads compute it, at least one.
    pub threads: usize,
    /// What takes the place of nodes.
    pub factory: MachineFactory,
}

/// What runs on the hosts: the nodes themselves, unless something else is to stand in for them.
#[derive(Clone, Default)]
pub struct MachineFactory(Option<Arc<Stand>>);

/// Makes of a node what is to run on a host.
type Stand = dyn Fn(HostId, Node) -> Box<dyn Machine> + Send + Sync;

impl MachineFactory {
    /// What is made of the node of each host runs there. It must depend on nothing else.
    #[must_use]
    pub fn new(stand: impl Fn(HostId, Node) -> Box<dyn Machine> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(stand)))
    }

    fn machine(&self, host: HostId, node: Node) -> Box<dyn Machine> {
        match &self.0 {
            None => node.into(),
            Some(stand) => stand(host, node),
        }
    }
}

impl fmt::Debug for MachineFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "MachineFactory(..)"
        } else {
            "MachineFactory(nodes)"
        })
    }
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

/// A run that is over.
pub struct Finished<W> {
    /// The figures.
    pub summary: Summary,
    /// What was not as it has to be: gets of the plan that did not find what they should, nodes that
    /// did not find each other, and what was wrong after all faults had ended.
    pub violations: Vec<Violation>,
    /// The world at the end, with those who looked on.
    pub world: World<W>,
    seed: u64,
    request_log: RequestLog,
}

impl<W: Observer> Finished<W> {
    /// What plots are made of.
    #[must_use]
    pub fn details(&self) -> Details {
        let keeping = self.summary.keeping.as_ref();
        Details::new(self.seed, &self.request_log, keeping, &self.world)
    }
}

impl Experiment {
    /// A run of a plan on one thread, with nothing in the place of nodes.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            threads: 1,
            factory: MachineFactory::default(),
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`InvalidPlan`] when a setting of the plan makes no sense.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<Summary, InvalidPlan> {
        let finished = self.run_observed(progress, || ())?;
        Ok(finished.summary)
    }

    /// Runs it while somebody looks on, one for each thread.
    ///
    /// # Errors
    /// [`InvalidPlan`] when a setting of the plan makes no sense.
    pub fn run_observed<W: Observer>(
        &self,
        progress: &mut dyn FnMut(Progress),
        observer: impl FnMut() -> W,
    ) -> Result<Finished<W>, InvalidPlan> {
        let plan = &self.plan;
        plan.check()?;
        let network = Network::new(NetworkConfig {
            seed: plan.seed,
            ..plan.network.clone()
        })?;
        let world = World::observed(network, self.threads, observer);
        let mut run = Run::new(self, world, progress);
        run.stand()?;
        if plan.workload.values_first == ValuesFirst::Yes {
            run.store();
        }
        run.die();
        run.begin_steps();
        let mut before = run.world.traffic();
        if plan.asks() {
            run.wait("rest", Self::REST);
            if plan.workload.values_first == ValuesFirst::No {
                run.store();
            }
            run.keep();
            before = run.world.traffic();
            run.look_up();
        }
        let mut violations = run.end_steps();
        if plan.healed.is_some() {
            violations.extend(run.heal());
        }
        violations.extend(run.request_log.take_violations());
        Ok(Finished {
            summary: Summary::new(plan, &run.world, &run.request_log, &run.kept, before),
            violations,
            world: run.world,
            seed: plan.seed,
            request_log: run.request_log,
        })
    }

    /// Time between two joins.
    const PACE: Duration = Duration::from_millis(20);
    /// Nodes through which the others join.
    const BOOTSTRAP: usize = 8;
    /// Time after the deaths before anything is asked.
    const REST: Duration = Duration::from_secs(200);
    /// The span over which values are stored.
    const PUTS: Duration = Duration::from_secs(60);
    /// Time between two reports of progress.
    const SLICE: Duration = Duration::from_secs(5);

    fn estimated_end(&self) -> Instant {
        let plan = &self.plan;
        let joins = match plan.start {
            Start::Join => Self::PACE * u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX),
            Start::Warm => Duration::ZERO,
        };
        let asked = plan.asks();
        let rounds = [plan.workload.values > 0, plan.keeping.values > 0];
        let puts = rounds
            .into_iter()
            .filter(|puts| *puts)
            .map(|_| Self::PUTS)
            .sum::<Duration>();
        let work = if asked {
            puts + Self::REST + plan.workload.duration
        } else {
            Duration::ZERO
        };
        let last = plan.steps.iter().map(|step| step.at).max();
        let steps = last.max(plan.healed).unwrap_or_default();
        Instant::ORIGIN + joins + work.max(steps)
    }
}
