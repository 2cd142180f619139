//! `khashmir demo`: a whole network in one process, and whether it finds what it stores.

mod network;
mod summary;

use std::time::Instant;

use khashmir::{Id, Value};

use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::output;
use crate::seed;
use crate::trace::Verbosity;
use network::Network;
use summary::Summary;

/// Contacts that each node adds to begin with.
const CONTACTS: usize = 3;
/// How often each node looks for its own neighbourhood.
const ROUNDS: usize = 2;
/// Values that are stored.
const VALUES: usize = 10;
/// How often each value is stored, from a random node each time.
const STORES: usize = 3;
/// How often it is read after each store, from a random node each time.
const READS: usize = 3;

pub(crate) fn run(args: &DemoArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => seed::number()?,
    };
    let began = Instant::now();
    let nodes = args.nodes;
    let mut summary = Summary::new(nodes, seed);
    let mut network = Network::start(nodes, seed, verbosity)?;
    output::note(&format!("{nodes} nodes listen at loopback, seed {seed}"));

    summary.greetings = network.add_contacts(CONTACTS)?;
    output::note(&format!(
        "each has added {} random contacts, {} of {} answered",
        CONTACTS.min(nodes - 1),
        summary.greetings.done,
        summary.greetings.tried
    ));
    for round in 1..=ROUNDS {
        network.find_close()?;
        output::note(&format!(
            "each has looked for its neighbourhood, round {round} of {ROUNDS}"
        ));
    }
    summary.contacts = network.contacts()?;
    store_and_read(&mut network, seed, &mut summary)?;
    (summary.datagrams, summary.dropped) = network.traffic()?;
    network.stop()?;
    summary.took = began.elapsed();
    if args.json {
        output::line(summary.json().to_string())?;
    } else {
        output::raw(summary.table().as_bytes())?;
    }
    summary.judge()
}

fn store_and_read(network: &mut Network, seed: u64, summary: &mut Summary) -> Result<(), Failure> {
    for number in 1..=VALUES {
        let key = Id::hash_of(format!("demo {seed} key {number}").as_bytes());
        let text = format!("demo {seed} value {number}");
        let value = Value::new(text).map_err(Failure::failed)?;
        for _ in 0..STORES {
            summary.stores.add(network.store(key, &value)?);
            for _ in 0..READS {
                summary.reads.add(network.read(key, &value)?);
            }
        }
        output::note(&format!(
            "value {number} of {VALUES}: stored {STORES} times and read {} times, found {} of {} so far",
            STORES * READS,
            summary.reads.done(),
            summary.reads.tried()
        ));
    }
    Ok(())
}
