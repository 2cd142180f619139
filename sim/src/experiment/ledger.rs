//! What was asked of nodes, and what came of it.

use std::collections::HashMap;
use std::time::Duration;

use khashmir::{Effort, Event, Id, OpId, Outcome, Place};

use super::population::Population;
use crate::host::HostId;
use crate::world::{News, Report};

/// Something that a node was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Get(u32),
    Join,
    Lookup { target: Id },
    Put(u32),
}

/// All that was asked.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Orders that nobody has heard of yet.
    ordered: HashMap<u64, (HostId, Task)>,
    running: HashMap<(HostId, OpId), Task>,
    stored: Vec<u32>,
    lookups: Vec<Lookup>,
    gets: Gets,
    failed_joins: u64,
    refused: u64,
}

/// A lookup that is over.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) found: Found,
    pub(super) effort: Effort,
}

/// How good the result of a lookup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Exactly the K closest.
    Exactly,
    /// The closest, but not exactly the K closest.
    Closest,
    /// Not even the closest.
    Neither,
}

/// Gets that are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Gets {
    pub(super) all: u64,
    pub(super) successful: u64,
    pub(super) took: Vec<Duration>,
}

impl Ledger {
    /// Notes an order.
    pub(super) fn expect(&mut self, order: u64, host: HostId, task: Task) {
        self.ordered.insert(order, (host, task));
    }

    /// Takes in what the user of a node was told.
    pub(super) fn hear(&mut self, report: Report, population: &Population) {
        let Report {
            host, order, news, ..
        } = report;
        match (news, order.and_then(|order| self.ordered.remove(&order))) {
            (News::Started { op }, Some((_, task))) => {
                self.running.insert((host, op), task);
            }
            (News::Refused(_) | News::Unheard, Some(_)) => self.refused += 1,
            (News::Event(event), _) => {
                if let Event::Ended {
                    op,
                    outcome,
                    effort,
                } = *event
                    && let Some(task) = self.running.remove(&(host, op))
                {
                    self.end(host, task, &outcome, effort, population);
                }
            }
            (News::Started { .. } | News::Refused(_) | News::Unheard, None) => {}
        }
    }

    pub(super) fn is_anything_open(&self) -> bool {
        !self.ordered.is_empty() || !self.running.is_empty()
    }

    /// The numbers of the values that were stored somewhere, ascending.
    pub(super) fn stored(&self) -> Vec<u32> {
        let mut stored = self.stored.clone();
        stored.sort_unstable();
        stored
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

    fn end(
        &mut self,
        host: HostId,
        task: Task,
        outcome: &Outcome,
        effort: Effort,
        population: &Population,
    ) {
        match (task, outcome) {
            (Task::Lookup { target }, Outcome::Found(places)) => {
                let found = judge(host, &target, places, population);
                self.lookups.push(Lookup { found, effort });
            }
            (Task::Lookup { .. }, _) => self.lookups.push(Lookup {
                found: Found::Neither,
                effort,
            }),
            (Task::Put(number), Outcome::Stored(places)) if !places.is_empty() => {
                self.stored.push(number);
            }
            (Task::Get(_), outcome) => {
                self.gets.all += 1;
                self.gets.successful += u64::from(matches!(outcome, Outcome::Got { values: 1.. }));
                self.gets.took.push(effort.took);
            }
            (Task::Join, Outcome::Join(joined)) if joined.contacts > 0 => {}
            (Task::Join, _) => self.failed_joins += 1,
            (Task::Put(_), _) => {}
        }
    }
}

/// Holds a result against the truth: the K closest who live, answer, and can be reached by anyone,
/// and whoever asked, if it answers. Others may be found or not.
fn judge(asker: HostId, target: &Id, places: &[Place], population: &Population) -> Found {
    let own = population.id_of(asker);
    let mut expected: Vec<Id> = population
        .findable()
        .closest(target, population.k())
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    if population.serves() && !expected.contains(&own) {
        expected.push(own);
        expected.sort_by_key(|id| target.distance(id));
        expected.truncate(population.k());
    }
    let counts = |place: &&Place| match place {
        Place::Here(_) => true,
        Place::There(contact) => {
            HostId::at(contact.addr).is_some_and(|host| !population.is_behind_nat(host))
        }
    };
    let found: Vec<Id> = places
        .iter()
        .filter(counts)
        .map(|place| *place.id())
        .collect();
    // Those who do not count may stand between the others, but the result must be full.
    let full = places.len() >= expected.len();
    if full && !found.is_empty() && expected.starts_with(&found) {
        return Found::Exactly;
    }
    if found.first() == expected.first() {
        Found::Closest
    } else {
        Found::Neither
    }
}
