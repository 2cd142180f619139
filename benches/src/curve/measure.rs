//! The measuring of worlds, several at a time.

use std::ops::Range;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use khashmir_sim::churn::Churn;
use khashmir_sim::experiment::{Details, Experiment, Summary};
use khashmir_sim::network::NetworkConfig;
use khashmir_sim::plan::{FreshAskers, HostSet, InvalidPlan, NodeConfig, Plan, Shares, Workload};

use super::{Curve, Point, Trouble, World};

/// What is asked of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Lookups for each seed: no more than nodes live in the world with the largest share of the dead.
    pub lookups: u32,
    /// Values that are put and read once each, for each seed.
    pub values: u32,
    /// Where chance starts: the world is computed once for each.
    pub seeds: Range<u64>,
}

/// What lookups took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// How many there were that could be judged.
    pub lookups: u64,
    /// The share that found the closest node.
    pub found: f64,
    /// The share that found exactly the K closest.
    pub exact: f64,
    /// Queries of a lookup, resends not counted, as a mean.
    pub queries: f64,
    /// Half took no longer.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
    /// Half of the gets brought their first value by then; none if there were no gets.
    pub first_value: Option<Duration>,
    /// Bytes that a node sends a second, without headers, as a mean.
    pub bytes: f64,
    /// Those of them that are upkeep.
    pub upkeep: f64,
}

/// The span over which lookups arrive.
const SPAN: Duration = Duration::from_secs(10 * 60);

/// That span where hosts come and go faster than once in it: no less than a median session, so that the
/// tables are those that churn leaves.
const CHURN_SPAN: Duration = Duration::from_secs(3 * 60);

impl World {
    /// The run of this world with one of the seeds.
    #[must_use]
    pub fn plan(&self, sample: &Sample, seed: u64) -> Plan {
        let mut plan = Plan {
            seed,
            hosts: HostSet::first(self.nodes),
            node_config: NodeConfig {
                preset: self.preset,
                ..NodeConfig::default()
            },
            shares: Shares::default(),
            network: NetworkConfig {
                latency: self.latency.clone(),
                ..NetworkConfig::default()
            },
            workload: Workload {
                lookups: sample.lookups,
                values: sample.values,
                fresh_askers: FreshAskers::Yes,
                duration: SPAN,
                ..Workload::NONE
            },
            ..Plan::default()
        };
        let dead = |per_mille: u32| f64::from(per_mille) / 1000.0;
        match self.trouble {
            Trouble::Dead(per_mille) => plan.shares.dead = dead(per_mille),
            Trouble::Loss(loss) => plan.network.loss = loss,
            Trouble::LossAndDead(loss, per_mille) => {
                plan.network.loss = loss;
                plan.shares.dead = dead(per_mille);
            }
            Trouble::Churn(session) => {
                plan.churn = Some(Churn::exponential(session));
                if session < SPAN / 2 {
                    plan.workload.duration = CHURN_SPAN;
                }
            }
        }
        plan
    }

    /// The figures of this world over all seeds.
    ///
    /// # Errors
    /// [`InvalidPlan`] when its plan makes no sense, such as more lookups than nodes that can make their
    /// first.
    pub fn measure(&self, sample: &Sample) -> Result<Option<Figures>, InvalidPlan> {
        let runs = sample.seeds.clone().map(|seed| {
            let experiment = Experiment::new(self.plan(sample, seed));
            let finished = experiment.run_observed(&mut |_| {}, || ())?;
            Ok((finished.details(), finished.summary))
        });
        let runs: Result<Vec<_>, InvalidPlan> = runs.collect();
        Ok(Figures::of(&runs?))
    }
}

impl Figures {
    /// Those of several runs as of one: shares and means are weighted by lookups.
    fn of(runs: &[(Details, Summary)]) -> Option<Self> {
        let judged = |(_, run): &(Details, Summary)| run.lookups - run.unjudged;
        let lookups: u64 = runs.iter().map(judged).sum();
        let mean = |figure: &dyn Fn(&Summary) -> Option<f64>| {
            let weighted = |run: &(Details, Summary)| Some(figure(&run.1)? * judged(run) as f64);
            runs.iter().filter_map(weighted).sum::<f64>() / lookups as f64
        };
        let of_lookups = |figure: fn(&khashmir_sim::experiment::LookupFigures) -> f64| {
            mean(&|run| run.lookup_figures.as_ref().map(figure))
        };
        let mut latencies: Vec<Duration> = runs
            .iter()
            .flat_map(|(details, _)| details.latencies.iter().copied())
            .collect();
        latencies.sort_unstable();
        let rank = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100).checked_sub(1)?;
            latencies.get(rank).copied()
        };
        Some(Self {
            lookups,
            found: of_lookups(|of| of.success_rate),
            exact: of_lookups(|of| of.exact_rate),
            queries: of_lookups(|of| of.queries_mean),
            p50: rank(50)?,
            p90: rank(90)?,
            p99: rank(99)?,
            first_value: runs.iter().find_map(|(_, run)| {
                let gets = run.get_figures.as_ref()?;
                gets.to_first_value.map(|of| of.p50)
            }),
            bytes: mean(&|run| run.sending_rates.map(|of| of.bytes)),
            upkeep: mean(&|run| run.sending_rates.map(|of| of.upkeep_bytes)),
        })
    }
}

/// Measures worlds, so many at a time, and tells when one is done.
///
/// # Errors
/// [`InvalidPlan`] when the plan of a world makes no sense: that of the first such.
pub fn measure(
    worlds: &[(World, Sample)],
    jobs: usize,
    told: &(dyn Fn(&World) + Sync),
) -> Result<Curve, InvalidPlan> {
    let waiting = Mutex::new(worlds.iter().enumerate());
    let measured = Mutex::new(Vec::with_capacity(worlds.len()));
    let work = || {
        // The lock is held for as long as it takes to get the next world.
        let next = || waiting.lock().ok()?.next();
        while let Some((place, (world, sample))) = next() {
            let figures = world.measure(sample);
            let is_bad = figures.is_err();
            if !is_bad {
                told(world);
            }
            if let Ok(mut measured) = measured.lock() {
                measured.push((place, figures));
            }
            if is_bad {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(work);
        }
    });
    let mut measured = measured.into_inner().unwrap_or_default();
    measured.sort_by_key(|(place, _)| *place);
    let points = measured.into_iter().map(|(place, figures)| {
        Ok(Point {
            world: worlds[place].0.clone(),
            figures: figures?,
        })
    });
    Ok(Curve {
        points: points.collect::<Result<_, InvalidPlan>>()?,
    })
}
