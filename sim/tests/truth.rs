//! Figures say what is so: what liars say does not make a result right, and what nothing was
//! measured of is no figure.

mod stand_in;

use khashmir::wire::{Dialect, Message, Reply, Values};
use khashmir::{Id, Instant, Node, Seed, Snapshot};
use khashmir_sim::experiment::{Experiment, MachineFactory, Summary};
use khashmir_sim::plan::Plan;
use stand_in::StandIn;

fn run(text: &str, factory: MachineFactory) -> Summary {
    let plan: Plan = text.parse().expect("a plan");
    let experiment = Experiment {
        factory,
        ..Experiment::new(plan)
    };
    experiment.run(&mut |_| ()).expect("it makes sense")
}

#[test]
fn identities_that_nobody_has_make_no_result_exact() {
    // Seven hosts of eight live under an identity that is not the one that they were given.
    let ghosts = MachineFactory::new(|host, node| {
        if host.number() % 8 == 0 {
            return node.into();
        }
        let snapshot = Snapshot::new(Id::hash_of(node.id().as_bytes()));
        let seed = Seed::from_number(host.number().into());
        let away = std::time::Duration::ZERO;
        let ghost = Node::restore(node.config().clone(), snapshot, away, seed, Instant::ORIGIN);
        ghost.expect("settings that work").into()
    });
    // Every answer takes the same time, so that no lookup takes a slow node for a dead one.
    let text = "nodes 60\nstart join\nlatency constant:50ms\nlookups 100\nduration 1m\n";
    let lookups = |factory| run(text, factory).lookup_figures.expect("lookups");
    let honest = lookups(MachineFactory::default());
    assert_eq!(honest.exact_rate, 1.0, "{honest:?}");
    let haunted = lookups(ghosts);
    assert_eq!(haunted.exact_rate, 0.0, "{haunted:?}");
}

/// Puts another value in the place of those that an answer brings.
fn makes_up_values(datagram: &mut Vec<u8>) {
    let made_up = [&b"made up"[..]];
    let mut changed = Vec::new();
    if let Ok(Message::Reply { tid, reply }) = Dialect::Khashmir.decode(datagram)
        && reply
            .values
            .is_some_and(|values| values.iter().next().is_some())
    {
        let reply = Reply {
            values: Some(Values::from(&made_up)),
            ..reply
        };
        let _ = Dialect::Khashmir.encode_reply(tid, &reply, &mut changed);
        *datagram = changed;
    }
}

#[test]
fn values_that_nobody_put_are_not_found() {
    let text = "nodes 100\nvalues 40\nkept 20\nreads 40\nduration 2m\n";
    let rates = |factory| {
        let summary = run(text, factory);
        let gets = summary.get_figures.expect("there were gets").found_rate;
        let reads = summary.keeping.and_then(|keeping| keeping.found_rate);
        (gets, reads.expect("there were reads"))
    };
    assert_eq!(rates(MachineFactory::default()), (1.0, 1.0));
    // Six of a hundred hold a value themselves.
    let (gets, reads) = rates(StandIn::factory(|command| command, makes_up_values));
    assert!(gets < 0.25 && reads < 0.25, "{gets} {reads}");
}

#[test]
fn what_nothing_was_measured_of_is_null_and_a_dash() {
    // Nobody can be reached; nobody lives; nothing is asked, or put.
    for text in [
        "nodes 20\nnat 1\nstart join\nlookups 10\nvalues 5\nduration 1m\n",
        "nodes 20\ndead 1\nlookups 10\nvalues 5\nduration 1m\n",
        "nodes 20\nlookups 0\n",
    ] {
        let summary = run(text, MachineFactory::default());
        assert_eq!(summary.lookup_figures, None, "{text}{summary}");
        let json = summary.to_json();
        for name in [
            "success_rate",
            "exact_rate",
            "hops_mean",
            "rounds_mean",
            "queries_per_lookup",
            "unanswered_per_lookup",
            "datagrams_per_lookup",
            "bytes_per_lookup",
            "latency_ms",
        ] {
            assert!(
                json.get(name).is_some_and(|figure| figure.is_null()),
                "{text}{name}"
            );
        }
        let table = summary.to_string();
        let dashes = table.lines().filter(|row| row.ends_with(" –")).count();
        assert!(dashes >= 12, "{table}");
    }
    let alone = run(
        "nodes 20\nnat 1\nstart join\nlookups 10\nduration 1m\n",
        MachineFactory::default(),
    );
    assert_eq!((alone.lookups, alone.unjudged), (10, 10), "{alone}");
    let nothing = run(
        "nodes 20\nlookups 5\nkept 2\nduration 1m\n",
        MachineFactory::default(),
    );
    assert!(nothing.to_json()["values_found_rate"].is_null());
    assert!(nothing.to_json()["get_latency_ms"].is_null());
    assert!(nothing.to_json()["keeping"]["found_rate"].is_null());
    assert!(nothing.to_json()["keeping"]["copies_mean"].is_number());
}
