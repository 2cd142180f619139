//! Who lives in the network: their identifiers, who is behind a translator, and who dies.

use std::sync::Arc;
use std::time::Duration;

use khashmir::{Config, ConfigError, Id, Instant, Node, Role, Seed, Snapshot};

use super::{Experiment, Start};
use crate::host::HostId;
use crate::random::{Chance, Draw, topic};
use crate::truth::Truth;
use crate::warm;

/// All hosts of an experiment.
pub(super) struct Population {
    config: Arc<Config>,
    ids: Vec<Id>,
    behind_nat: Vec<Wall>,
    /// Everybody: what tables know that were filled before the deaths.
    everybody: Truth,
    doomed: Vec<HostId>,
    /// Those who live, and whom lookups are asked of.
    living: Vec<HostId>,
    /// Those who live, answer, and can be reached by anyone: whom a lookup must find.
    findable: Truth,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wall {
    None,
    Nat,
}

impl Population {
    pub(super) fn new(plan: &Experiment) -> Self {
        let hosts = || (0..plan.nodes).map(HostId::new);
        let drawn =
            |name: &str, host: HostId| Draw::new(plan.seed, &[topic(name), host.number().into()]);
        let (nat, dead) = (Chance::new(plan.behind_nat), Chance::new(plan.dead));
        let wall = |host| {
            if drawn("population/nat", host).chance(nat) {
                Wall::Nat
            } else {
                Wall::None
            }
        };
        let ids: Vec<Id> = hosts()
            .map(|host| id(&mut drawn("population/id", host)))
            .collect();
        let mut population = Self {
            config: Arc::new(plan.config.clone()),
            behind_nat: hosts().map(wall).collect(),
            everybody: Truth::new(ids.iter().copied().zip(hosts())),
            doomed: hosts()
                .filter(|host| drawn("population/dead", *host).chance(dead))
                .collect(),
            living: hosts().collect(),
            findable: Truth::default(),
            ids,
        };
        population.find_findable();
        population
    }

    pub(super) fn id_of(&self, host: HostId) -> Id {
        self.ids[host.number() as usize]
    }

    pub(super) fn is_behind_nat(&self, host: HostId) -> bool {
        self.behind_nat[host.number() as usize] == Wall::Nat
    }

    pub(super) const fn findable(&self) -> &Truth {
        &self.findable
    }

    pub(super) fn k(&self) -> usize {
        self.config.k
    }

    /// Whether nodes take part in the results of their own lookups.
    pub(super) fn serves(&self) -> bool {
        self.config.role != Role::Client
    }

    /// The node of a host, with an empty table or as if it had lived there for long.
    pub(super) fn node(
        &self,
        plan: &Experiment,
        host: HostId,
        now: Instant,
    ) -> Result<Node, ConfigError> {
        let id = self.id_of(host);
        let snapshot = match plan.start {
            Start::Join => Snapshot::new(id),
            Start::Warm => warm::snapshot(plan.seed, host, id, &self.everybody, &self.config),
        };
        let mut draw = Draw::new(plan.seed, &[topic("population/seed"), host.number().into()]);
        let mut seed = [0; 32];
        for part in seed.chunks_exact_mut(8) {
            part.copy_from_slice(&draw.next_u64().to_be_bytes());
        }
        Node::restore(
            Arc::clone(&self.config),
            snapshot,
            Duration::ZERO,
            Seed::new(seed),
            now,
        )
    }

    pub(super) fn doomed(&self) -> Vec<HostId> {
        self.doomed.clone()
    }

    /// Counts the doomed among the dead.
    pub(super) fn bury(&mut self) {
        let doomed = std::mem::take(&mut self.doomed);
        self.living
            .retain(|host| doomed.binary_search(host).is_err());
        self.find_findable();
    }

    /// Somebody who lives; host 0 when nobody does.
    pub(super) fn somebody(&self, draw: &mut Draw) -> HostId {
        let at = usize::try_from(draw.below(self.living.len() as u64)).unwrap_or(0);
        self.living.get(at).copied().unwrap_or(HostId::new(0))
    }

    fn find_findable(&mut self) {
        let found = |host: &HostId| self.serves() && !self.is_behind_nat(*host);
        let findable = self.living.iter().copied().filter(found);
        self.findable = Truth::new(findable.map(|host| (self.id_of(host), host)));
    }
}

/// A random identifier.
pub(super) fn id(draw: &mut Draw) -> Id {
    let mut bytes = [0; Id::LEN];
    for part in bytes.chunks_mut(8) {
        let word = draw.next_u64().to_be_bytes();
        part.copy_from_slice(&word[..part.len()]);
    }
    Id::new(bytes)
}
