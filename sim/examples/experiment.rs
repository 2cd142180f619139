//! An experiment in fifty lines: what happens to lookups when a share of all contacts is dead, for
//! nodes whose timeouts follow the network and for nodes whose timeouts are fixed.

use std::error::Error;
use std::time::Duration;

use khashmir_sim::experiment::{Experiment, Summary};
use khashmir_sim::plan::{HostSet, NodeConfig, Plan, Preset, Shares, Workload};

fn main() -> Result<(), Box<dyn Error>> {
    let presets = [Preset::Adaptive, Preset::Late];
    println!("500 nodes, 500 lookups: exactly the K closest found, timeouts met, median latency\n");
    println!("  dead{:>33}{:>33}", presets[0].name(), presets[1].name());
    for percent in [0, 20, 40, 60, 80] {
        print!("{percent:>4} %");
        for preset in presets {
            let dead = f64::from(percent) / 100.0;
            let lookups = look_up(preset, dead)?.lookup_figures;
            let lookups = lookups.ok_or("nothing was looked up")?;
            print!(
                "{:>12.1} %{:>8.2}{:>8.0} ms",
                lookups.exact_rate * 100.0,
                lookups.unanswered_mean,
                lookups.latency.p50.as_secs_f64() * 1000.0,
            );
        }
        println!();
    }
    Ok(())
}

/// Runs lookups in a network of which that share has just died, and is still in all tables.
fn look_up(preset: Preset, dead: f64) -> Result<Summary, Box<dyn Error>> {
    let plan = Plan {
        hosts: HostSet::first(500),
        node_config: NodeConfig {
            preset,
            ..NodeConfig::default()
        },
        shares: Shares {
            dead,
            ..Shares::default()
        },
        workload: Workload {
            lookups: 500,
            duration: Duration::from_secs(120),
            ..Workload::NONE
        },
        ..Plan::default()
    };
    Ok(Experiment::new(plan).run(&mut |_progress| ())?)
}
