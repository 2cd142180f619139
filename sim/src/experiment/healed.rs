//! After all faults have ended: a network has to become as good as new, and this is what is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use khashmir::{
    Buckets, Command, Event, Id, OpId, Outcome, OwnStore, Place, Retrieve, Role, SilentAddresses,
};

use super::population::{self, Presence};
use super::run::Run;
use crate::checks::{Check, Violation};
use crate::host::HostId;
use crate::network::{Loss, Reorder};
use crate::random::{Draw, topic};
use crate::span::Span;
use crate::world::{News, Observer};

/// Something to ask of a node.
type Request = (HostId, Command);

impl<W: Observer> Run<'_, W> {
    /// So many lookups and gets are made at the end.
    const PROBES: usize = 8;

    /// Ends all faults, lets the network come to itself, and looks whether it has.
    pub(super) fn heal(&mut self) -> Vec<Violation> {
        self.end_faults();
        self.everybody_returns();
        self.outcomes(self.of_everybody(|run, host| {
            Command::Join {
                bootstrap: run
                    .bootstrap_for(host)
                    .into_iter()
                    .map(HostId::addr)
                    .collect(),
            }
        }));
        self.wait("healing", self.time_to_forget());
        let refresh = Command::Refresh {
            buckets: Buckets::All,
        };
        self.outcomes(self.of_everybody(|_, _| refresh.clone()));
        let mut violations = self.look_for_the_dead();
        // A node that only some can reach takes up a place in replies, which is no fault of theirs.
        let hosts = self.population.hosts();
        let fair = |host| {
            let member = self.population.member(host);
            member.is_none_or(|member| member.is_findable() || member.role == Role::Client)
        };
        if hosts.into_iter().all(fair) {
            violations.extend(self.look_for_nodes());
            violations.extend(self.look_for_values());
        }
        violations
    }

    fn end_faults(&mut self) {
        self.schedule.clear();
        self.end_churn();
        let network = self.world.network_mut();
        network.cuts_mut().heal_all();
        let healed = network.change(|config| {
            config.loss = Loss::None;
            config.duplicate = 0.0;
            config.reorder = Reorder::NONE;
            config.jitter = Span::NONE;
        });
        debug_assert!(healed.is_ok());
        let now = self.world.now();
        for host in self.population.hosts().collect::<Vec<_>>() {
            self.world.resume(host);
            self.world.set_access(host, None);
            let clock = self.world.clock(host);
            if clock.is_drifting() {
                self.world.set_clock(host, clock.drifting(now, 0));
            }
        }
    }

    /// All hosts that are off start again, except for the dead share.
    fn everybody_returns(&mut self) {
        let doomed: BTreeSet<HostId> = self.population.doomed().into_iter().collect();
        let hosts: Vec<HostId> = self.population.hosts().collect();
        for host in hosts.into_iter().filter(|host| !doomed.contains(host)) {
            let member = self.population.member(host);
            let presence = member.map(population::Member::presence);
            if matches!(presence, Some(Presence::Away { .. })) {
                self.start_again(host);
            }
        }
        self.finish("healing", |_| true);
    }

    /// After that time no table may hold a dead contact: the time after which a silent contact is
    /// pinged, three checkpoints, and a timeout. Nor is a contact spared any longer that was away.
    fn time_to_forget(&self) -> Duration {
        let config = self
            .plan
            .config(self.plan.node_config.preset, Role::ReadWrite);
        let staleness = config.staleness.max(config.fresh);
        let forgetting = staleness + 3 * config.checkpoint + Duration::from_secs(60);
        if config.silent_addresses == SilentAddresses::Spare {
            forgetting.max(SilentAddresses::SPARED + config.checkpoint)
        } else {
            forgetting
        }
    }

    fn look_for_the_dead(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for host in self.population.living() {
            let Some(node) = self.world.node(*host) else {
                continue;
            };
            let is_dead = |contact: &khashmir::Contact| {
                let there = HostId::at(contact.addr);
                let member = there.and_then(|there| self.population.member(there));
                member.is_none_or(|member| {
                    member.id != contact.id || !matches!(member.presence(), Presence::Here { .. })
                })
            };
            if let Some(dead) = node.contacts().find(is_dead) {
                violations.push(self.violation(
                    *host,
                    Check::Dead,
                    format!("{} has long been dead", dead.addr),
                ));
            }
        }
        violations
    }

    fn look_for_nodes(&mut self) -> Vec<Violation> {
        let mut draw = Draw::new(self.plan.seed, &[topic("healed/lookups")]);
        let requests: Vec<(HostId, Id)> = (0..Self::PROBES)
            .filter_map(|_| {
                let host = self.population.somebody(&mut draw)?;
                Some((host, population::id(&mut draw)))
            })
            .collect();
        let commands = requests
            .iter()
            .map(|(host, target)| (*host, Command::FindNode { target: *target }));
        let outcomes = self.outcomes(commands.collect());
        let mut violations = Vec::new();
        for ((host, target), outcome) in requests.into_iter().zip(outcomes) {
            let expected = self.expected(host, &target);
            let found: Vec<Id> = match outcome {
                Some(Outcome::Found(places)) => {
                    places.iter().map(|place| *Place::id(place)).collect()
                }
                Some(_) | None => Vec::new(),
            };
            if found != expected {
                let missing = expected.iter().filter(|id| !found.contains(id)).count();
                let what = format!("find_node {target} misses {missing} of {}", expected.len());
                violations.push(self.violation(host, Check::Lookup, what));
            }
        }
        violations
    }

    /// The K closest to a target, as one host has to see them.
    fn expected(&self, host: HostId, target: &Id) -> Vec<Id> {
        let mut expected = self.population.closest(target, self.world.now());
        if let Some(asker) = self.population.member(host)
            && asker.role != Role::Client
            && !expected.contains(&asker.id)
        {
            expected.push(asker.id);
            expected.sort_by_key(|id| target.distance(id));
            expected.truncate(self.population.k());
        }
        expected
    }

    fn look_for_values(&mut self) -> Vec<Violation> {
        let mut draw = Draw::new(self.plan.seed, &[topic("healed/gets")]);
        let held = self.held_by_the_closest();
        let mut requests = Vec::new();
        for (key, values) in held.into_iter().take(Self::PROBES) {
            // A node that holds the value itself would not have to ask another.
            let is_without = |host: &HostId| {
                let node = self.world.node(*host);
                let snapshot = node.map(|node| node.snapshot(khashmir::Instant::ORIGIN));
                snapshot.is_none_or(|saved| saved.values().all(|saved| *saved.key != key))
            };
            let mut somebody =
                (0..Self::PROBES).filter_map(|_| self.population.somebody(&mut draw));
            let asker = somebody.find(is_without);
            if let Some(host) = asker {
                requests.push((host, key, values));
            }
        }
        let get = |key| Command::Get {
            key,
            retrieve: Some(Retrieve::All),
            own_store: OwnStore::Include,
        };
        let commands = requests.iter().map(|(host, key, _)| (*host, get(*key)));
        let outcomes = self.outcomes(commands.collect());
        let mut violations = Vec::new();
        for ((host, key, values), outcome) in requests.into_iter().zip(outcomes) {
            let found = match outcome {
                Some(Outcome::Got { values, .. }) => values,
                Some(_) | None => 0,
            };
            if found < values.len() {
                let what = format!("get {key} finds {found} of {} values", values.len());
                violations.push(self.violation(host, Check::Found, what));
            }
        }
        violations
    }

    /// The values of each key that one of the K closest nodes holds for long enough.
    fn held_by_the_closest(&self) -> BTreeMap<Id, BTreeSet<Vec<u8>>> {
        let mut held: BTreeMap<Id, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for host in self.population.living() {
            let (Some(node), now) = (self.world.node(*host), self.world.now()) else {
                continue;
            };
            let long = node.config().longest_operation();
            let snapshot = node.snapshot(self.world.clock(*host).read(now));
            for saved in snapshot.values().filter(|saved| saved.remaining > long) {
                let closest = self.population.closest(saved.key, now);
                if closest.contains(&node.id()) {
                    let value = saved.value.as_bytes().to_vec();
                    held.entry(*saved.key).or_default().insert(value);
                }
            }
        }
        held
    }

    fn of_everybody(&self, command: impl Fn(&Self, HostId) -> Command) -> Vec<Request> {
        let living = self.population.living().iter();
        living.map(|host| (*host, command(self, *host))).collect()
    }

    /// Asks, and waits for what comes of it: nothing of what was refused.
    pub(super) fn outcomes(&mut self, requests: Vec<Request>) -> Vec<Option<Outcome>> {
        let mut outcomes: Vec<Option<Outcome>> = requests.iter().map(|_| None).collect();
        let mut ordered: BTreeMap<u64, usize> = BTreeMap::new();
        let mut running: BTreeMap<(HostId, OpId), usize> = BTreeMap::new();
        let now = self.world.now();
        for (place, (host, command)) in requests.into_iter().enumerate() {
            ordered.insert(self.world.order(now, host, command), place);
        }
        while !(self.is_stopped() || ordered.is_empty() && running.is_empty()) {
            let reports = self.world.run(Duration::from_millis(500));
            if reports.is_empty() && self.world.now().since(now) > Duration::from_secs(3600) {
                break;
            }
            for report in reports {
                let place = report.order.and_then(|order| ordered.remove(&order));
                match (&report.news, place) {
                    (News::Started { op }, Some(place)) => {
                        running.insert((report.host, *op), place);
                    }
                    (News::Event(event), None) => {
                        if let Event::Ended { op, outcome, .. } = &**event
                            && let Some(place) = running.remove(&(report.host, *op))
                        {
                            outcomes[place] = Some(outcome.clone());
                        }
                    }
                    (News::Refused(_) | News::Unheard | News::Event(_), Some(_))
                    | (News::Started { .. } | News::Refused(_) | News::Unheard, None) => {}
                }
                self.request_log.hear(report, &self.population);
            }
        }
        outcomes
    }

    pub(super) fn violation(&self, host: HostId, check: Check, what: String) -> Violation {
        Violation {
            at: self.world.now(),
            host: Some(host),
            check,
            what,
        }
    }
}
