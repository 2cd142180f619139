//! The bounds that a curve is held to, all in one table.

use std::fmt;
use std::time::Duration;

use super::{Curve, Trouble, World};

/// What a bound is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The share of lookups that find the closest node, at least, in percent.
    Found,
    /// The share of lookups that find exactly the K closest, at least, in percent.
    Exact,
    /// The median beside that of the same world without the trouble, at most.
    P50,
    /// The 99th percentile beside that of the same world without the trouble, at most.
    P99,
    /// The median beside that of any larger share of the dead, at most.
    Hump,
    /// Queries beside those of the plain walk with alpha 4 and nobody dead, at most.
    Queries,
    /// Bytes that a node sends a second, without headers, at most.
    Bytes,
    /// The time to the first value of gets beside that of lookups, at the median, at most.
    FirstValue,
}

impl Quantity {
    const fn is_floor(self) -> bool {
        matches!(self, Self::Found | Self::Exact)
    }

    fn of(self, curve: &Curve, world: &World) -> Option<f64> {
        let figures = curve.figures(world)?;
        let fair = world.fair();
        match self {
            Self::Found => Some(figures.found * 100.0),
            Self::Exact => Some(figures.exact * 100.0),
            Self::P50 => curve.ratio(world, &fair, |of| of.p50.as_secs_f64()),
            Self::P99 => curve.ratio(world, &fair, |of| of.p99.as_secs_f64()),
            Self::Hump => curve.hump(world),
            Self::Queries => curve.ratio(world, &world.plain(), |of| of.queries),
            Self::Bytes => Some(figures.bytes),
            Self::FirstValue => {
                let first = figures.first_value?.as_secs_f64();
                Some(first / figures.p50.as_secs_f64())
            }
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Found => "found the closest, %",
            Self::Exact => "exact, %",
            Self::P50 => "p50 / fair's",
            Self::P99 => "p99 / fair's",
            Self::Hump => "p50 / a larger share's",
            Self::Queries => "queries / plain walk's",
            Self::Bytes => "bytes a second and node",
            Self::FirstValue => "first value / lookup's p50",
        })
    }
}

/// A bound, and the worlds that it is for.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What is bounded.
    pub quantity: Quantity,
    /// The worlds, in words.
    pub worlds: &'static str,
    /// Whether a world of the `adaptive` preset is one of them.
    pub covers: fn(&World) -> bool,
    /// What has to hold.
    pub holds: f64,
    /// What is to be reached.
    pub reach: f64,
}

const fn bound(
    quantity: Quantity,
    worlds: &'static str,
    covers: fn(&World) -> bool,
    holds: f64,
    reach: f64,
) -> Bound {
    Bound {
        quantity,
        worlds,
        covers,
        holds,
        reach,
    }
}

/// Every bound: the first number is what the code is held to, the second what it is to reach. This is
/// the one place in which they are tightened; the guard says by how much each could be.
#[rustfmt::skip]
pub const BOUNDS: &[Bound] = &[
    bound(Quantity::Exact,      "fair",                      |of| of.trouble == Trouble::NONE,                                100.0, 100.0),
    bound(Quantity::Queries,    "fair",                      |of| of.trouble == Trouble::NONE && of.nodes >= LARGE,             1.3, 1.3),
    bound(Quantity::FirstValue, "fair",                      |of| of.trouble == Trouble::NONE,                                  1.5, 1.1),
    bound(Quantity::P50,        "1 to 50 % dead",            |of| dead(of, 1, 500),                                             4.5, 1.6),
    bound(Quantity::Hump,       "1 to 50 % dead",            |of| dead(of, 1, 500),                                             2.2, 1.15),
    bound(Quantity::P99,        "1 to 50 % dead",            |of| dead(of, 1, 500),                                             8.0, 2.0),
    bound(Quantity::Queries,    "1 to 50 % dead",            |of| dead(of, 1, 500),                                             5.0, 4.0),
    bound(Quantity::Exact,      "1 to 20 % dead",            |of| dead(of, 1, 200),                                            92.0, 99.0),
    bound(Quantity::Exact,      "20 to 50 % dead",           |of| dead(of, 201, 500),                                          70.0, 97.0),
    bound(Quantity::P50,        "5 to 100 nodes, 10 % dead", small,                                                             4.0, 1.6),
    bound(Quantity::Exact,      "5 to 100 nodes, 10 % dead", small,                                                            95.0, 99.0),
    bound(Quantity::P50,        "1 % loss",                  |of| loss(of, 0.01),                                               1.2, 1.1),
    bound(Quantity::P50,        "2 % loss",                  |of| loss(of, 0.02),                                               1.3, 1.15),
    bound(Quantity::P50,        "5 % loss",                  |of| loss(of, 0.05),                                               2.0, 1.4),
    bound(Quantity::P50,        "10 % loss",                 |of| loss(of, 0.10),                                               2.6, 2.0),
    bound(Quantity::Exact,      "1 % loss",                  |of| loss(of, 0.01),                                              99.5, 99.9),
    bound(Quantity::Exact,      "2 % loss",                  |of| loss(of, 0.02),                                              99.5, 99.9),
    bound(Quantity::Exact,      "5 % loss",                  |of| loss(of, 0.05),                                              98.0, 99.5),
    bound(Quantity::Exact,      "10 % loss",                 |of| loss(of, 0.10),                                              90.0, 99.0),
    bound(Quantity::Exact,      "bursty loss",               bursty,                                                           88.0, 99.0),
    bound(Quantity::Found,      "5 % loss and 30 % dead",    both,                                                             92.0, 99.9),
    bound(Quantity::Exact,      "5 % loss and 30 % dead",    both,                                                             55.0, 95.0),
    bound(Quantity::Found,      "churn of 5 and 20 min",     |of| churn(of, 5 * 60) || churn(of, 20 * 60),                     99.0, 99.9),
    bound(Quantity::Exact,      "churn of 20 min",           |of| churn(of, 20 * 60),                                          93.0, 97.0),
    bound(Quantity::Exact,      "churn of 5 min",            |of| churn(of, 5 * 60),                                           86.0, 95.0),
    bound(Quantity::Found,      "churn of 84 s",             |of| churn(of, 84),                                               90.0, 99.0),
    bound(Quantity::Bytes,      "churn of 84 s",             |of| churn(of, 84),                                             1800.0, 900.0),
];

fn dead(world: &World, from: u32, to: u32) -> bool {
    world.nodes >= LARGE && is_dead(world, from, to)
}

fn is_dead(world: &World, from: u32, to: u32) -> bool {
    matches!(world.trouble, Trouble::Dead(share) if (from..=to).contains(&share))
}

/// A network in which a table does not hold every node.
const LARGE: u32 = 1000;

fn small(world: &World) -> bool {
    world.nodes < LARGE && is_dead(world, 1, 100)
}

fn loss(world: &World, share: f64) -> bool {
    world.trouble == Trouble::Loss(khashmir_sim::network::Loss::Independent(share))
}

const fn bursty(world: &World) -> bool {
    matches!(
        world.trouble,
        Trouble::Loss(khashmir_sim::network::Loss::Bursty { .. })
    )
}

const fn both(world: &World) -> bool {
    matches!(world.trouble, Trouble::LossAndDead(..))
}

fn churn(world: &World, seconds: u64) -> bool {
    world.trouble == Trouble::Churn(Duration::from_secs(seconds))
}

/// What a curve says of a bound.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The bound.
    pub bound: &'static Bound,
    /// The figure of the world that comes worst off.
    pub worst: f64,
    /// That world.
    pub world: World,
}

impl Verdict {
    /// Whether the bound holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.keeps(self.bound.holds)
    }

    /// Whether what is to be reached is reached.
    #[must_use]
    pub fn reaches(&self) -> bool {
        self.keeps(self.bound.reach)
    }

    fn keeps(&self, limit: f64) -> bool {
        if self.bound.quantity.is_floor() {
            self.worst >= limit
        } else {
            self.worst <= limit
        }
    }
}

/// A line: the bound, the worst figure, and what is broken.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bound {
            quantity,
            worlds,
            holds,
            reach,
            ..
        } = self.bound;
        let word = match (self.holds(), self.reaches()) {
            (false, _) => "BROKEN",
            (true, true) => "reached",
            (true, false) => "holds",
        };
        write!(
            f,
            "{quantity:<26} {worlds:<26} {holds:>7} {reach:>7} {:>8.2}  {word:<8} ({} nodes, {}, {})",
            self.worst, self.world.nodes, self.world.latency, self.world.trouble
        )
    }
}

/// Holds the worlds of the `adaptive` preset against each bound. A bound that no world of the curve is
/// for has no verdict.
#[must_use]
pub fn judge(curve: &Curve) -> Vec<Verdict> {
    let worlds = || {
        let worlds = curve.points.iter().map(|point| &point.world);
        worlds.filter(|world| world.preset == khashmir_sim::plan::Preset::Adaptive)
    };
    let verdict = |bound: &'static Bound| {
        let figures = worlds()
            .filter(|world| (bound.covers)(world))
            .filter_map(|world| Some((bound.quantity.of(curve, world)?, world)));
        let worse = |a: f64, b: f64| {
            if bound.quantity.is_floor() {
                a < b
            } else {
                a > b
            }
        };
        let worst = figures.reduce(|worst, next| if worse(next.0, worst.0) { next } else { worst });
        worst.map(|(worst, world)| Verdict {
            bound,
            worst,
            world: world.clone(),
        })
    };
    BOUNDS.iter().filter_map(verdict).collect()
}
