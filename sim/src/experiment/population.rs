//! The hosts of an experiment: what each is like, which identifier its node has, and since when it
//! runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use khashmir::{Config, ConfigError, Id, Instant, Node, Role, Seed, SharedAddresses, Snapshot};

use crate::churn::ChurnStart;
use crate::host::HostId;
use crate::plan::{Plan, Preset};
use crate::random::{Chance, Draw, topic};
use crate::truth::Truth;
use crate::warm;

/// All hosts of an experiment.
pub(super) struct Population {
    seed: u64,
    k: usize,
    /// Of a /24, so many may be among the K closest.
    most_of_prefix: usize,
    configs: Vec<Kind>,
    members: BTreeMap<HostId, Member>,
    /// Hosts whose nodes run, ascending: one of them is asked for each lookup.
    living: Vec<HostId>,
    /// Those of them that a lookup must find: they answer in good time, and all hosts can reach them.
    findable: Truth,
}

/// Nodes that are alike, and share their settings.
struct Kind {
    preset: Preset,
    role: Role,
    /// What a node begins with that has just been started.
    started: Arc<Config>,
    /// What nodes begin with that stand as if they had lived there for long: they are not all at the
    /// same place between two checkpoints.
    midway: Vec<Arc<Config>>,
}

impl Kind {
    /// Places between two checkpoints.
    const PLACES: u32 = 32;

    fn new(plan: &Plan, preset: Preset, role: Role) -> Self {
        let started = plan.config(preset, role);
        let midway = (1..=Self::PLACES).map(|place| {
            Arc::new(Config {
                first_checkpoint: started.checkpoint * place / Self::PLACES,
                ..started.clone()
            })
        });
        Self {
            preset,
            role,
            midway: midway.collect(),
            started: Arc::new(started),
        }
    }

    fn config(&self, initial: &InitialState, host: HostId) -> Arc<Config> {
        let place = host.number() % Self::PLACES;
        let midway = matches!(initial, InitialState::Warm).then(|| self.midway.get(place as usize));
        Arc::clone(midway.flatten().unwrap_or(&self.started))
    }
}

/// A host, and the node that lives there.
pub(super) struct Member {
    pub(super) id: Id,
    pub(super) role: Role,
    pub(super) place: Place,
    pub(super) pace: Pace,
    preset: Preset,
    lot: Lot,
    /// How much longer churn keeps it away when the network comes to stand, if it does.
    away_at_first: Option<Duration>,
    /// The identifier of the node that lived here before under another one, and when that left.
    earlier: Option<(Id, Instant)>,
    /// How many nodes lived here before.
    generation: u64,
    asked: Asked,
    presence: Presence,
}

/// How a host can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// By anyone.
    Public,
    /// As far as its translator lets others in.
    BehindNat,
}

/// How fast a host takes in what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Normal,
    Slow,
}

/// Whether a node was asked for anything but to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Never,
    Before,
}

/// What becomes of a host when the time of deaths comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lot {
    Dies,
    Lives,
}

/// Whether the node of a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Here { since: Instant },
    Away { since: Instant },
}

/// With what a node begins.
pub(super) enum InitialState {
    /// With an identity, and nothing else.
    Empty,
    /// With a table as if it had lived there for long.
    Warm,
    /// With what an earlier one left behind, that long ago.
    From { snapshot: Snapshot, away: Duration },
}

impl Population {
    /// How often any host is drawn before those are listed that are looked for.
    const DRAWS: u32 = 32;

    pub(super) fn new(plan: &Plan) -> Self {
        let publishers = plan.publishers();
        let member = |host| {
            let mut member = Member::new(plan, host);
            if publishers.contains(host) {
                member.lot = Lot::Lives;
                member.away_at_first = None;
            }
            (host, member)
        };
        let roles = [Role::ReadWrite, Role::Client];
        let kind = |(preset, role)| Kind::new(plan, preset, role);
        let config = plan.config(plan.node_config.preset, Role::ReadWrite);
        let kinds = Preset::ALL.into_iter();
        Self {
            seed: plan.seed,
            k: config.k,
            most_of_prefix: match config.shared_addresses {
                // All hosts have private addresses.
                SharedAddresses::None => config.most_of_prefix.unwrap_or(config.k),
                SharedAddresses::Private => config.k,
                _ => config.k,
            },
            configs: kinds
                .flat_map(|preset| roles.map(|role| (preset, role)))
                .map(kind)
                .collect(),
            members: plan.hosts.iter().map(member).collect(),
            living: Vec::new(),
            findable: Truth::default(),
        }
    }

    /// All hosts, ascending.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostId> + '_ {
        self.members.keys().copied()
    }

    pub(super) fn member(&self, host: HostId) -> Option<&Member> {
        self.members.get(&host)
    }

    /// Hosts that run when the network comes to stand, ascending: all but those that churn keeps away
    /// then.
    pub(super) fn first(&self) -> Vec<HostId> {
        let is_there =
            |(host, member): (&HostId, &Member)| member.is_there_at_first().then_some(*host);
        self.members.iter().filter_map(is_there).collect()
    }

    /// Hosts that churn keeps away then, and for how much longer.
    pub(super) fn away_at_first(&self) -> Vec<(HostId, Duration)> {
        let away = |(host, member): (&HostId, &Member)| Some((*host, member.away_at_first?));
        self.members.iter().filter_map(away).collect()
    }

    /// The nodes that answer of those that run at first, including those that will die: the contacts
    /// of tables that were filled before the deaths.
    pub(super) fn everybody(&self) -> Truth {
        let serving = |(host, member): (&HostId, &Member)| {
            let serves = member.role != Role::Client && member.is_there_at_first();
            serves.then_some((member.id, *host))
        };
        Truth::new(self.members.iter().filter_map(serving))
    }

    pub(super) const fn k(&self) -> usize {
        self.k
    }

    /// Hosts whose nodes run, ascending.
    pub(super) fn living(&self) -> &[HostId] {
        &self.living
    }

    /// A new node for a host, which takes the place of the one that lived there.
    pub(super) fn node(
        &mut self,
        host: HostId,
        initial: InitialState,
        everybody: &Truth,
        now: Instant,
    ) -> Result<Node, ConfigError> {
        let (seed, member) = (self.seed, self.members.get_mut(&host));
        let Some(member) = member else {
            return Node::new(Config::default(), Seed::from_number(0), now);
        };
        let is_kind = |kind: &&Kind| kind.preset == member.preset && kind.role == member.role;
        let kind = self.configs.iter().find(is_kind);
        let config = kind
            .map(|kind| kind.config(&initial, host))
            .unwrap_or_default();
        let (snapshot, away) = match initial {
            InitialState::Empty => (Snapshot::new(member.id), Duration::ZERO),
            InitialState::Warm => {
                let snapshot = warm::snapshot(seed, host, member.id, everybody, &config);
                (snapshot, Duration::ZERO)
            }
            InitialState::From { snapshot, away } => {
                member.id = snapshot.id();
                (snapshot, away)
            }
        };
        let mut draw = member.drawn(seed, "population/seed", host);
        member.generation += 1;
        let mut seed = [0; 32];
        for part in seed.chunks_exact_mut(8) {
            part.copy_from_slice(&draw.next_u64().to_be_bytes());
        }
        Node::restore(config, snapshot, away, Seed::new(seed), now)
    }

    /// Gives a host another identity, which no other node knows.
    pub(super) fn rename(&mut self, host: HostId) {
        if let Some(member) = self.members.get_mut(&host) {
            if let Presence::Away { since } = member.presence {
                member.earlier = Some((member.id, since));
            }
            member.id = id(&mut member.drawn(self.seed, "population/id", host));
            member.asked = Asked::Never;
        }
    }

    /// The node of a host runs from now on.
    pub(super) fn arrives(&mut self, host: HostId, now: Instant) {
        let Some(member) = self.members.get_mut(&host) else {
            return;
        };
        member.presence = Presence::Here { since: now };
        if let Err(at) = self.living.binary_search(&host) {
            self.living.insert(at, host);
        }
        if member.is_findable() && !self.findable.contains(member.id, host) {
            self.findable.insert(member.id, host);
        }
    }

    /// All hosts that are not away at first run from now on.
    pub(super) fn first_arrive(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            if member.is_there_at_first() {
                member.presence = Presence::Here { since: now };
            }
        }
        self.living = self.first();
        let findable = |(host, member): (&HostId, &Member)| {
            let is_there = member.is_findable() && member.is_there_at_first();
            is_there.then_some((member.id, *host))
        };
        self.findable = Truth::new(self.members.iter().filter_map(findable));
    }

    /// The node of a host runs no longer.
    pub(super) fn departs(&mut self, host: HostId, now: Instant) {
        let Some(member) = self.members.get_mut(&host) else {
            return;
        };
        member.presence = Presence::Away { since: now };
        self.findable.remove(member.id, host);
        if let Ok(at) = self.living.binary_search(&host) {
            self.living.remove(at);
        }
    }

    /// Hosts that die when the time of deaths comes.
    pub(super) fn doomed(&self) -> Vec<HostId> {
        let dies = |(host, member): (&HostId, &Member)| (member.lot == Lot::Dies).then_some(*host);
        self.members.iter().filter_map(dies).collect()
    }

    /// A host whose node runs, picked at random.
    pub(super) fn somebody(&self, draw: &mut Draw) -> Option<HostId> {
        let at = usize::try_from(draw.below(self.living.len() as u64)).ok()?;
        self.living.get(at).copied()
    }

    /// A host whose node runs and was not [asked](Self::is_asked) for anything, picked at random.
    pub(super) fn newcomer(&self, draw: &mut Draw) -> Option<HostId> {
        let is_new = |host: &HostId| {
            let member = self.members.get(host);
            member.is_some_and(|member| member.asked == Asked::Never)
        };
        // While most are new, one of a few draws is.
        let mut drawn = (0..Self::DRAWS).map_while(|_| self.somebody(draw));
        if let Some(host) = drawn.find(is_new) {
            return Some(host);
        }
        let new: Vec<HostId> = self.living.iter().copied().filter(is_new).collect();
        let at = usize::try_from(draw.below(new.len() as u64)).ok()?;
        new.get(at).copied()
    }

    /// The node of a host is asked for something.
    pub(super) fn is_asked(&mut self, host: HostId) {
        if let Some(member) = self.members.get_mut(&host) {
            member.asked = Asked::Before;
        }
    }

    /// Whether a host has been findable for so long, under that identifier.
    pub(super) fn was_findable(&self, host: HostId, id: &Id, since: Instant) -> bool {
        self.members.get(&host).is_some_and(|member| {
            member.id == *id && member.is_findable() && member.is_here_since(since)
        })
    }

    /// Whether a host had a node of that identifier at some time since then.
    pub(super) fn was_there(&self, host: HostId, id: &Id, since: Instant) -> bool {
        self.members.get(&host).is_some_and(|member| {
            let is_it = match member.presence {
                Presence::Here { .. } => true,
                Presence::Away { since: left } => left > since,
            };
            let was_it = |(earlier, left): (Id, Instant)| earlier == *id && left > since;
            (member.id == *id && is_it) || member.earlier.is_some_and(was_it)
        })
    }

    /// The K closest to a target of those that a lookup must find and that have run since then; with the
    /// settings of the plan, only so many of one /24.
    pub(super) fn closest(&self, target: &Id, since: Instant) -> Vec<Id> {
        let is_stable = |host: HostId| {
            let member = self.members.get(&host);
            member.is_some_and(|member| member.is_here_since(since))
        };
        let (truth, most) = (&self.findable, self.most_of_prefix);
        let closest = truth.closest_of_prefixes(target, self.k, most, is_stable);
        closest.into_iter().map(|(id, _)| id).collect()
    }
}

impl Member {
    fn new(plan: &Plan, host: HostId) -> Self {
        let drawn = |name| Draw::new(plan.seed, &[topic(name), host.number().into()]);
        let lot = |name, share| drawn(name).chance(Chance::new(share));
        let shares = &plan.shares;
        let dies = plan.is_doomed(host);
        // The dead were there before they died: they stay listed in the tables of others.
        let churn = plan.churn.filter(|_| !dies);
        Self {
            id: id(&mut drawn("population/id")),
            role: if lot("population/read-only", shares.read_only) {
                Role::Client
            } else {
                Role::ReadWrite
            },
            place: if lot("population/nat", shares.nat) {
                Place::BehindNat
            } else {
                Place::Public
            },
            pace: if lot("population/slow", shares.slow) {
                Pace::Slow
            } else {
                Pace::Normal
            },
            preset: if lot("population/early", shares.early) {
                Preset::Early
            } else if lot("population/late", shares.late) {
                Preset::Late
            } else {
                plan.node_config.preset
            },
            lot: if dies { Lot::Dies } else { Lot::Lives },
            away_at_first: churn.and_then(|churn| match churn.start(plan.seed, host) {
                ChurnStart::Here(_) => None,
                ChurnStart::Away(left) => Some(left),
            }),
            earlier: None,
            generation: 0,
            asked: Asked::Never,
            presence: Presence::Away {
                since: Instant::ORIGIN,
            },
        }
    }

    const fn is_there_at_first(&self) -> bool {
        self.away_at_first.is_none()
    }

    fn is_here_since(&self, since: Instant) -> bool {
        matches!(self.presence, Presence::Here { since: begun } if begun <= since)
    }

    pub(super) const fn presence(&self) -> Presence {
        self.presence
    }

    /// Whether every lookup for it must find it.
    pub(super) fn is_findable(&self) -> bool {
        self.role != Role::Client && self.place == Place::Public && self.pace == Pace::Normal
    }

    /// Chance of its own for each node of a host.
    fn drawn(&self, seed: u64, name: &str, host: HostId) -> Draw {
        let words = [topic(name), host.number().into(), self.generation];
        let words = if self.generation == 0 {
            &words[..2]
        } else {
            &words[..]
        };
        Draw::new(seed, words)
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
