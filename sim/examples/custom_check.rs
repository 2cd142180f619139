//! A check of one's own: no node may send more than so many datagrams to one other in a second.
//!
//! An observer sees everything that happens to every host, and changes nothing. Each thread has
//! an observer of its own, which sees the hosts of that thread, so a check judges each host by itself.
//! Here ours looks on together with those that come with the simulator.

use std::collections::BTreeMap;
use std::error::Error;

use khashmir_sim::checks::Checks;
use khashmir_sim::experiment::Experiment;
use khashmir_sim::host::HostId;
use khashmir_sim::plan::Plan;
use khashmir_sim::world::{Fact, Observer, When};

/// Datagrams that are not too many.
const MOST: u32 = 6;

const PLAN: &str = "
    nodes 100
    start join
    lookups 200
    duration 5m
    loss 0.05
    at 60s n07 crash
    at 100s n05 refresh all
    at 120s n07 restart
";

fn main() -> Result<(), Box<dyn Error>> {
    let experiment = Experiment {
        threads: 2,
        ..Experiment::new(PLAN.parse::<Plan>()?)
    };
    let observer = || (Checks::default(), Bursts::default());
    let finished = experiment.run_observed(&mut |_progress| (), observer)?;
    let bursts = finished.world.observers().flat_map(|(_, ours)| &ours.found);
    let mut bursts: Vec<_> = bursts.collect();
    bursts.sort();
    for ((second, host, to), count) in &bursts {
        println!("second {second}: {host} sends {count} datagrams to {to}");
    }
    println!("more than {MOST} in a second: {}", bursts.len());
    let checks = finished.world.observers().map(|(checks, _)| checks);
    let violations = checks.map(|checks| checks.violations().len());
    println!("violations of the others: {}", violations.sum::<usize>());
    Ok(())
}

/// Counts what each host sends to each other, second by second.
#[derive(Default)]
struct Bursts {
    /// The second of each host in which it last sent, and what it sent in it.
    now: BTreeMap<HostId, (u64, BTreeMap<HostId, u32>)>,
    /// The bursts that were too large: second, sender and receiver.
    found: BTreeMap<(u64, HostId, HostId), u32>,
}

impl Observer for Bursts {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        let Fact::Sent { to, .. } = fact else {
            return;
        };
        let Some(to) = HostId::at(to) else {
            return;
        };
        let second = when.at.as_nanos() / 1_000_000_000;
        let (last, sent) = self.now.entry(host).or_default();
        if *last != second {
            *last = second;
            sent.clear();
        }
        let count = sent.entry(to).or_default();
        *count += 1;
        if *count > MOST {
            self.found.insert((second, host, to), *count);
        }
    }
}
