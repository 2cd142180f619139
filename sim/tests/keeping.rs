//! Values that are kept: what is counted, and what is seen when nobody keeps them.

mod stand_in;

use khashmir::{Command, Keep};
use khashmir_sim::experiment::{Experiment, Finished, KeepingFigures, MachineFactory};
use khashmir_sim::plan::Plan;
use stand_in::StandIn;

fn run(text: &str, factory: MachineFactory, threads: usize) -> Finished<()> {
    let plan: Plan = text.parse().expect("a plan");
    let experiment = Experiment {
        threads,
        factory,
        ..Experiment::new(plan)
    };
    let finished = experiment.run_observed(&mut |_| (), || ());
    finished.expect("it makes sense")
}

fn figures(finished: &Finished<()>) -> &KeepingFigures {
    finished.summary.keeping.as_ref().expect("values are kept")
}

/// Values expire within the run, and nobody is there for long but the publishers.
const CHURN: &str =
    "nodes 60\nkept 10\npublishers 2\nreads 200\nduration 40m\nexpiry 12m\nchurn 6m\n";

#[test]
fn in_a_calm_world_every_copy_stays() {
    let finished = run(
        "nodes 60\nkept 10\nreads 200\nduration 1h\n",
        MachineFactory::default(),
        1,
    );
    let keeping = figures(&finished);
    assert_eq!(
        (keeping.values, keeping.publishers, keeping.reads),
        (10, 1, 200)
    );
    assert_eq!(keeping.found_rate, Some(1.0));
    assert_eq!(keeping.below_half_rate, Some(0.0));
    // A third more than the redundancy of six are kept; a publisher may be among the closest itself.
    let copies = keeping.copies_mean.expect("looked at");
    assert!((7.0..9.0).contains(&copies), "{copies}");
    assert_eq!(keeping.floor_per_value_hour, None);
    assert_eq!(keeping.curve.len(), 30);
    let reads: u64 = keeping.curve.iter().map(|point| point.reads).sum();
    assert_eq!(reads, 200);
    // Nothing is lost: what is sent is received, and each read has asked somebody.
    let traffic = finished.world.key_traffic();
    for exchanged in [traffic.by_owners, traffic.by_others] {
        assert_eq!(exchanged.sent, exchanged.received);
    }
    // Each value was put at six nodes that were looked for: two datagrams for each of them twice.
    assert!(traffic.by_owners.sent >= 10 * 5 * 4, "{traffic:?}");
    assert!(traffic.by_others.sent >= 200 * 2, "{traffic:?}");
}

#[test]
fn figures_of_kept_values_are_the_same_for_any_number_of_threads() {
    let alone = run(CHURN, MachineFactory::default(), 1).summary;
    for threads in [2, 3] {
        assert_eq!(
            run(CHURN, MachineFactory::default(), threads).summary,
            alone
        );
    }
}

#[test]
fn what_nobody_keeps_is_soon_gone() {
    let once = |mut command| {
        if let Command::Put { keep, .. } = &mut command {
            *keep = Keep::Once;
        }
        command
    };
    let finished = run(CHURN, StandIn::factory(once, |_| ()), 1);
    let keeping = figures(&finished);
    let found = keeping.found_rate.expect("there were reads");
    assert!(found < 0.4, "{keeping:?}");
    assert!(keeping.below_half_rate > Some(0.6), "{keeping:?}");
    let last = keeping.curve.last().expect("spans");
    assert_eq!(
        (last.copies_mean, last.below_half_rate),
        (Some(0.0), Some(1.0))
    );
    assert_eq!(last.datagrams_per_value_hour, Some(0.0));
    assert!(keeping.floor_per_value_hour > Some(100.0), "{keeping:?}");
}

#[test]
fn publishers_stay_while_all_others_come_and_go() {
    let text = CHURN.replace("churn 6m", "churn 1m/1m\ndead 1");
    let plan: Plan = text.parse().expect("a plan");
    let finished = run(&text, MachineFactory::default(), 1);
    let publishers: Vec<_> = plan.publishers().iter().collect();
    assert_eq!(publishers.len(), 2);
    for host in publishers {
        let node = finished.world.node(host).expect("it stayed");
        let lived = finished.world.now();
        let uptime = node.status(lived).uptime;
        assert_eq!(uptime.as_nanos(), u128::from(lived.as_nanos()), "{host}");
    }
}
