//! The world in which an oracle looks up: who lives, what each node knows, and how far away all are.

use std::collections::BTreeSet;
use std::time::Duration;

use khashmir::{Id, Node};
use khashmir_sim::experiment::Experiment;
use khashmir_sim::host::HostId;
use khashmir_sim::plan::{InvalidPlan, Plan};
use khashmir_sim::truth::Truth;
use khashmir_sim::world::{Fact, Observer, When};

/// Nodes of the real core in a simulated world that stands still.
pub struct World {
    plan: Plan,
    world: khashmir_sim::world::World<Askers>,
    truth: Truth,
    newcomers: Vec<HostId>,
    share_alive: f64,
}

/// Sees who is asked for something.
#[derive(Default)]
struct Askers(BTreeSet<HostId>);

impl Observer for Askers {
    fn see(&mut self, _when: When, host: HostId, fact: Fact<'_>) {
        if matches!(fact, Fact::Ordered { .. }) {
            self.0.insert(host);
        }
    }
}

impl World {
    /// The world of a plan halfway through its lookups, with half of them over: tables are as the core's
    /// own lookups find them on average.
    ///
    /// # Errors
    /// [`InvalidPlan`] when the plan makes no sense.
    pub fn new(plan: &Plan) -> Result<Self, InvalidPlan> {
        let mut half = plan.clone();
        half.workload.lookups = plan.workload.lookups / 2;
        half.workload.duration = plan.workload.duration / 2;
        let finished = Experiment::new(half).run_observed(&mut |_| {}, Askers::default)?;
        let world = finished.world;
        let node = |host: &HostId| world.node(*host).map(|node| (node.id(), *host));
        let truth = Truth::new(plan.hosts.iter().filter_map(|host| node(&host)));
        let living: Vec<HostId> = plan
            .hosts
            .iter()
            .filter(|host| world.node(*host).is_some())
            .collect();
        let has_asked = |host: &HostId| world.observers().any(|askers| askers.0.contains(host));
        let newcomers = living.iter().copied().filter(|host| !has_asked(host));
        let (mut known, mut alive) = (0_u64, 0_u64);
        for host in &living {
            for contact in world.node(*host).into_iter().flat_map(Node::contacts) {
                known += 1;
                let at = HostId::at(contact.addr);
                alive += u64::from(at.is_some_and(|at| world.node(at).is_some()));
            }
        }
        Ok(Self {
            plan: plan.clone(),
            truth,
            newcomers: newcomers.collect(),
            share_alive: alive as f64 / known.max(1) as f64,
            world,
        })
    }

    /// Hosts whose nodes live and were asked for nothing yet, ascending.
    #[must_use]
    pub fn newcomers(&self) -> &[HostId] {
        &self.newcomers
    }

    /// The share of the contacts in the tables of nodes that live which live themselves.
    #[must_use]
    pub const fn share_alive(&self) -> f64 {
        self.share_alive
    }

    /// The probability that a datagram is lost.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.plan.network.loss.mean()
    }

    /// Where all chance starts.
    pub(super) const fn seed(&self) -> u64 {
        self.plan.seed
    }

    /// Contacts in a bucket and in a result.
    #[must_use]
    pub fn k(&self) -> usize {
        let preset = self.plan.node_config.preset;
        self.plan.config(preset, khashmir::Role::ReadWrite).k
    }

    /// The node of a host, if it lives.
    pub(super) fn node(&self, host: HostId) -> Option<&Node> {
        self.world.node(host)
    }

    /// The K closest to a target that live.
    pub(super) fn closest(&self, target: &Id) -> Vec<Id> {
        let closest = self.truth.closest(target, self.k());
        closest.into_iter().map(|(id, _)| id).collect()
    }

    /// The time from a datagram of one host to the answer of the other.
    pub(super) fn round_trip(&self, a: HostId, b: HostId) -> Duration {
        let network = &self.plan.network;
        network
            .latency
            .between(self.plan.seed, a, b)
            .max(network.floor)
            * 2
    }

    /// The round trips of a host to all others, ascending.
    #[must_use]
    pub fn round_trips(&self, host: HostId) -> Vec<Duration> {
        let others = self.plan.hosts.iter().filter(|other| *other != host);
        let mut all: Vec<Duration> = others.map(|other| self.round_trip(host, other)).collect();
        all.sort_unstable();
        all
    }
}
