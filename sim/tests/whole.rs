//! What a plan may ask for beside what is checked after healing: that a network is whole by itself,
//! and that a get finds a word.

use std::collections::BTreeSet;

use khashmir_sim::checks::{Check, Violation};
use khashmir_sim::experiment::Experiment;
use khashmir_sim::plan::Plan;

const KEY: &str = "0123456789abcdef0123456789abcdef01234567";

fn violations(text: &str) -> Vec<Violation> {
    let plan: Plan = text.parse().expect("a plan");
    let run = Experiment::new(plan).run_observed(&mut |_| (), || ());
    run.expect("it makes sense").violations
}

#[test]
fn a_network_that_was_never_cut_is_whole() {
    for start in ["join", "warm"] {
        let text = format!("nodes 20\nstart {start}\nwhole 2m\n");
        assert_eq!(violations(&text), [], "{start}");
    }
    // Those who are dead, or only ask, are not looked for.
    let text = "nodes 24\ndead 0.2\nread-only 0.2\nwhole 2m\n";
    assert_eq!(violations(text), []);
}

#[test]
fn a_network_that_is_cut_apart_is_not_whole() {
    let found = violations("nodes 20\nat 1m partition n00..n04\nwhole 6m\n");
    let hosts: Vec<u32> = found
        .iter()
        .flat_map(|it| it.host)
        .map(|host| host.number())
        .collect();
    assert_eq!(hosts, (0..20).collect::<Vec<_>>(), "{found:?}");
    assert!(
        found
            .iter()
            .all(|violation| violation.check == Check::Whole)
    );
    assert_eq!(found[0].what, "misses 15 of 19 others, n05 among them");
    assert_eq!(found[7].what, "misses 5 of 19 others, n00 among them");
}

#[test]
fn larger_networks_are_whole_by_a_draw() {
    assert_eq!(violations("nodes 40\nwhole 1m\n"), []);
    let found = violations("nodes 40\nat 10s partition n00..n19\nwhole 5m\n");
    assert_eq!(found.len(), 40, "{found:?}");
    assert!(
        found
            .iter()
            .all(|violation| violation.what.contains(" of 32 others"))
    );
}

#[test]
fn a_get_with_a_word_has_to_find_it() {
    let found = violations(&format!(
        "nodes 20\nat 1s n01 put {KEY} word\nat 1m n02,n03 get {KEY} word\n"
    ));
    assert_eq!(found, []);
    let found = violations(&format!(
        "nodes 20\nat 1s n01 put {KEY} word\nat 1m n02,n03 get {KEY} other\nat 1m n04 get {KEY}\n"
    ));
    let hosts: Vec<u32> = found
        .iter()
        .flat_map(|it| it.host)
        .map(|host| host.number())
        .collect();
    assert_eq!(hosts.into_iter().collect::<BTreeSet<_>>(), [2, 3].into());
    assert_eq!(found[0].check, Check::Found);
    assert_eq!(found[0].what, format!("get {KEY} does not find other"));
    // A host that is off finds nothing either.
    let found = violations(&format!(
        "nodes 20\nat 1s n02 crash\nat 1m n02 get {KEY} word\n"
    ));
    assert_eq!(found.len(), 1, "{found:?}");
}
