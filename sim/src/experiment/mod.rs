//! A whole run: a network comes to stand, some of it dies, values are stored, and then lookups and
//! gets arrive over a span of time, each of which is held against the truth; and all the while the
//! steps of the plan are done.

mod actions;
mod churn_state;
mod details;
mod figures;
mod healed;
mod keeping;
mod kept_values;
mod machine_factory;
mod population;
mod progress;
mod quality;
mod request_log;
mod run;
mod schedule;
mod sending;
mod summary;
mod values;
mod whole;

pub use details::{Details, Ending};
pub use figures::{GetFigures, Latencies, LookupFigures};
pub use keeping::{KeepingFigures, KeepingPoint};
pub use machine_factory::MachineFactory;
pub use progress::Progress;
pub use quality::Quality;
pub use sending::SendingRates;
pub use summary::Summary;

use crate::checks::Violation;
use crate::network::{Network, NetworkConfig};
use crate::plan::{InvalidPlan, Plan, ValuesFirst};
use crate::stop::Stop;
use crate::world::{Observer, World};
use request_log::RequestLog;
use run::Run;
use sending::Asking;

/// A run of a plan. Equal plans give equal runs, with any number of threads.
#[derive(Clone, Debug, Default)]
pub struct Experiment {
    /// What is run.
    pub plan: Plan,
    /// How many threads compute it, at least one.
    pub threads: usize,
    /// What takes the place of nodes.
    pub factory: MachineFactory,
    /// What can end the run before its time.
    pub stop: Stop,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// All that the plan says was done.
    Whole,
    /// It was [asked to stop](Stop) before: its figures are those of what was done by then.
    Stopped,
}

/// A run that is over.
pub struct Finished<W> {
    /// How it came to its end.
    pub completion: Completion,
    /// The figures.
    pub summary: Summary,
    /// What was not as it has to be: gets of the plan that did not find what they should, nodes that
    /// did not find each other, and what was wrong after all faults had ended.
    pub violations: Vec<Violation>,
    /// The world at the end, with its observers.
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
            stop: Stop::default(),
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

    /// Runs it under observers, one for each thread.
    ///
    /// # Errors
    /// [`InvalidPlan`] when a setting of the plan makes no sense. Whether each request can be a node's
    /// first is known only on the way where hosts come and go.
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
        let world = World::observed(network, self.threads, observer).with_stop(self.stop.clone());
        let mut run = Run::new(plan, &self.factory, &self.stop, world, progress);
        run.stand()?;
        let (asking, mut violations) = Self::work(plan, &mut run);
        if let Some(shortage) = run.take_shortage() {
            return Err(shortage);
        }
        let mut completion = Completion::Whole;
        if run.is_stopped() {
            completion = Completion::Stopped;
            // What was not waited for cannot be missed.
            violations.clear();
        }
        Ok(Finished {
            completion,
            summary: Summary::new(plan, &run.world, &run.request_log, &run.kept, asking),
            violations,
            world: run.world,
            seed: plan.seed,
            request_log: run.request_log,
        })
    }

    /// Does what the plan says once the network stands; gives what was sent while lookups arrived, and
    /// what was not as it has to be at the end.
    fn work<W: Observer>(plan: &Plan, run: &mut Run<'_, W>) -> (Asking, Vec<Violation>) {
        let mut asking = Asking::begin(run.world.traffic());
        // Hosts may be missing from a world that was stopped while it came to stand.
        if run.is_stopped() {
            return (asking, Vec::new());
        }
        if plan.workload.values_first == ValuesFirst::Yes {
            run.store();
        }
        run.die();
        run.begin_steps();
        if plan.asks() {
            run.rest();
            if plan.workload.values_first == ValuesFirst::No {
                run.store();
            }
            run.keep();
            asking = Asking::begin(run.world.traffic());
            let node_time = run.node_time;
            run.look_up();
            asking.end(
                run.world.traffic(),
                run.node_time.saturating_sub(node_time),
                run.request_log.bytes(),
            );
        } else {
            asking = Asking::begin(run.world.traffic());
        }
        let mut violations = run.end_steps();
        if plan.healed.is_some() {
            violations.extend(run.heal());
        }
        violations.extend(run.request_log.take_violations());
        (asking, violations)
    }
}
