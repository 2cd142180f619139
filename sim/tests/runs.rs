//! Whole runs: what must come out the same, and what must come out right.

use std::time::Duration;

use khashmir_sim::checks::Checks;
use khashmir_sim::experiment::{Experiment, LookupFigures, Summary};
use khashmir_sim::network::{Latency, Loss};
use khashmir_sim::pcap::Capture;
use khashmir_sim::plan::{InvalidPlan, Plan, Start};
use khashmir_sim::sniffer::Sniffer;

fn run(plan: &Plan) -> Summary {
    run_on(1, plan)
}

fn run_on(threads: usize, plan: &Plan) -> Summary {
    let experiment = Experiment {
        threads,
        ..Experiment::new(plan.clone())
    };
    experiment.run(&mut |_| ()).expect("it makes sense")
}

fn lookups(summary: &Summary) -> LookupFigures {
    summary.lookup_figures.expect("there were lookups")
}

/// The share of gets that found their value.
fn found(summary: &Summary) -> f64 {
    summary.get_figures.expect("there were gets").found_rate
}

/// A plan with lines on top of a small one.
fn small(lines: &str) -> Plan {
    format!("nodes 60\nlookups 60\nvalues 10\nduration 1m\n{lines}")
        .parse()
        .expect("a plan")
}

/// Everything that can happen to a datagram happens to some.
const STORM: &str = "
    latency geo
    jitter exponential:5ms
    loss bursty:0.02,0.3,0.5
    duplicate 0.02
    reorder 0.05,exponential:30ms
    line 10Mbit/50Mbit,64kB
";

/// Everything that can happen to hosts happens to some.
const FATE: &str = "
    disk 20ms
    early 0.2
    late 0.2
    read-only 0.1
    slow 0.1
    churn 5m/1m/same
    at 10s n03 find_node 0123456789abcdef0123456789abcdef01234567
    at 20s partition n00..n09
    at 30s n10..n12 crash
    at 40s n13 pause 20s
    at 50s heal
    at 60s n10..n12 restart
    at 70s n14 clock +10s
    at 75s n15 clock -10s
    at 80s n16 drift 1000ppm
    at 90s n17 garbage n18 64313a
    at 95s cut n20 n21..n30
    at 100s n19 leave
    at 5m churn off
    at 5m loss none
";

#[test]
fn a_run_is_the_same_for_any_number_of_threads() {
    for lines in [
        "",
        "nodes 200\nfresh-askers yes",
        STORM,
        &format!("dead 0.2\nnat 0.2\n{STORM}{FATE}healed 6m"),
    ] {
        let plan = small(lines);
        let alone = run(&plan);
        for threads in [2, 3, 7] {
            assert_eq!(run_on(threads, &plan), alone, "{threads} threads");
        }
    }
}

#[test]
fn a_capture_is_the_same_for_any_number_of_threads() {
    let capture = |threads| {
        let experiment = Experiment {
            threads,
            ..Experiment::new(small(STORM))
        };
        let finished = experiment
            .run_observed(&mut |_| (), || Sniffer::new(500))
            .expect("it makes sense");
        let mut capture = Capture::new(Vec::new(), 500).expect("memory");
        Sniffer::write(finished.world.observers(), &mut capture).expect("memory");
        capture.finish().expect("memory")
    };
    let alone = capture(1);
    assert!(alone.len() > 500 * 60);
    assert!(capture(3) == alone);
}

#[test]
fn looking_on_changes_nothing() {
    let plan = small(&format!("{STORM}{FATE}"));
    let observed = Experiment::new(plan.clone())
        .run_observed(&mut |_| (), Checks::default)
        .expect("it makes sense");
    assert_eq!(observed.summary, run(&plan));
    for checks in observed.world.observers() {
        assert_eq!(checks.violations(), []);
    }
}

#[test]
fn another_seed_is_another_run() {
    let hash = |seed| run(&small(&format!("seed {seed}"))).trace_hash;
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn without_losses_everything_is_found_exactly() {
    for start in [Start::Warm, Start::Join] {
        let summary = run(&Plan { start, ..small("") });
        assert_eq!((summary.lookups, summary.values), (60, 10), "{start}");
        assert_eq!(
            (lookups(&summary).exact_rate, found(&summary)),
            (1.0, 1.0),
            "{start}\n{summary}"
        );
        assert_eq!(
            (summary.failed_joins, summary.refused, summary.traffic.lost),
            (0, 0, 0)
        );
        assert!(
            lookups(&summary).hops_mean > 1.0
                && lookups(&summary).rounds_mean >= lookups(&summary).hops_mean,
            "{summary}"
        );
        assert!(lookups(&summary).queries_mean >= 8.0, "{summary}");
        assert!(lookups(&summary).datagrams_mean >= 2.0 * 8.0, "{summary}");
    }
}

#[test]
fn the_network_bears_on_what_is_seen() {
    let calm = run(&small(""));
    let lossy = run(&small("loss 0.1"));
    let share = lossy.traffic.lost as f64 / lossy.traffic.sent as f64;
    assert!((0.08..0.12).contains(&share), "{share}");
    assert!(lookups(&lossy).latency.p90 > lookups(&calm).latency.p90);
    let near = run(&small("latency constant:10ms"));
    assert!(lookups(&near).latency.max < lookups(&calm).latency.p50);
}

#[test]
fn the_dead_are_asked_and_never_found() {
    let summary = run(&small("dead 0.3"));
    assert!(lookups(&summary).unanswered_mean > 1.0, "{summary}");
    assert!(lookups(&summary).success_rate > 0.9, "{summary}");
    let first = run(&small("dead 0.3\nvalues-first yes"));
    assert!(
        found(&first) > 0.9,
        "redundancy outlives a third of the nodes:\n{first}"
    );
}

#[test]
fn who_only_reads_finds_nobody_of_its_kind() {
    let summary = run(&small("read-only 1\nvalues 0"));
    assert_eq!((summary.lookups, summary.unjudged), (60, 60), "{summary}");
    assert_eq!(summary.lookup_figures, None, "{summary}");
}

#[test]
fn lookups_stand_those_who_come_and_go() {
    for comeback in ["fresh", "same"] {
        let summary = run(&small(&format!(
            "start join\nlookups 200\nduration 10m\nchurn 10m/10m/{comeback}"
        )));
        let over = summary.lookups + summary.cut_off;
        assert!(over >= 190, "{comeback}\n{summary}");
        assert!(
            lookups(&summary).success_rate > 0.9,
            "{comeback}\n{summary}"
        );
        assert!(summary.traffic.sent > 10_000, "{comeback}\n{summary}");
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    let refused = |plan: Plan| {
        let error = Experiment::new(plan)
            .run(&mut |_| ())
            .expect_err("no sense");
        error.to_string()
    };
    let mut plan = small("");
    plan.shares.dead = 1.5;
    assert_eq!(refused(plan), "dead must be from 0 to 1");
    assert!(refused(small("nodes 0")).starts_with("there must be from 1"));
    assert!(refused(small("alpha 0")).starts_with("alpha"));
    let mut plan = small("at 1s loss 0.1");
    plan.steps[0].action = khashmir_sim::plan::Action::Loss(Loss::Independent(2.0));
    assert!(refused(plan).starts_with("network: `loss`"));
    let mut plan = small("");
    plan.shares.dead = f64::NAN;
    let refused = Experiment::new(plan).run(&mut |_| ());
    assert_eq!(refused, Err(InvalidPlan::Share("dead")));
}

#[test]
#[should_panic(expected = "no such way")]
fn a_panic_in_one_thread_ends_the_others_too() {
    let mut plan = small("");
    plan.network.latency = Latency::custom(|_, low, high| {
        assert!(low.number() != 3 || high.number() % 2 != 0, "no such way");
        Duration::from_millis(20)
    });
    run_on(3, &plan);
}
