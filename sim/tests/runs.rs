//! Whole runs: what must come out the same, and what must come out right.

use std::time::Duration;

use khashmir::{Config, Role};
use khashmir_sim::experiment::{BadExperiment, Experiment, Start, Summary, ValuesFirst};
use khashmir_sim::network::{Access, Latency, Loss, NetworkConfig, Reorder};

fn run(experiment: &Experiment) -> Summary {
    experiment.run(&mut |_| ()).expect("it makes sense")
}

fn small() -> Experiment {
    Experiment {
        nodes: 60,
        lookups: 60,
        values: 10,
        duration: Duration::from_secs(60),
        ..Experiment::default()
    }
}

/// Everything that can happen to a datagram happens to some.
fn stormy() -> NetworkConfig {
    NetworkConfig {
        latency: Latency::Geo,
        jitter: "exponential:5ms".parse().expect("a span"),
        loss: "bursty:0.02,0.3,0.5".parse().expect("a loss"),
        duplicate: 0.02,
        reorder: "0.05,exponential:30ms"
            .parse::<Reorder>()
            .expect("a reordering"),
        access: Some("10Mbit/50Mbit,64kB".parse::<Access>().expect("an access")),
        ..NetworkConfig::default()
    }
}

#[test]
fn a_run_is_the_same_for_any_number_of_threads() {
    for network in [NetworkConfig::default(), stormy()] {
        let plan = Experiment {
            network,
            dead: 0.2,
            behind_nat: 0.2,
            ..small()
        };
        let alone = run(&plan);
        for threads in [2, 3, 7] {
            assert_eq!(
                run(&Experiment {
                    threads,
                    ..plan.clone()
                }),
                alone,
                "{threads} threads"
            );
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let hash = |seed| run(&Experiment { seed, ..small() }).trace_hash;
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn without_losses_everything_is_found_exactly() {
    for start in [Start::Warm, Start::Join] {
        let summary = run(&Experiment { start, ..small() });
        assert_eq!((summary.lookups, summary.values), (60, 10), "{start:?}");
        assert_eq!(
            (summary.exact_rate, summary.values_found_rate),
            (1.0, 1.0),
            "{start:?}\n{summary}"
        );
        assert_eq!(
            (summary.failed_joins, summary.refused, summary.traffic.lost),
            (0, 0, 0)
        );
        assert!(
            summary.hops_mean > 1.0 && summary.rounds_mean >= summary.hops_mean,
            "{summary}"
        );
        assert!(summary.queries_per_lookup >= 8.0, "{summary}");
        assert!(summary.datagrams_per_lookup >= 2.0 * 8.0, "{summary}");
    }
}

#[test]
fn the_network_bears_on_what_is_seen() {
    let calm = run(&small());
    let lossy = Experiment {
        network: NetworkConfig {
            loss: Loss::Independent(0.1),
            ..NetworkConfig::default()
        },
        ..small()
    };
    let lossy = run(&lossy);
    let share = lossy.traffic.lost as f64 / lossy.traffic.sent as f64;
    assert!((0.08..0.12).contains(&share), "{share}");
    assert!(lossy.latency.p90 > calm.latency.p90);
    let near = "constant:10ms".parse().expect("a latency");
    let near = Experiment {
        network: NetworkConfig {
            latency: near,
            ..NetworkConfig::default()
        },
        ..small()
    };
    assert!(run(&near).latency.max < calm.latency.p50);
}

#[test]
fn the_dead_are_asked_and_never_found() {
    let plan = Experiment {
        dead: 0.3,
        ..small()
    };
    let summary = run(&plan);
    assert!(summary.unanswered_per_lookup > 1.0, "{summary}");
    assert!(summary.success_rate > 0.9, "{summary}");
    let first = run(&Experiment {
        values_first: ValuesFirst::Yes,
        ..plan
    });
    assert!(
        first.values_found_rate > 0.9,
        "redundancy outlives a third of the nodes:\n{first}"
    );
}

#[test]
fn clients_find_nobody_because_nobody_answers() {
    let config = Config {
        role: Role::Client,
        ..Config::default()
    };
    let summary = run(&Experiment {
        config,
        values: 0,
        ..small()
    });
    assert_eq!(
        summary.queries_per_lookup, summary.unanswered_per_lookup,
        "{summary}"
    );
}

#[test]
fn what_makes_no_sense_is_named() {
    let refused = |experiment: Experiment| {
        let error = experiment.run(&mut |_| ()).expect_err("no sense");
        error.to_string()
    };
    assert_eq!(
        refused(Experiment {
            dead: 1.5,
            ..small()
        }),
        "dead must be from 0 to 1"
    );
    assert!(
        refused(Experiment {
            nodes: 0,
            ..small()
        })
        .starts_with("nodes must be")
    );
    let config = Config {
        alpha: 0,
        ..Config::default()
    };
    assert!(refused(Experiment { config, ..small() }).starts_with("alpha"));
    let late = Experiment {
        dead: f64::NAN,
        ..small()
    };
    assert!(matches!(
        late.run(&mut |_| ()),
        Err(BadExperiment::Share("dead"))
    ));
}

#[test]
#[should_panic(expected = "no such way")]
fn a_panic_in_one_thread_ends_the_others_too() {
    let latency = Latency::custom(|_, low, high| {
        assert!(low.number() != 3 || high.number() % 2 != 0, "no such way");
        Duration::from_millis(20)
    });
    let network = NetworkConfig {
        latency,
        ..NetworkConfig::default()
    };
    run(&Experiment {
        network,
        threads: 3,
        ..small()
    });
}
