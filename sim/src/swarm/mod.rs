//! The search for faults: plans drawn from seeds, run under all checks, and made small when one of
//! them fails.

mod draw;
mod fault;
mod shrink;

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use khashmir::Instant;

pub use draw::plan;
pub use fault::{Fault, faults};
pub use shrink::shrink;

use crate::checks::{Check, Checks, Violation};
use crate::experiment::{Experiment, MachineFactory};
use crate::lines::Tail;
use crate::plan::{InvalidPlan, Plan};
use crate::trace::TraceHash;

/// What came of a run under all checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The violations, in the order of time.
    pub violations: Vec<Violation>,
    /// The hash of everything that happened; none when it ended in a panic.
    pub trace_hash: Option<TraceHash>,
}

impl Trial {
    /// What was violated first.
    #[must_use]
    pub fn first(&self) -> Option<&Violation> {
        self.violations.first()
    }

    /// What was violated.
    #[must_use]
    pub fn checks(&self) -> BTreeSet<Check> {
        let checks = self.violations.iter();
        checks.map(|violation| violation.check).collect()
    }
}

/// Runs a plan under all checks, on one thread or on several.
///
/// # Errors
/// [`InvalidPlan`] when a setting of the plan makes no sense.
pub fn trial(plan: &Plan, factory: &MachineFactory, threads: usize) -> Result<Trial, InvalidPlan> {
    let experiment = Experiment {
        threads,
        factory: factory.clone(),
        ..Experiment::new(plan.clone())
    };
    // The world of a run that panics is dropped.
    let run = AssertUnwindSafe(|| experiment.run_observed(&mut |_| (), Checks::default));
    match catch_unwind(run) {
        Ok(finished) => {
            let finished = finished?;
            let seen = finished.world.observers().flat_map(Checks::violations);
            let mut violations: Vec<Violation> = seen.cloned().collect();
            violations.extend(finished.violations);
            violations.sort_by_key(|violation| (violation.at, violation.host));
            Ok(Trial {
                violations,
                trace_hash: Some(finished.summary.trace_hash),
            })
        }
        Err(panic) => Ok(Trial {
            violations: vec![Violation {
                at: Instant::ORIGIN,
                host: None,
                check: Check::Panic,
                what: message(&*panic),
            }],
            trace_hash: None,
        }),
    }
}

/// Runs a plan twice, and says how the second run differed from the first, if it did.
///
/// # Errors
/// [`InvalidPlan`] when a setting of the plan makes no sense.
pub fn twice(
    plan: &Plan,
    factory: &MachineFactory,
    threads: [usize; 2],
) -> Result<Trial, InvalidPlan> {
    let [first, second] = threads;
    let mut trial_ = trial(plan, factory, first)?;
    let again = trial(plan, factory, second)?;
    if trial_ != again {
        trial_.violations.push(Violation {
            at: Instant::MAX,
            host: None,
            check: Check::Determinism,
            what: "two runs of one plan differ".to_owned(),
        });
    }
    Ok(trial_)
}

/// Runs a plan as often as it takes to see whether it violates a check.
///
/// # Errors
/// [`InvalidPlan`] when a setting of the plan makes no sense.
pub fn twice_if(plan: &Plan, factory: &MachineFactory, check: Check) -> Result<Trial, InvalidPlan> {
    if check == Check::Determinism {
        twice(plan, factory, [1, 2])
    } else {
        trial(plan, factory, 1)
    }
}

/// The last lines of the trace of a plan, up to its first violation.
#[must_use]
pub fn last_lines(
    plan: &Plan,
    factory: &MachineFactory,
    violation: &Violation,
    count: usize,
) -> Vec<String> {
    let experiment = Experiment {
        factory: factory.clone(),
        ..Experiment::new(plan.clone())
    };
    let until = if violation.check == Check::Panic {
        Instant::MAX
    } else {
        violation.at
    };
    let shared = Tail::new(count, until);
    let observer = shared.clone();
    let run = AssertUnwindSafe(|| experiment.run_observed(&mut |_| (), || observer.clone()));
    // The panic was reported by the run before.
    let _ = catch_unwind(run);
    shared.lines()
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
