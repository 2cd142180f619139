//! What was asked of nodes, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use khashmir::{Event, Id, Instant, OpId, Outcome, Place, QueryStats, Role, Value};

use super::population::Population;
use super::quality::Quality;
use super::values;
use crate::checks::{Check, Violation};
use crate::host::HostId;
use crate::world::{News, Report};

/// Something that a node was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Read the value of that number.
    Get(u32),
    /// Read what a step of the plan expects, which has that place among all of that kind.
    Expect(usize),
    Join,
    /// Store a value, and keep it stored.
    Keep,
    Lookup {
        target: Id,
    },
    /// Store the value of that number.
    Put(u32),
    /// Read the value of that number, which is kept.
    Read(u32),
    /// A command of a step of the plan, which counts for no figure.
    Step,
}

impl Task {
    pub(super) const fn is_join(&self) -> bool {
        matches!(self, Self::Join)
    }

    pub(super) const fn is_put(&self) -> bool {
        matches!(self, Self::Put(_) | Self::Keep)
    }

    pub(super) const fn is_step(&self) -> bool {
        matches!(self, Self::Step | Self::Expect(_))
    }

    /// Whether it is a lookup, a get, or a read of what is kept.
    pub(super) const fn is_read(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::Get(_) | Self::Read(_))
    }
}

/// All that was asked.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    /// Orders that their nodes have not been given yet.
    ordered: BTreeMap<u64, (HostId, Task)>,
    running: BTreeMap<(HostId, OpId), Running>,
    /// With the time at which each was stored.
    stored: Vec<(u32, Instant)>,
    lookups: Vec<Lookup>,
    unjudged: u64,
    gets: Gets,
    reads: Vec<Read>,
    bytes: u64,
    /// What steps of the plan expect gets to find.
    expected: Vec<(Id, Value)>,
    violations: Vec<Violation>,
    failed_joins: u64,
    refused: u64,
    cut_off: u64,
}

/// A lookup that is over.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) ended: Instant,
    pub(super) found: Quality,
    pub(super) query_stats: QueryStats,
}

/// Something that was begun.
#[derive(Clone, Copy, Debug)]
struct Running {
    task: Task,
    begun: Instant,
    brought: Brought,
    /// How long it took until the first values came, if any have.
    first_values: Option<Duration>,
}

/// Whether a get has brought the value that was put: a value that another host made up is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brought {
    Nothing,
    TheValue,
}

/// A read of a kept value that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) ended: Instant,
    pub(super) found: bool,
    pub(super) took: Duration,
}

/// Gets that are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Gets {
    pub(super) successful: u64,
    pub(super) took: Vec<Duration>,
    /// How long those that brought values took to bring the first.
    pub(super) to_first_value: Vec<Duration>,
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

    /// The task of a get that has to find that value.
    pub(super) fn expect_value(&mut self, key: Id, value: &Value) -> Task {
        self.expected.push((key, value.clone()));
        Task::Expect(self.expected.len() - 1)
    }

    /// What gets did not find that they had to.
    pub(super) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
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
                let running = Running {
                    task,
                    begun: at,
                    brought: Brought::Nothing,
                    first_values: None,
                };
                self.running.insert((host, op), running);
            }
            (News::Refused(_) | News::Unheard, Some((_, task))) => {
                self.refused += 1;
                self.miss(at, host, task);
            }
            (News::Event(event), _) => self.told(host, at, *event, population),
            (News::Started { .. } | News::Refused(_) | News::Unheard, None) => {}
        }
    }

    fn told(&mut self, host: HostId, at: Instant, event: Event, population: &Population) {
        match event {
            Event::Values { op, values, .. } => {
                let Some(running) = self.running.get_mut(&(host, op)) else {
                    return;
                };
                if !values.is_empty() {
                    let took = at.since(running.begun);
                    running.first_values.get_or_insert(took);
                }
                if wanted(running.task, &self.expected).is_some_and(|it| values.contains(&it)) {
                    running.brought = Brought::TheValue;
                }
            }
            Event::Ended {
                op,
                outcome,
                query_stats,
            } => {
                if let Some(running) = self.running.remove(&(host, op)) {
                    let ended = Ended {
                        host,
                        running,
                        at,
                        query_stats,
                    };
                    self.end(&outcome, ended, population);
                }
            }
            Event::Alone
            | Event::BootstrapWanted
            | Event::Checkpoint
            | Event::CopiesLost { .. }
            | Event::FewPrefixes
            | Event::Kept { .. }
            | Event::Online { .. } => {}
            _ => {}
        }
    }

    /// Whether any request of those tasks has not come to its end.
    pub(super) fn is_open(&self, of: fn(&Task) -> bool) -> bool {
        self.ordered.values().any(|(_, task)| of(task))
            || self.running.values().any(|running| of(&running.task))
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

    /// Lookups for which there was no node to find but the asking one.
    pub(super) const fn unjudged(&self) -> u64 {
        self.unjudged
    }

    pub(super) const fn gets(&self) -> &Gets {
        &self.gets
    }

    /// Reads of kept values that are over, in the order in which they ended.
    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Bytes that lookups, gets and reads sent and received, of those that are over.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Joins that ended without a contact.
    pub(super) const fn failed_joins(&self) -> u64 {
        self.failed_joins
    }

    /// Commands that were not accepted.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// A get that has to find a value has not.
    fn miss(&mut self, at: Instant, host: HostId, task: Task) {
        if let Task::Expect(place) = task
            && let Some((key, value)) = self.expected.get(place)
        {
            let word = String::from_utf8_lossy(value.as_bytes());
            self.violations.push(Violation {
                at,
                host: Some(host),
                check: Check::Found,
                what: format!("get {key} does not find {word}"),
            });
        }
    }

    fn end(&mut self, outcome: &Outcome, ended: Ended, population: &Population) {
        let Running { task, brought, .. } = ended.running;
        if task.is_read() {
            self.bytes += ended.query_stats.bytes;
        }
        match (task, outcome) {
            (Task::Lookup { target }, outcome) => {
                let places = if let Outcome::Found(places) = outcome {
                    &places[..]
                } else {
                    &[]
                };
                match judge(&ended, &target, places, population) {
                    Some(found) => self.lookups.push(Lookup {
                        ended: ended.at,
                        found,
                        query_stats: ended.query_stats,
                    }),
                    None => self.unjudged += 1,
                }
            }
            (Task::Put(number), Outcome::Stored(places)) if !places.is_empty() => {
                self.stored.push((number, ended.at));
            }
            (Task::Read(_), _) => self.reads.push(Read {
                ended: ended.at,
                found: brought == Brought::TheValue,
                took: ended.query_stats.took,
            }),
            (Task::Expect(_), _) => {
                if brought == Brought::Nothing {
                    self.miss(ended.at, ended.host, task);
                }
            }
            (Task::Get(_), _) => {
                self.gets.successful += u64::from(brought == Brought::TheValue);
                self.gets.took.push(ended.query_stats.took);
                self.gets.to_first_value.extend(ended.running.first_values);
            }
            (Task::Join, Outcome::Join(joined)) if joined.contacts > 0 => {}
            (Task::Join, _) => self.failed_joins += 1,
            (Task::Put(_) | Task::Keep | Task::Step, _) => {}
        }
    }
}

/// The value that a get is to bring.
fn wanted(task: Task, expected: &[(Id, Value)]) -> Option<Value> {
    match task {
        Task::Get(number) | Task::Read(number) => Some(values::value(number)),
        Task::Expect(place) => expected.get(place).map(|(_, value)| value.clone()),
        Task::Join | Task::Keep | Task::Lookup { .. } | Task::Put(_) | Task::Step => None,
    }
}

/// Something that was asked, and is over.
struct Ended {
    host: HostId,
    running: Running,
    at: Instant,
    query_stats: QueryStats,
}

/// Compares the result of a lookup with the truth: the K closest nodes that ran, answered and could
/// be reached by all hosts from the beginning of the lookup to its end, and the asking node, if it
/// answers queries. Other nodes may be in the result or not, but they must exist: an identity that
/// no host had while the lookup went on is no result.
///
/// `None` if there was no node to find but the asking one.
fn judge(ended: &Ended, target: &Id, places: &[Place], population: &Population) -> Option<Quality> {
    let begun = ended.running.begun;
    let asker = population.member(ended.host)?;
    let mut expected = population.closest(target, begun);
    expected.iter().find(|id| **id != asker.id)?;
    if asker.role != Role::Client && !expected.contains(&asker.id) {
        expected.push(asker.id);
        expected.sort_by_key(|id| target.distance(id));
        expected.truncate(population.k());
    }
    let at = |place: &Place, holds: &dyn Fn(HostId, &Id) -> bool| match place {
        Place::Here(_) => true,
        Place::There(contact) => {
            HostId::at(contact.addr).is_some_and(|host| holds(host, &contact.id))
        }
    };
    let found: Vec<Id> = places
        .iter()
        .filter(|place| at(place, &|host, id| population.was_findable(host, id, begun)))
        .map(|place| *place.id())
        .collect();
    let all_exist = places
        .iter()
        .all(|place| at(place, &|host, id| population.was_there(host, id, begun)));
    // Nodes that may be found or not may stand between the others, but a result that is not full
    // must hold all others, and a full one all that are closer than its last.
    let reach = places.last().map(|place| target.distance(place.id()));
    let is_full = places.len() >= population.k();
    expected.retain(|id| !is_full || Some(target.distance(id)) <= reach);
    Some(if all_exist && found == expected {
        Quality::Exact
    } else if !found.is_empty() && found.first() == expected.first() {
        Quality::Success
    } else {
        Quality::Failure
    })
}
