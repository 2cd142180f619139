//! A network of one's own: two continents with an ocean between them, against a world in which all
//! are equally far from each other.
//!
//! A latency model is a function of the seed and of two hosts. It must give the same delay whenever
//! it is asked, so what it takes from chance it takes from a [`Draw`] that is named by the two.

use std::error::Error;
use std::time::Duration;

use khashmir_sim::experiment::{Experiment, Summary};
use khashmir_sim::host::HostId;
use khashmir_sim::network::Latency;
use khashmir_sim::plan::{HostSet, Plan, Workload};
use khashmir_sim::random::{Draw, topic};
use khashmir_sim::span::Span;

/// One way on a continent.
const LAND: Duration = Duration::from_millis(15);
/// One way over the ocean.
const OCEAN: Duration = Duration::from_millis(85);
/// What a way may take longer than that.
const DETOUR: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    // As long as the mean of the two, detours included.
    let mean = (LAND + OCEAN + DETOUR) / 2;
    let constant = Latency::Drawn(Span::Constant(mean));
    println!("500 nodes, 1000 lookups\n");
    println!("{:<18}{:>8}{:>10}{:>10}", "", "rounds", "p50", "p99");
    for (name, latency) in [
        ("all equally far", constant),
        ("two continents", Latency::custom(two_continents)),
    ] {
        let lookups = look_up(latency)?.lookup_figures;
        let lookups = lookups.ok_or("nothing was looked up")?;
        let millis = |span: Duration| format!("{:.0} ms", span.as_secs_f64() * 1000.0);
        let (half, most) = (millis(lookups.latency.p50), millis(lookups.latency.p99));
        println!("{name:<18}{:>8.2}{half:>10}{most:>10}", lookups.rounds_mean);
    }
    Ok(())
}

/// Hosts with even numbers live on one continent, those with odd numbers on the other.
fn two_continents(seed: u64, low: HostId, high: HostId) -> Duration {
    let same = low.number() % 2 == high.number() % 2;
    let way = if same { LAND } else { OCEAN };
    let link = [topic("detour"), low.number().into(), high.number().into()];
    way + Draw::new(seed, &link).between(Duration::ZERO, DETOUR)
}

fn look_up(latency: Latency) -> Result<Summary, Box<dyn Error>> {
    let mut plan = Plan {
        hosts: HostSet::first(500),
        workload: Workload {
            lookups: 1000,
            duration: Duration::from_secs(120),
            ..Workload::NONE
        },
        ..Plan::default()
    };
    plan.network.latency = latency;
    Ok(Experiment::new(plan).run(&mut |_progress| ())?)
}
