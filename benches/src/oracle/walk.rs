//! A lookup by an oracle, tick by tick.

use std::time::Duration;

use khashmir::{Contact, Id, Node};
use khashmir_sim::host::HostId;
use khashmir_sim::random::{Chance, Draw, topic};

use super::belief::TICK;
use super::{Belief, Rule, World};

/// What a lookup took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// How long it took.
    pub took: Duration,
    /// Queries, resends not counted.
    pub queries: u32,
    /// Whether it found exactly the K closest that live.
    pub exact: bool,
    /// Whether one of these was named by nobody who was asked: waiting for longer would not find it.
    pub unnamed: bool,
}

/// A contact that is known, by what was done about it.
struct Known {
    id: Id,
    host: Option<HostId>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Since then, about whose surroundings, and when the answer comes, if one comes.
    Asked {
        since: Duration,
        about: Id,
        answer: Option<Duration>,
    },
    Answered,
}

/// A lookup under way.
struct Lookup<'w> {
    world: &'w World,
    belief: &'w Belief,
    rule: Rule,
    asker: HostId,
    target: Id,
    chance: Draw,
    k: usize,
    /// By distance, the closest first.
    known: Vec<Known>,
    queries: u32,
}

impl Walk {
    /// No lookup takes longer: it ends with what it has.
    const LONGEST: Duration = Duration::from_secs(60);

    /// A lookup by the node of a host, which has that belief in contacts that are silent. `None` if the
    /// host is dead.
    #[must_use]
    pub fn new(
        world: &World,
        belief: &Belief,
        rule: Rule,
        asker: HostId,
        target: Id,
    ) -> Option<Self> {
        let node = world.node(asker)?;
        let name = [topic("oracle/loss"), asker.number().into()];
        let mut lookup = Lookup {
            world,
            belief,
            rule,
            asker,
            target,
            chance: Draw::new(world.seed(), &name),
            k: world.k(),
            known: Vec::new(),
            queries: 0,
        };
        lookup.learn(node.contacts());
        lookup.known.push(Known {
            id: node.id(),
            host: Some(asker),
            state: State::Answered,
        });
        lookup.sort();
        let mut now = Duration::ZERO;
        while !lookup.is_over(now) && now < Self::LONGEST {
            lookup.ask(now);
            now += TICK;
            lookup.hear(now);
        }
        let closest = world.closest(&target);
        let is_known = |id: &Id| lookup.known.iter().any(|known| known.id == *id);
        Some(Self {
            took: now,
            queries: lookup.queries,
            exact: lookup.found() == closest,
            unnamed: !closest.iter().all(is_known),
        })
    }
}

impl Lookup<'_> {
    /// Contacts beyond so many closer ones are of no use, for half of those live.
    const KNOWN: usize = 64;

    /// So many that are closer have answered before a contact is asked about its own side of the tree.
    const INFORMED: usize = 2;

    fn learn(&mut self, contacts: impl Iterator<Item = Contact>) {
        for contact in contacts {
            if self.known.iter().all(|known| known.id != contact.id) {
                self.known.push(Known {
                    id: contact.id,
                    host: HostId::at(contact.addr),
                    state: State::Waiting,
                });
            }
        }
    }

    fn sort(&mut self) {
        let target = self.target;
        self.known.sort_by_key(|known| target.distance(&known.id));
        self.known.truncate(Self::KNOWN);
    }

    /// The probability that a contact lives, as far as can be known.
    fn alive(&self, known: &Known, now: Duration) -> f64 {
        match known.state {
            State::Answered => 1.0,
            State::Waiting => self.world.share_alive(),
            State::Asked { since, .. } => self.belief.alive(now - since),
        }
    }

    /// Whether it is likely enough that nobody lives who is closer than the K that have answered.
    fn is_over(&self, now: Duration) -> bool {
        let awaited = self.k + self.rule.beyond.awaited() as usize;
        let mut answered = 0;
        let mut all_dead = 1.0;
        for known in &self.known {
            if known.state == State::Answered {
                answered += 1;
            } else {
                all_dead *= 1.0 - self.alive(known, now);
            }
            if 1.0 - all_dead >= self.rule.doubt {
                return false;
            }
            if answered == awaited {
                return true;
            }
        }
        true
    }

    /// Asks contacts, closest first, while fewer than K closer ones and fewer than alpha answers are to
    /// be expected.
    fn ask(&mut self, now: Duration) {
        let in_flight = |known: &&Known| matches!(known.state, State::Asked { .. });
        let flying = self.known.iter().filter(in_flight);
        let mut flying: f64 = flying.map(|known| self.alive(known, now)).sum();
        let wanted = self.k as f64 + f64::from(self.rule.beyond.asked());
        let mut closer = 0.0;
        for place in 0..self.known.len() {
            // Rounding must not keep the last of those that are wanted from being asked.
            if closer > wanted - 1e-9 {
                break;
            }
            let alive = self.alive(&self.known[place], now);
            if self.known[place].state == State::Waiting {
                if flying + alive > self.rule.alpha && flying > 0.0 {
                    break;
                }
                self.known[place].state = State::Asked {
                    since: now,
                    about: self.about(place),
                    answer: self.answer(place, now),
                };
                self.queries += 1;
                flying += alive;
            }
            closer += alive;
        }
    }

    /// What a contact is asked about, as in the core: once some who are closer have answered, a contact
    /// that is farther away is asked about the point closest to the target on its own side of the tree,
    /// where it knows best, and can name those that the dead crowd out elsewhere.
    fn about(&self, place: usize) -> Id {
        let closer = self.known.iter().take(place);
        let answered = closer.filter(|known| known.state == State::Answered);
        if answered.count() < Self::INFORMED {
            return self.target;
        }
        let shared = self.target.common_prefix(&self.known[place].id);
        let mut bytes = *self.target.as_bytes();
        if let Some(byte) = bytes.get_mut(shared / 8) {
            *byte ^= 0x80 >> (shared % 8);
        }
        Id::new(bytes)
    }

    /// When the answer of a contact to datagrams from now on comes, if one does.
    fn answer(&mut self, place: usize, now: Duration) -> Option<Duration> {
        let host = self.known[place].host?;
        self.world.node(host)?;
        let round_trip = self.world.round_trip(self.asker, host);
        let loss = Chance::new(self.world.loss());
        let mut first = None;
        for sent in self.belief.sends() {
            let lost = [(); 2].map(|()| self.chance.chance(loss));
            if first.is_none() && lost == [false, false] {
                first = Some(now + *sent + round_trip);
            }
        }
        first
    }

    /// Takes in the answers that have come.
    fn hear(&mut self, now: Duration) {
        let mut named = Vec::new();
        for known in &mut self.known {
            if let State::Asked { answer, about, .. } = known.state
                && answer.is_some_and(|at| at <= now)
            {
                known.state = State::Answered;
                let node = known.host.and_then(|host| self.world.node(host));
                named.extend(
                    node.into_iter()
                        .flat_map(|node: &Node| node.closest(&about)),
                );
            }
        }
        if !named.is_empty() {
            self.learn(named.into_iter());
            self.sort();
        }
    }

    fn found(&self) -> Vec<Id> {
        let answered = self
            .known
            .iter()
            .filter(|known| known.state == State::Answered);
        answered.take(self.k).map(|known| known.id).collect()
    }
}
