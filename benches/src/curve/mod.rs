//! The curve of lookups: what they take over the share of the dead, over losses and over churn.
//!
//! Every lookup is the first of the node that makes it, and all worlds stand as if they had lived for
//! long. All times are virtual, and equal worlds give equal figures on every machine. Beside each
//! figure stands its ratio to that of the same world without the trouble.

mod bounds;
mod grid;
mod measure;
mod plot;
mod table;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use khashmir_sim::network::{Latency, Loss};
use khashmir_sim::plan::Preset;

pub use bounds::{BOUNDS, Bound, Quantity, Verdict, judge};
pub use grid::{Grid, guarded};
pub use measure::{Figures, Sample, measure};
pub use plot::plot;
pub use table::{table, tsv};

/// What a network suffers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// Hosts die, and stay listed in the tables of others: so many of a thousand, none in fair weather.
    Dead(u32),
    /// Datagrams are lost, both ways.
    Loss(Loss),
    /// Datagrams are lost, and so many hosts of a thousand die.
    LossAndDead(Loss, u32),
    /// Hosts come and go as new nodes, with sessions and pauses of that median.
    Churn(Duration),
}

impl Trouble {
    /// No trouble at all.
    pub const NONE: Self = Self::Dead(0);
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |per_mille: u32| f64::from(per_mille) / 10.0;
        let loss = |loss: &Loss| match loss {
            Loss::None => "no loss".to_owned(),
            Loss::Independent(share) => format!("{} % loss", share * 100.0),
            Loss::Bursty { .. } => "bursty loss".to_owned(),
        };
        f.pad(&match self {
            Self::Dead(0) => "none".to_owned(),
            Self::Dead(per_mille) => format!("{} % dead", percent(*per_mille)),
            Self::Loss(share) => loss(share),
            Self::LossAndDead(share, per_mille) => {
                format!("{}, {} % dead", loss(share), percent(*per_mille))
            }
            Self::Churn(session) => {
                format!("churn {}", khashmir_sim::duration::format(*session))
            }
        })
    }
}

/// A world, and the settings of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Hosts, those that die or are away included.
    pub nodes: u32,
    /// How long datagrams are on their way.
    pub latency: Latency,
    /// What the network suffers.
    pub trouble: Trouble,
    /// The settings of all nodes.
    pub preset: Preset,
}

impl World {
    /// The same world without the trouble.
    #[must_use]
    pub fn fair(&self) -> Self {
        Self {
            trouble: Trouble::NONE,
            ..self.clone()
        }
    }

    /// The fair world in which lookups are plain walks with alpha 4, those of the original.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self {
            preset: Preset::Early,
            ..self.fair()
        }
    }
}

/// A world, and what lookups took in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The world.
    pub world: World,
    /// The figures; none if there was no lookup to be judged.
    pub figures: Option<Figures>,
}

/// Points, each world once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// In the order in which they are shown.
    pub points: Vec<Point>,
}

impl Curve {
    /// The figures of a world, if it is a point of this curve.
    #[must_use]
    pub fn figures(&self, world: &World) -> Option<&Figures> {
        let point = self.points.iter().find(|point| point.world == *world);
        point.and_then(|point| point.figures.as_ref())
    }

    /// How much a figure of a world is of the same in another world.
    #[must_use]
    pub fn ratio(
        &self,
        world: &World,
        other: &World,
        figure: impl Fn(&Figures) -> f64,
    ) -> Option<f64> {
        let beside = figure(self.figures(other)?);
        (beside > 0.0).then_some(figure(self.figures(world)?) / beside)
    }

    /// How much slower lookups of a world are, at the median, than those of any world with a larger
    /// share of the dead: above 1 the curve has a hump. None where the world is no such point, or has
    /// the largest share.
    #[must_use]
    pub fn hump(&self, world: &World) -> Option<f64> {
        let Trouble::Dead(share) = world.trouble else {
            return None;
        };
        let own = self.figures(world)?.p50.as_secs_f64();
        let larger = self.points.iter().filter_map(|point| {
            let Trouble::Dead(other) = point.world.trouble else {
                return None;
            };
            let alike = point.world.fair() == world.fair() && other > share;
            let figures = point.figures.as_ref().filter(|_| alike)?;
            Some(figures.p50.as_secs_f64())
        });
        let fastest = larger.reduce(f64::min)?;
        (fastest > 0.0).then_some(own / fastest)
    }
}

/// The table of small worlds that is kept in the repository, as it is with today's code.
///
/// # Panics
/// When its plans make no sense, which would be a mistake of ours.
#[must_use]
pub fn kept_table() -> String {
    let curve = measure(&grid::kept(), 2, &|_| ()).expect("the plans make sense");
    table(&curve)
}

/// Where the kept table is.
#[must_use]
pub fn kept_path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "snapshots", "curve.txt"]
        .iter()
        .collect()
}
