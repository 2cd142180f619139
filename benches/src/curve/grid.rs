//! Which worlds make a curve: the whole one, the few that are guarded, and those of the kept table.

use std::time::Duration;

use khashmir_sim::network::{Latency, Loss};
use khashmir_sim::plan::Preset;

use super::{Sample, Trouble, World};

/// The worlds of a curve.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Hosts of each world.
    pub nodes: u32,
    /// Latencies: the first also with churn, which takes longest to compute.
    pub latencies: Vec<Latency>,
    /// Settings of nodes.
    pub presets: Vec<Preset>,
    /// From one share of the dead to the next, in thousandths; the last is half.
    pub step: u32,
}

/// The largest share of the dead, in thousandths.
const HALF: u32 = 500;

/// Shares of datagrams that are lost.
const LOSSES: [f64; 4] = [0.01, 0.02, 0.05, 0.10];

/// Links turn bad for one datagram in fifty, and good again for three in ten; bad ones lose half.
fn bursty() -> Loss {
    "bursty:0.02,0.3,0.5"
        .parse()
        .unwrap_or_else(|_| unreachable!("it is a loss"))
}

/// Medians of sessions, the calmest first.
const SESSIONS: [Duration; 4] = [
    Duration::from_secs(60 * 60),
    Duration::from_secs(20 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(84),
];

impl Grid {
    /// All worlds: over the share of the dead, over losses, and over churn.
    #[must_use]
    pub fn worlds(&self) -> Vec<World> {
        let mut worlds = Vec::new();
        for (place, latency) in self.latencies.iter().enumerate() {
            let churn = if place == 0 { &SESSIONS[..] } else { &[] };
            let troubles: Vec<Trouble> = [
                self.shares(),
                losses(),
                churn.iter().copied().map(Trouble::Churn).collect(),
            ]
            .concat();
            for preset in &self.presets {
                worlds.extend(troubles.iter().map(|trouble| World {
                    nodes: self.nodes,
                    latency: latency.clone(),
                    trouble: *trouble,
                    preset: *preset,
                }));
            }
            // What queries are held against.
            let plain = worlds.last().map(World::plain);
            worlds.extend(plain.filter(|_| !self.presets.contains(&Preset::Early)));
        }
        worlds
    }

    fn shares(&self) -> Vec<Trouble> {
        let step = usize::try_from(self.step.max(1)).unwrap_or(usize::MAX);
        (0..=HALF).step_by(step).map(Trouble::Dead).collect()
    }
}

fn losses() -> Vec<Trouble> {
    let independent = LOSSES.map(Loss::Independent).into_iter();
    let both = Trouble::LossAndDead(Loss::Independent(0.05), 300);
    let losses = independent.chain([bursty()]).map(Trouble::Loss);
    losses.chain([both]).collect()
}

/// The worlds that are guarded, and the sample of each: as few as show a hump, and what loss and churn
/// do. They are computed within a minute.
#[must_use]
pub fn guarded() -> Vec<(World, Sample)> {
    let world = |nodes, latency: &str, trouble, preset| World {
        nodes,
        latency: latency
            .parse()
            .unwrap_or_else(|_| unreachable!("it is a latency")),
        trouble,
        preset,
    };
    let large = Sample {
        lookups: 800,
        values: 0,
        seeds: 1..2,
    };
    let mut worlds = Vec::new();
    for latency in ["geo", "constant:50ms"] {
        let ours = |trouble| world(2000, latency, trouble, Preset::Adaptive);
        let fair = Sample {
            values: 400,
            ..large.clone()
        };
        worlds.push((ours(Trouble::NONE), fair));
        worlds.push((ours(Trouble::NONE).plain(), large.clone()));
        let shares = [25, 50, 100, 150, 200, 300, 400, 500].map(Trouble::Dead);
        let troubles = shares.into_iter().chain(losses());
        worlds.extend(troubles.map(|trouble| (ours(trouble), large.clone())));
    }
    let churn = [20 * 60, 5 * 60].map(|seconds| Trouble::Churn(Duration::from_secs(seconds)));
    worlds.extend(churn.map(|churn| (world(2000, "geo", churn, Preset::Adaptive), large.clone())));
    // In small networks few nodes are left for a first lookup, so there are many of them.
    for (nodes, lookups, seeds) in [(5, 2, 1..101), (20, 10, 1..41), (100, 50, 1..9)] {
        let sample = Sample {
            lookups,
            values: 0,
            seeds,
        };
        let troubles = [Trouble::NONE, Trouble::Dead(100)];
        worlds.extend(troubles.map(|trouble| {
            let small = world(nodes, "geo", trouble, Preset::Adaptive);
            (small, sample.clone())
        }));
    }
    worlds
}

/// The worlds of the table that is kept in the repository: small ones, so that a test computes them
/// without optimisation.
#[must_use]
pub(super) fn kept() -> Vec<(World, Sample)> {
    let sample = Sample {
        lookups: 60,
        values: 0,
        seeds: 1..2,
    };
    let grid = |latency: Latency, presets: &[Preset], step| Grid {
        nodes: 200,
        latencies: vec![latency],
        presets: presets.to_vec(),
        step,
    };
    let ours = grid(Latency::Geo, &[Preset::Adaptive], 100).worlds();
    let others = grid(Latency::Geo, &[Preset::Late, Preset::Early], 250).worlds();
    // Fast churn takes longest to compute, and other presets are to show that they differ.
    let calm = |world: &World| match world.trouble {
        Trouble::Churn(session) => {
            world.preset == Preset::Adaptive && session >= Duration::from_secs(20 * 60)
        }
        Trouble::Loss(_) | Trouble::LossAndDead(..) => world.preset == Preset::Adaptive,
        Trouble::Dead(_) => true,
    };
    let mut worlds: Vec<World> = Vec::new();
    for world in ours.into_iter().chain(others).filter(calm) {
        if !worlds.contains(&world) {
            worlds.push(world);
        }
    }
    let sampled = worlds.into_iter().map(|world| (world, sample.clone()));
    sampled.collect()
}
