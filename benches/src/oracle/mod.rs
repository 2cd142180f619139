//! An oracle of lookups: what a lookup takes that knows its world as well as it can be known, but not
//! who is dead.
//!
//! Where round trips spread widely, a contact that is slow looks like one that is dead, and no rule can
//! tell them apart before one of them answers. This says how much of the time of a lookup that costs,
//! and so how far a real lookup is from what could be reached at all.
//!
//! # What it knows
//!
//! - The share of contacts that live, counted over the tables of all nodes that live: exactly, where a
//!   node has only a handful of calls to learn it from.
//! - How round trips are distributed from the very host that asks: the round trips to all hosts, counted,
//!   where a node has measured some of them and guesses.
//! - The probability that a datagram is lost.
//!
//! From these follows exactly how likely a contact lives that has been silent for so long
//! ([`Belief`]), and nothing else is known of it.
//!
//! # What it does not know
//!
//! - Who is dead, and how far away a contact is, until that answers.
//! - Which contacts others know: it starts from the table of its node, and each answer names the K
//!   closest of the table of the one that was asked, dead ones included, to the target or, as in the
//!   core, to a point beside it. The tables are those of nodes of the real core in the simulated world,
//!   when half of the lookups of a run are over.
//!
//! # What it decides
//!
//! It asks a contact when fewer than K closer ones are to be expected, counting each with the
//! probability that it lives: so a silent contact has a stand-in bit by bit, as it becomes unlikely
//! ([`Rule::beyond`] asks more than that). It ends when the probability that any contact lives which is
//! closer than the K that have answered, and has not, falls below [`Rule::doubt`]: an earlier end would be
//! likelier to be wrong. It sends again where loss is likelier than lateness. Then the rule is swept, and
//! what counts is the fastest of those that are as exact as the lookup beside it.
//!
//! It is a bound for lookups that decide by these probabilities, and no proof for all: a rule that
//! weighs what each single answer might still name could be faster by a little. But it is told what no
//! node can measure.

mod belief;
mod walk;
mod world;

pub use belief::Belief;
pub use walk::Walk;
pub use world::World;

use std::fmt;
use std::time::Duration;

use khashmir::Id;
use khashmir_sim::host::HostId;

/// How an oracle decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Below this probability that a contact lives which belongs into the result, and has not answered,
    /// a lookup ends.
    pub doubt: f64,
    /// How many queries that will be answered are in flight at most, to be expected.
    pub alpha: f64,
    /// Which contacts are asked beyond the K closest to be expected: each may name one that is closer.
    pub beyond: Beyond,
}

/// Contacts beyond the K closest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beyond {
    /// So many more are asked, and the lookup does not wait for them.
    Asked(u32),
    /// So many more are asked, and the lookup waits for them as for the others.
    Awaited(u32),
}

impl Beyond {
    /// How many more are asked.
    pub(crate) const fn asked(self) -> u32 {
        match self {
            Self::Asked(count) | Self::Awaited(count) => count,
        }
    }

    /// How many more are waited for.
    pub(crate) const fn awaited(self) -> u32 {
        match self {
            Self::Asked(_) => 0,
            Self::Awaited(count) => count,
        }
    }
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Asked(0) | Self::Awaited(0) => "none".to_owned(),
            Self::Asked(count) => format!("{count} asked"),
            Self::Awaited(count) => format!("{count} awaited"),
        })
    }
}

impl Rule {
    /// The rules that are tried: doubts from seven in ten to one in a thousand, alphas from that of the
    /// core to none, and contacts beyond the K closest from none to twice as many.
    #[must_use]
    pub fn all() -> Vec<Self> {
        const DOUBTS: [f64; 7] = [0.7, 0.5, 0.3, 0.1, 0.03, 0.01, 0.001];
        const ALPHAS: [f64; 3] = [4.0, 8.0, f64::INFINITY];
        const BEYOND: [Beyond; 6] = [
            Beyond::Asked(0),
            Beyond::Asked(4),
            Beyond::Asked(8),
            Beyond::Asked(16),
            Beyond::Awaited(4),
            Beyond::Awaited(8),
        ];
        let mut rules = Vec::new();
        for alpha in ALPHAS {
            for beyond in BEYOND {
                rules.extend(DOUBTS.map(|doubt| Self {
                    doubt,
                    alpha,
                    beyond,
                }));
            }
        }
        rules
    }
}

/// What the lookups of an oracle took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// How it decided.
    pub rule: Rule,
    /// The share of lookups that found exactly the K closest that live.
    pub exact: f64,
    /// The share of lookups to which one of these was named by nobody who was asked.
    pub unnamed: f64,
    /// Half took no longer.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
    /// Queries of a lookup, resends not counted, as a mean.
    pub queries: f64,
}

impl Outcome {
    /// What these lookups took, none for none.
    fn of(rule: Rule, walks: &[Walk]) -> Option<Self> {
        let count = walks.len() as f64;
        let mut took: Vec<Duration> = walks.iter().map(|walk| walk.took).collect();
        took.sort_unstable();
        let rank = |percent: usize| {
            let rank = (took.len() * percent).div_ceil(100).checked_sub(1)?;
            took.get(rank).copied()
        };
        Some(Self {
            rule,
            exact: walks.iter().filter(|walk| walk.exact).count() as f64 / count,
            unnamed: walks.iter().filter(|walk| walk.unnamed).count() as f64 / count,
            p50: rank(50)?,
            p90: rank(90)?,
            p99: rank(99)?,
            queries: walks
                .iter()
                .map(|walk| f64::from(walk.queries))
                .sum::<f64>()
                / count,
        })
    }

    /// What lookups of these nodes for these targets take under each rule.
    ///
    /// Each node is asked for the target beside it.
    #[must_use]
    pub fn all(world: &World, asked: &[(HostId, Id)]) -> Vec<Self> {
        let beliefs: Vec<Belief> = asked
            .iter()
            .map(|(host, _)| {
                let trips = world.round_trips(*host);
                Belief::new(world.share_alive(), world.loss(), &trips)
            })
            .collect();
        let of_rule = |rule: Rule| {
            let walks = asked.iter().zip(&beliefs);
            let walks = walks.filter_map(|((host, target), belief)| {
                Walk::new(world, belief, rule, *host, *target)
            });
            Self::of(rule, &walks.collect::<Vec<_>>())
        };
        Rule::all().into_iter().filter_map(of_rule).collect()
    }

    /// The fastest at the median of those that are at least that exact, with so many queries at most.
    #[must_use]
    pub fn fastest(all: &[Self], exact: f64, queries: f64) -> Option<&Self> {
        let fit = all
            .iter()
            .filter(|it| it.exact >= exact && it.queries <= queries);
        fit.min_by(|a, b| (a.p50, a.p90).cmp(&(b.p50, b.p90)))
    }

    /// Those that no other beats at once in exactness, median and queries, the least exact first.
    #[must_use]
    pub fn frontier(all: &[Self]) -> Vec<Self> {
        let beaten = |it: &Self| {
            all.iter().any(|other| {
                let as_good =
                    other.exact >= it.exact && other.p50 <= it.p50 && other.queries <= it.queries;
                let better =
                    other.exact > it.exact || other.p50 < it.p50 || other.queries < it.queries;
                as_good && better
            })
        };
        let mut frontier: Vec<Self> = all.iter().filter(|it| !beaten(it)).copied().collect();
        frontier.sort_by(|a, b| a.exact.total_cmp(&b.exact).then(a.p50.cmp(&b.p50)));
        // Rules may come to the same.
        frontier.dedup_by_key(|it| (it.exact.to_bits(), it.p50, it.queries.to_bits()));
        frontier
    }
}
