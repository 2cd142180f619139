//! What was asked of nodes, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use khashmir::{Effort, Event, Id, Instant, OpId, Outcome, Place, Role};

use super::population::Population;
use super::quality::Quality;
use crate::host::HostId;
use crate::world::{News, Report};

/// Something that a node was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Read the value of that number.
    Get(u32),
    Join,
    Lookup {
        target: Id,
    },
    /// Store the value of that number.
    Put(u32),
    /// A command of a step of the plan, which counts for no figure.
    Step,
}

impl Task {
    pub(super) const fn is_join(&self) -> bool {
        matches!(self, Self::Join)
    }

    pub(super) const fn is_put(&self) -> bool {
        matches!(self, Self::Put(_))
    }

    pub(super) const fn is_step(&self) -> bool {
        matches!(self, Self::Step)
    }

    /// Whether it is a lookup or a get.
    pub(super) const fn is_read(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::Get(_))
    }
}

/// All that was asked.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    /// Orders that their nodes have not been given yet.
    ordered: BTreeMap<u64, (HostId, Task)>,
    /// With the time at which each began.
    running: BTreeMap<(HostId, OpId), (Task, Instant)>,
    /// With the time at which each was stored.
    stored: Vec<(u32, Instant)>,
    lookups: Vec<Lookup>,
    gets: Gets,
    failed_joins: u64,
    refused: u64,
    cut_off: u64,
}

/// A lookup that is over.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) ended: Instant,
    pub(super) found: Quality,
    pub(super) effort: Effort,
}

/// Gets that are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Gets {
    pub(super) all: u64,
    pub(super) successful: u64,
    pub(super) took: Vec<Duration>,
}

impl RequestLog {
    /// Room that is made for lookups before there are any.
    const ROOM: u32 = 1 << 20;

    /// An empty one, with room for so many lookups, within reason.
    pub(super) fn new(lookups: u32) -> Self {
        Self {
            lookups: Vec::with_capacity(lookups.min(Self::ROOM) as usize),
            ..Self::default()
        }
    }

    /// Notes an order.
    pub(super) fn expect(&mut self, order: u64, host: HostId, task: Task) {
        self.ordered.insert(order, (host, task));
    }

    /// Takes in what the user of a node was told.
    pub(super) fn hear(&mut self, report: Report, population: &Population) {
        let Report {
            at,
            host,
            order,
            news,
        } = report;
        match (news, order.and_then(|order| self.ordered.remove(&order))) {
            (News::Started { op }, Some((_, task))) => {
                self.running.insert((host, op), (task, at));
            }
            (News::Refused(_) | News::Unheard, Some(_)) => self.refused += 1,
            (News::Event(event), _) => {
                if let Event::Ended {
                    op,
                    outcome,
                    effort,
                } = *event
                    && let Some((task, begun)) = self.running.remove(&(host, op))
                {
                    let ended = Ended {
                        host,
                        begun,
                        at,
                        effort,
                    };
                    self.end(task, &outcome, ended, population);
                }
            }
            (News::Started { .. } | News::Refused(_) | News::Unheard, None) => {}
        }
    }

    /// Whether any request of those tasks has not come to its end.
    pub(super) fn is_open(&self, of: fn(&Task) -> bool) -> bool {
        self.ordered.values().any(|(_, task)| of(task))
            || self.running.values().any(|(task, _)| of(task))
    }

    /// A host lost its node: what that was doing comes to no end.
    pub(super) fn forget(&mut self, host: HostId) {
        let before = self.running.len();
        self.running.retain(|(running, _), _| *running != host);
        self.cut_off += (before - self.running.len()) as u64;
    }

    /// The numbers of the values that were stored somewhere, and when; ascending.
    pub(super) fn stored(&self) -> Vec<(u32, Instant)> {
        let mut stored = self.stored.clone();
        stored.sort_unstable();
        stored
    }

    /// What came to no end because the node was gone.
    pub(super) const fn cut_off(&self) -> u64 {
        self.cut_off
    }

    pub(super) fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    pub(super) const fn gets(&self) -> &Gets {
        &self.gets
    }

    /// Joins that ended without a contact.
    pub(super) const fn failed_joins(&self) -> u64 {
        self.failed_joins
    }

    /// Commands that were not accepted.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    fn end(&mut self, task: Task, outcome: &Outcome, ended: Ended, population: &Population) {
        match (task, outcome) {
            (Task::Lookup { target }, outcome) => {
                let found = if let Outcome::Found(places) = outcome {
                    judge(&ended, &target, places, population)
                } else {
                    Quality::Failure
                };
                self.lookups.push(Lookup {
                    ended: ended.at,
                    found,
                    effort: ended.effort,
                });
            }
            (Task::Put(number), Outcome::Stored(places)) if !places.is_empty() => {
                self.stored.push((number, ended.at));
            }
            (Task::Get(_), outcome) => {
                self.gets.all += 1;
                self.gets.successful += u64::from(matches!(outcome, Outcome::Got { values: 1.. }));
                self.gets.took.push(ended.effort.took);
            }
            (Task::Join, Outcome::Join(joined)) if joined.contacts > 0 => {}
            (Task::Join, _) => self.failed_joins += 1,
            (Task::Put(_) | Task::Step, _) => {}
        }
    }
}

/// Something that was asked, and is over.
struct Ended {
    host: HostId,
    begun: Instant,
    at: Instant,
    effort: Effort,
}

/// Compares the result of a lookup with the truth: the K closest nodes that ran, answered and could
/// be reached by all hosts from the beginning of the lookup to its end, and the asking node, if it
/// answers queries. Other nodes may be in the result or not.
fn judge(ended: &Ended, target: &Id, places: &[Place], population: &Population) -> Quality {
    let Some(asker) = population.member(ended.host) else {
        return Quality::Failure;
    };
    let own = asker.id;
    let mut expected = population.closest(target, ended.begun);
    if asker.role != Role::Client && !expected.contains(&own) {
        expected.push(own);
        expected.sort_by_key(|id| target.distance(id));
        expected.truncate(population.k());
    }
    let counts = |place: &&Place| match place {
        Place::Here(_) => true,
        Place::There(contact) => HostId::at(contact.addr)
            .is_some_and(|host| population.was_findable(host, &contact.id, ended.begun)),
    };
    let found: Vec<Id> = places
        .iter()
        .filter(counts)
        .map(|place| *place.id())
        .collect();
    // Nodes that do not count may stand between the others, but the result must be full.
    let full = places.len() >= expected.len();
    if full && !found.is_empty() && expected.starts_with(&found) {
        return Quality::Exact;
    }
    if found.first() == expected.first() {
        Quality::Success
    } else {
        Quality::Failure
    }
}
