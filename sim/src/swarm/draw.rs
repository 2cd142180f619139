//! Draws a plan from a seed: a small network, commands all the time, and some of the faults.

use std::time::Duration;

use khashmir::{Buckets, Id, Keep, Value};

use crate::churn::{Churn, Comeback};
use crate::host::HostId;
use crate::network::{Access, Latency, Loss, NatConfig, NetworkConfig, Reorder};
use crate::plan::{Action, Ask, HostSet, Jump, Plan, Preset, Start, Step, Workload};
use crate::random::{Chance, Draw, topic};
use crate::span::Span;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MILLI: Duration = Duration::from_millis(1);

/// The plan of a seed: faults for ten minutes or more, and then a healed phase.
#[must_use]
pub fn plan(seed: u64) -> Plan {
    let mut drawing = Drawing {
        draw: Draw::new(seed, &[topic("swarm/plan")]),
        hosts: 0,
        phase: Duration::ZERO,
        steps: Vec::new(),
    };
    drawing.plan(seed)
}

struct Drawing {
    draw: Draw,
    hosts: u32,
    /// How long faults act.
    phase: Duration,
    steps: Vec<Step>,
}

impl Drawing {
    fn plan(&mut self, seed: u64) -> Plan {
        // Small networks are drawn more often: they cost less, and find most.
        let (one, other) = (self.below(56), self.below(56));
        self.hosts = 5 + one.min(other);
        self.phase = self.between(10 * MINUTE, 13 * MINUTE);
        let mut plan = Plan {
            seed,
            hosts: HostSet::first(self.hosts),
            start: self.one_of(&[Start::Warm, Start::Join]),
            healed: Some(self.phase),
            disk: self.maybe(0.7, |drawing| drawing.between(MILLI, 100 * MILLI)),
            workload: Workload::NONE,
            ..Plan::default()
        };
        self.node_config(&mut plan);
        self.network(&mut plan.network);
        self.population(&mut plan);
        self.commands();
        self.faults_of_hosts();
        self.faults_of_clocks();
        self.faults_of_ways();
        self.steps.sort_by_key(|step| step.at);
        plan.steps = std::mem::take(&mut self.steps);
        plan
    }

    fn node_config(&mut self, plan: &mut Plan) {
        let presets = [
            Preset::Adaptive,
            Preset::Adaptive,
            Preset::Early,
            Preset::Late,
        ];
        plan.node_config.preset = self.one_of(&presets);
        plan.node_config.k = self.maybe(0.3, |drawing| drawing.one_of(&[4, 6, 20]));
        plan.node_config.alpha = self.maybe(0.3, |drawing| drawing.one_of(&[1, 2, 8]));
        // What takes hours in a real network takes minutes here.
        plan.node_config.fresh = Some(self.between(MINUTE, 3 * MINUTE));
        plan.node_config.staleness = Some(self.between(4 * MINUTE, 8 * MINUTE));
        plan.node_config.expiry = Some(self.between(10 * MINUTE, 60 * MINUTE));
        plan.node_config.checkpoint = Some(self.between(30 * SECOND, 90 * SECOND));
    }

    fn network(&mut self, network: &mut NetworkConfig) {
        network.latency = match self.below(4) {
            0 => Latency::Geo,
            1 => Latency::Drawn(Span::Constant(30 * MILLI)),
            2 => Latency::Drawn(Span::Uniform {
                from: 10 * MILLI,
                to: 200 * MILLI,
            }),
            _ => network.latency.clone(),
        };
        let loss = self.maybe(0.5, |drawing| drawing.loss());
        network.loss = loss.unwrap_or_default();
        let duplicate = self.maybe(0.3, |drawing| drawing.share(0.1));
        network.duplicate = duplicate.unwrap_or_default();
        let reorder = self.maybe(0.3, |drawing| Reorder {
            chance: drawing.share(0.2),
            hold: Span::Exponential {
                median: drawing.between(5 * MILLI, 200 * MILLI),
            },
        });
        network.reorder = reorder.unwrap_or(Reorder::NONE);
        let jitter = self.maybe(0.3, |drawing| Span::Exponential {
            median: drawing.between(MILLI, 50 * MILLI),
        });
        network.jitter = jitter.unwrap_or(Span::NONE);
        network.access = self.maybe(0.1, |drawing| Access {
            up: 64_000 << drawing.below(4),
            down: 64_000 << drawing.below(4),
            queue: 8_000 << drawing.below(3),
        });
    }

    fn loss(&mut self) -> Loss {
        if self.below(2) == 0 {
            return Loss::Independent(self.share(0.4));
        }
        Loss::Bursty {
            to_bad: self.share(0.1),
            to_good: self.share(0.5),
            in_bad: 0.5 + self.share(0.5),
            in_good: 0.0,
        }
    }

    fn population(&mut self, plan: &mut Plan) {
        let shares = &mut plan.shares;
        let mut some = |most| self.maybe(0.15, |drawing| drawing.share(most));
        shares.dead = some(0.4).unwrap_or_default();
        shares.nat = some(0.5).unwrap_or_default();
        shares.read_only = some(0.4).unwrap_or_default();
        shares.slow = some(0.4).unwrap_or_default();
        shares.early = some(0.5).unwrap_or_default();
        shares.late = some(0.5).unwrap_or_default();
        let kinds = [
            "independent/independent",
            "independent/address",
            "independent/address-port",
            "address-port/address-port,hairpin",
        ];
        plan.nat = self.one_of(&kinds).parse().unwrap_or(NatConfig::default());
        plan.churn = self.maybe(0.2, Self::churn);
    }

    fn churn(&mut self) -> Churn {
        Churn {
            session: Span::Weibull {
                median: self.between(MINUTE, 10 * MINUTE),
                shape: 0.6,
            },
            pause: Span::Exponential {
                median: self.between(SECOND, 5 * MINUTE),
            },
            comeback: self.one_of(&[Comeback::Fresh, Comeback::Same]),
        }
    }

    /// Adds commands throughout the phase, as users would give them.
    fn commands(&mut self) {
        let keys: Vec<Id> = (0..4).map(|_| self.id()).collect();
        for number in 0..12 + self.below(20) {
            let key = self.one_of(&keys);
            let ask = match self.below(12) {
                0 => Ask::Ping(self.host()),
                1 => Ask::FindClose,
                2 | 3 => Ask::FindNode(self.id()),
                4 => Ask::FindValue(key),
                5 | 6 => Ask::Get(key),
                7 => Ask::Join(self.host().into()),
                8 => Ask::Refresh(self.one_of(&[Buckets::All, Buckets::Stale])),
                9 => Ask::AddContact(self.host()),
                _ => {
                    let word = format!("value{}", number % 8);
                    let Ok(value) = Value::new(word) else {
                        continue;
                    };
                    Ask::Put(key, value, self.one_of(&[Keep::Once, Keep::UntilCancelled]))
                }
            };
            let host = self.host().into();
            self.step(Action::Ask(host, ask));
        }
    }

    fn faults_of_hosts(&mut self) {
        for _ in 0..self.times(0.3, 4) {
            let hosts = self.hosts(3);
            let at = self.step(Action::Crash(hosts.clone()));
            let back = at + self.between(SECOND, 3 * MINUTE);
            self.step_at(back, Action::Restart(hosts));
        }
        for _ in 0..self.times(0.15, 2) {
            self.step(Action::Restart(HostSet::all()));
        }
        for _ in 0..self.times(0.2, 3) {
            let (hosts, time) = (self.hosts(4), self.between(100 * MILLI, 2 * MINUTE));
            self.step(Action::Pause(hosts, time));
        }
        for _ in 0..self.times(0.1, 2) {
            let hosts = self.hosts(2);
            self.step(Action::Leave(hosts));
        }
        for _ in 0..self.times(0.2, 6) {
            let (from, to, bytes) = (self.hosts(2), self.hosts(3), self.garbage());
            self.step(Action::Garbage { from, to, bytes });
        }
    }

    fn faults_of_clocks(&mut self) {
        for _ in 0..self.times(0.2, 3) {
            let (hosts, by) = (self.hosts(3), self.between(MILLI, 20 * MINUTE));
            self.step(Action::Jump(hosts, Jump::Forward(by)));
        }
        for _ in 0..self.times(0.15, 3) {
            let (hosts, by) = (self.hosts(3), self.between(MILLI, 2 * MINUTE));
            self.step(Action::Jump(hosts, Jump::Back(by)));
        }
        for _ in 0..self.times(0.2, 3) {
            let (hosts, drift) = (self.hosts(5), self.below(200_000).cast_signed());
            let drift = self.one_of(&[drift, -drift]);
            self.step(Action::Drift(hosts, drift));
        }
    }

    fn faults_of_ways(&mut self) {
        for _ in 0..self.times(0.25, 2) {
            let (hosts, half) = (self.hosts, self.hosts / 2);
            let group = self.hosts(half.max(1));
            let groups = if hosts > 8 && self.below(2) == 0 {
                let other = self.hosts(hosts / 3).without(&group);
                [group, other].into_iter().collect()
            } else {
                vec![group]
            };
            let groups = groups.into_iter().filter(|group| !group.is_empty());
            let at = self.step(Action::Partition(groups.collect()));
            let healed = at + self.between(SECOND, 4 * MINUTE);
            self.step_at(healed, Action::Heal);
        }
        for _ in 0..self.times(0.2, 3) {
            let (from, to) = (self.hosts(3), self.hosts(5));
            let at = self.step(Action::Cut { from, to });
            let healed = at + self.between(SECOND, 4 * MINUTE);
            self.step_at(healed, Action::Heal);
        }
    }

    /// Bytes that begin like a message or not, with some random ones after them.
    fn garbage(&mut self) -> Vec<u8> {
        let starts: [&[u8]; 8] = [
            b"",
            b"d",
            b"d1:ad2:id20:",
            b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t20:bbbbbbbbbbbbbbbbbbbb1:y1:qe",
            b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t20:bbbbbbbbbbbbbbbbbbbb1:y1:re",
            b"d1:eli203e1:xe1:t0:1:y1:ee",
            b"llllllllllllllllllllllllllllllll",
            b"i-0e",
        ];
        let mut bytes = self.one_of(&starts).to_vec();
        for _ in 0..self.below(40) {
            bytes.push(self.below(256) as u8);
        }
        if self.below(3) == 0 && !bytes.is_empty() {
            let at = self.below(u32::try_from(bytes.len()).unwrap_or(1)) as usize;
            bytes[at] ^= 1 << self.below(8);
        }
        bytes
    }

    // ---- dice

    /// Adds a step at some time of the phase, and says when.
    fn step(&mut self, action: Action) -> Duration {
        let at = self.between(SECOND, self.phase);
        self.step_at(at, action);
        at
    }

    /// Adds a step, unless all is over by then.
    fn step_at(&mut self, at: Duration, action: Action) {
        // Nanoseconds would be hard to read.
        let at = Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
        if at < self.phase {
            self.steps.push(Step { at, action });
        }
    }

    /// How often something happens: not at all, unless the dice say so.
    fn times(&mut self, chance: f64, most: u32) -> u32 {
        self.maybe(chance, |drawing| 1 + drawing.below(most))
            .unwrap_or_default()
    }

    fn maybe<T>(&mut self, chance: f64, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let happens = self.draw.chance(Chance::new(chance));
        happens.then(|| some(self))
    }

    fn hosts(&mut self, most: u32) -> HostSet {
        (0..=self.below(most)).map(|_| self.host()).collect()
    }

    fn host(&mut self) -> HostId {
        HostId::new(self.below(self.hosts))
    }

    fn id(&mut self) -> Id {
        let bytes: Vec<u8> = (0..Id::LEN).map(|_| self.below(256) as u8).collect();
        Id::from_slice(&bytes).unwrap_or(Id::new([1; Id::LEN]))
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all[self.below(count) as usize].clone()
    }

    /// A share up to that one, in hundredths.
    fn share(&mut self, most: f64) -> f64 {
        (most * f64::from(1 + self.below(100))).round() / 100.0
    }

    fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let drawn = self.draw.between(from, to);
        Duration::from_millis(u64::try_from(drawn.as_millis()).unwrap_or(u64::MAX)).max(from)
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.draw.below(bound.into())).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, faults};
    use super::*;

    #[test]
    fn plans_make_sense_and_read_the_same() {
        for seed in 0..300 {
            let plan = plan(seed);
            assert_eq!(plan.check(), Ok(()), "seed {seed}");
            assert_eq!(plan.to_string().parse().as_ref(), Ok(&plan), "seed {seed}");
            assert!((5..=60).contains(&plan.hosts.len()));
            assert!(plan.healed >= Some(10 * MINUTE));
        }
    }

    #[test]
    fn every_kind_of_fault_occurs_and_most_plans_have_two() {
        let all: Vec<_> = (0..1000).map(|seed| faults(&plan(seed))).collect();
        for fault in Fault::ALL {
            let count = all.iter().filter(|faults| faults.contains(&fault)).count();
            assert!(count > 40, "{fault}: {count}");
        }
        let two = all.iter().filter(|faults| faults.len() >= 2).count();
        assert!(two > 900, "{two}");
    }
}
