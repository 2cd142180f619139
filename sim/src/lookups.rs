//! The experiment: a network grows by real joins, then looks up random targets, and every result is
//! held against the truth, which only a simulator knows.

use std::fmt;
use std::time::Duration;

use khashmir::{Command, Config, Id, Outcome, Place};

use crate::trace::{Fingerprint, Purpose};
use crate::world::{HostNo, World};

/// Virtual time between two joins.
const PACE: Duration = Duration::from_millis(100);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookups {
    /// How many nodes the network has; all but the first join it through the first.
    pub nodes: u32,
    /// How many random targets are looked up, each by a random node, one after the other.
    pub lookups: u32,
    /// What all chance is made from.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Nodes in the network.
    pub nodes: u32,
    /// Lookups made.
    pub lookups: u32,
    /// Lookups whose result was exactly the K closest of all nodes, in their order.
    pub exact: u32,
    /// Hops of all lookups in all.
    pub hops: u64,
    /// Datagrams sent by all nodes while lookups were under way.
    pub datagrams: u64,
    /// How long each lookup took, the shortest first.
    pub took: Vec<Duration>,
    /// Things that happened in the world.
    pub events: u64,
    /// The fingerprint of every datagram of the run.
    pub trace_hash: u64,
}

impl Lookups {
    /// Does it.
    ///
    /// # Panics
    /// When a node refuses a command, or does not end it in time: the core breaks its word then.
    #[must_use]
    pub fn run(&self) -> Summary {
        let mut world = self.grown();
        let ids: Vec<Id> = world.hosts().map(|host| world.node(host).id()).collect();
        let mut summary = Summary {
            nodes: self.nodes,
            lookups: self.lookups,
            exact: 0,
            hops: 0,
            datagrams: 0,
            took: Vec::new(),
            events: 0,
            trace_hash: 0,
        };
        let before = world.traffic().datagrams;
        for number in 0..self.lookups {
            let (host, target) = self.drawn(&world, number);
            let op = world
                .start(host, Command::FindNode { target })
                .expect("one command at a time is never refused");
            let (outcome, effort) = world
                .run_to_end(host, op)
                .expect("every command ends in time");
            let k = world.node(host).config().k;
            summary.exact += u32::from(is_exact(&outcome, &ids, &target, k));
            summary.hops += u64::from(effort.hops);
            summary.took.push(effort.took);
        }
        summary.datagrams = world.traffic().datagrams - before;
        summary.took.sort();
        summary.events = world.traffic().events;
        summary.trace_hash = world.trace_hash();
        summary
    }

    /// A world in which everybody has joined.
    fn grown(&self) -> World {
        let mut world = World::new(self.seed);
        let mut joins = Vec::new();
        for number in 0..self.nodes {
            let host = world.add(Config::default()).expect("a preset works");
            if number > 0 {
                let first = world.hosts().next().map(HostNo::address);
                let bootstrap = first.into_iter().collect();
                let op = world.start(host, Command::Join { bootstrap });
                joins.push((host, op.expect("a new node may join")));
            }
            world.run_until(world.now() + PACE);
        }
        for (host, op) in joins {
            world
                .run_to_end(host, op)
                .expect("every command ends in time");
        }
        world
    }

    /// Who looks up what.
    fn drawn(&self, world: &World, number: u32) -> (HostNo, Id) {
        let drawn = Fingerprint::draw(self.seed, Purpose::Lookup, &[u64::from(number)]);
        let host = world
            .hosts()
            .nth((drawn % u64::from(self.nodes)) as usize)
            .expect("below the number of hosts");
        (host, Id::hash_of(&drawn.to_be_bytes()))
    }
}

fn is_exact(outcome: &Outcome, ids: &[Id], target: &Id, k: usize) -> bool {
    let Outcome::Found(places) = outcome else {
        return false;
    };
    let mut closest: Vec<&Id> = ids.iter().collect();
    closest.sort_by_key(|id| id.distance(target));
    closest.truncate(k);
    places.iter().map(Place::id).eq(closest)
}

impl Summary {
    /// Whether every lookup found exactly what there was to find.
    #[must_use]
    pub const fn all_exact(&self) -> bool {
        self.exact == self.lookups
    }

    /// The time within which so many percent of the lookups were over.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.took.len() * percent).div_ceil(100);
        self.took
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    fn per_lookup(&self, sum: u64) -> f64 {
        sum as f64 / f64::from(self.lookups.max(1))
    }
}

/// The summary as a small table.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |percent| self.percentile(percent).as_millis();
        writeln!(f, "nodes                 {:>16}", self.nodes)?;
        writeln!(f, "lookups               {:>16}", self.lookups)?;
        writeln!(f, "exact                 {:>16}", self.exact)?;
        writeln!(
            f,
            "mean hops             {:>16.2}",
            self.per_lookup(self.hops)
        )?;
        writeln!(
            f,
            "datagrams per lookup  {:>16.1}",
            self.per_lookup(self.datagrams)
        )?;
        writeln!(f, "virtual ms, p50       {:>16}", millis(50))?;
        writeln!(f, "virtual ms, p90       {:>16}", millis(90))?;
        writeln!(f, "virtual ms, longest   {:>16}", millis(100))?;
        writeln!(f, "events                {:>16}", self.events)?;
        writeln!(f, "trace                 {:016x}", self.trace_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> Summary {
        let plan = Lookups {
            nodes: 30,
            lookups: 40,
            seed,
        };
        plan.run()
    }

    #[test]
    fn in_a_network_of_thirty_every_lookup_is_exact() {
        for seed in 0..5 {
            let summary = run(seed);
            assert!(summary.all_exact(), "seed {seed}:\n{summary}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_run_to_the_last_datagram() {
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).trace_hash, run(8).trace_hash);
    }

    #[test]
    fn a_result_that_lacks_a_node_or_has_another_order_is_not_exact() {
        let mut ids: Vec<Id> = (0..20u8).map(|n| Id::hash_of(&[n])).collect();
        let target = Id::hash_of(b"target");
        ids.sort_by_key(|id| id.distance(&target));
        let found = |ids: &[Id]| Outcome::Found(ids.iter().copied().map(Place::Here).collect());
        assert!(is_exact(&found(&ids[..8]), &ids, &target, 8));
        assert!(!is_exact(&found(&ids[..7]), &ids, &target, 8));
        assert!(!is_exact(&found(&ids[1..9]), &ids, &target, 8));
        ids.swap(0, 1);
        assert!(!is_exact(&found(&ids[..8]), &ids, &target, 8));
    }

    #[test]
    fn percentiles_are_times_that_occurred() {
        let mut summary = run(1);
        summary.took = (1..=10).map(Duration::from_millis).collect();
        let percentiles = [50, 90, 91, 100].map(|percent| summary.percentile(percent).as_millis());
        assert_eq!(percentiles, [5, 9, 10, 10]);
        summary.took.clear();
        assert_eq!(summary.percentile(50), Duration::ZERO);
    }
}
