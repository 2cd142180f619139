//! Runs of which each request is the first of the node that makes it.

use std::collections::BTreeMap;

use khashmir::Command;
use khashmir_sim::experiment::{Experiment, Finished};
use khashmir_sim::host::HostId;
use khashmir_sim::plan::{InvalidPlan, Plan};
use khashmir_sim::world::{Fact, Observer, When};

/// How often each node was asked for something but to join: a host has one node after the other.
#[derive(Default)]
struct Askers {
    nodes: BTreeMap<HostId, Vec<Asker>>,
}

/// A node, by its identifier, and how often it was asked.
struct Asker {
    id: khashmir::Id,
    requests: u32,
}

impl Observer for Askers {
    fn see(&mut self, _when: When, host: HostId, fact: Fact<'_>) {
        let nodes = self.nodes.entry(host).or_default();
        match fact {
            Fact::On(machine) => {
                let id = machine.node().id();
                // A node that comes back as the one that it was is still that.
                if nodes.iter().all(|node| node.id != id) {
                    nodes.push(Asker { id, requests: 0 });
                }
            }
            Fact::Ordered { command, .. } if !matches!(command, Command::Join { .. }) => {
                if let Some(node) = nodes.last_mut() {
                    node.requests += 1;
                }
            }
            Fact::Off(_)
            | Fact::Clock
            | Fact::Paused
            | Fact::Resumed
            | Fact::Heard { .. }
            | Fact::Sent { .. }
            | Fact::Forged { .. }
            | Fact::Woken
            | Fact::Ordered { .. }
            | Fact::Left
            | Fact::Recorded { .. }
            | Fact::Durable { .. }
            | Fact::Told(_) => {}
        }
    }
}

/// A plan of 200 hosts with more lines.
fn plan(lines: &str) -> Plan {
    format!("nodes 200\nduration 2m\n{lines}")
        .parse()
        .expect("a plan")
}

fn run(plan: Plan) -> Result<Finished<Askers>, InvalidPlan> {
    let experiment = Experiment {
        threads: 2,
        ..Experiment::new(plan)
    };
    experiment.run_observed(&mut |_| (), Askers::default)
}

/// How often each node was asked.
fn requests(lines: &str) -> Vec<(HostId, u32)> {
    let finished = run(plan(lines)).expect("there are enough nodes");
    let hosts = finished
        .world
        .observers()
        .flat_map(|askers| askers.nodes.iter());
    let mut all: Vec<(HostId, u32)> = hosts
        .flat_map(|(host, nodes)| nodes.iter().map(|node| (*host, node.requests)))
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn each_request_is_the_first_of_its_node() {
    for weather in ["", "dead 0.2", "loss 0.05\nlatency geo", "start join"] {
        let nodes = requests(&format!(
            "lookups 100\nvalues 20\nfresh-askers yes\n{weather}"
        ));
        let asked: u32 = nodes.iter().map(|(_, requests)| requests).sum();
        assert_eq!(asked, 140, "{weather}");
        assert!(nodes.iter().all(|(_, requests)| *requests < 2), "{weather}");
        // They are drawn from all, not taken in their order.
        let hosts = nodes.iter().filter(|(_, requests)| *requests == 1);
        let sum: u32 = hosts.map(|(host, _)| host.number()).sum();
        assert!((80..120).contains(&(sum / asked)), "{weather}: {sum}");
    }
}

#[test]
fn every_node_may_be_needed() {
    let nodes = requests("lookups 200\nfresh-askers yes");
    assert!(nodes.iter().all(|(_, requests)| *requests == 1));
}

#[test]
fn without_the_setting_some_node_is_asked_twice() {
    let nodes = requests("lookups 100\nvalues 20");
    assert!(nodes.iter().any(|(_, requests)| *requests > 1));
}

#[test]
fn a_node_that_comes_back_as_it_was_has_asked_before() {
    for comeback in ["same", "fresh"] {
        let churn = format!("lookups 120\nfresh-askers yes\nduration 4m\nchurn 2m/1m/{comeback}");
        let nodes = requests(&churn);
        let asked: u32 = nodes.iter().map(|(_, requests)| requests).sum();
        assert_eq!(asked, 120, "{comeback}");
        assert!(
            nodes.iter().all(|(_, requests)| *requests < 2),
            "{comeback}"
        );
        let hosts: BTreeMap<HostId, u32> = nodes.iter().fold(BTreeMap::new(), |mut all, node| {
            *all.entry(node.0).or_default() += node.1;
            all
        });
        // A host with a new node may be asked again.
        let again = hosts.values().any(|requests| *requests > 1);
        assert_eq!(again, comeback == "fresh");
    }
}

#[test]
fn too_many_requests_are_refused_before_or_on_the_way() {
    let refused = |lines: &str| run(plan(lines)).err();
    assert_eq!(
        refused("lookups 201\nfresh-askers yes"),
        Some(InvalidPlan::Askers {
            requests: 201,
            nodes: 200
        })
    );
    let half_dead = plan("lookups 150\ndead 0.5\nfresh-askers yes").check();
    assert!(matches!(half_dead, Err(InvalidPlan::Askers { requests: 150, nodes }) if nodes < 130));
    // How many nodes there will be is not known before.
    let churn = plan("lookups 1000\nfresh-askers yes\nchurn 10m/10m/fresh");
    assert_eq!(churn.check(), Ok(()));
    let short = run(churn).err();
    assert!(
        matches!(short, Some(InvalidPlan::Askers { requests: 1000, nodes }) if (100..300).contains(&nodes)),
        "{short:?}"
    );
}
