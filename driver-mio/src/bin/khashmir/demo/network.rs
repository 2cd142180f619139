//! The nodes of the demo, driven through their handles by one thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use khashmir::{Command, Config, Id, Keep, Outcome, OwnStore, Seed, Value};
use khashmir_mio::{Driver, Handle, NewNode, Operation, Over};

use super::summary::{Spread, Tally, Tried};
use crate::failure::Failure;
use crate::trace::Verbosity;

/// Nodes on loopback sockets, in one loop.
pub(super) struct Network {
    nodes: Vec<Handle>,
    running: JoinHandle<io::Result<()>>,
    random: SplitMix,
}

impl Network {
    /// Commands under way at once while the network is set up: many more, and nodes would wait for
    /// each other longer than lookups wait for nodes.
    const WAVE: usize = 16;

    pub(super) fn start(count: usize, seed: u64, verbosity: Verbosity) -> Result<Self, Failure> {
        let mut random = SplitMix(seed);
        let mut driver = Driver::new().map_err(Failure::failed)?;
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let mut nodes = Vec::new();
        for number in 1..=count {
            let seed = Seed::from_number(random.next());
            let observer = verbosity.observer(&format!("node {number}: "));
            let cannot = |error: &dyn std::fmt::Display| {
                Failure::failed(format_args!("node {number} cannot listen: {error}"))
            };
            let socket = UdpSocket::bind(listen).map_err(|error| cannot(&error))?;
            let new = NewNode::new(Config::default(), seed).observed_by(observer);
            let node = driver.add_at(socket, new).map_err(|error| cannot(&error))?;
            nodes.push(node);
        }
        let running = driver.spawn().map_err(Failure::failed)?;
        Ok(Self {
            nodes,
            running,
            random,
        })
    }

    /// Lets each node add so many contacts, chosen at random.
    pub(super) fn add_contacts(&mut self, each: usize) -> Result<Tried, Failure> {
        let mut commands = Vec::new();
        for node in 0..self.nodes.len() {
            let others = (0..self.nodes.len()).filter(|other| *other != node);
            let mut others: Vec<usize> = others.collect();
            for _ in 0..each.min(others.len()) {
                let chosen = others.swap_remove(self.random.below(others.len()));
                let addr = self.nodes[chosen].local_addr();
                commands.push((node, Command::AddContact { addr }));
            }
        }
        let mut tried = Tried::default();
        self.in_waves(commands, |over| {
            tried.tried += 1;
            tried.done += usize::from(matches!(over.outcome, Outcome::Ping(Ok(_))));
        })?;
        Ok(tried)
    }

    /// Lets each node look for its own neighbourhood.
    pub(super) fn find_close(&self) -> Result<(), Failure> {
        let all = 0..self.nodes.len();
        self.in_waves(all.map(|node| (node, Command::FindClose)), |_| {})
    }

    /// Stores a value from a random node.
    pub(super) fn store(&mut self, key: Id, value: &Value) -> Result<Tally, Failure> {
        let put = Command::Put {
            key,
            value: value.clone(),
            keep: Keep::Once,
        };
        let over = self.at_random(put)?;
        let count = if let Outcome::Stored(places) = &over.outcome {
            places.len()
        } else {
            0
        };
        Ok(Tally {
            count,
            took: over.query_stats.took,
        })
    }

    /// Reads the values of a key from a random node, and counts how often this one is among them.
    pub(super) fn read(&mut self, key: Id, value: &Value) -> Result<Tally, Failure> {
        let over = self.at_random(Command::Get {
            key,
            retrieve: None,
            own_store: OwnStore::Include,
        })?;
        Ok(Tally {
            count: over.values.iter().filter(|found| *found == value).count(),
            took: over.query_stats.took,
        })
    }

    /// How many contacts the nodes have in their tables.
    pub(super) fn contacts(&self) -> Result<Spread, Failure> {
        let mut spread = Spread::default();
        for node in &self.nodes {
            spread.add(node.status().map_err(Failure::failed)?.contacts);
        }
        Ok(spread)
    }

    /// Datagrams sent and dropped by all nodes.
    pub(super) fn traffic(&self) -> Result<(u64, u64), Failure> {
        let (mut sent, mut dropped) = (0, 0);
        for node in &self.nodes {
            let stats = node.stats().map_err(Failure::failed)?;
            sent += stats.datagrams_sent();
            dropped += stats.dropped();
        }
        Ok((sent, dropped))
    }

    pub(super) fn stop(self) -> Result<(), Failure> {
        for node in &self.nodes {
            node.shutdown().map_err(Failure::failed)?;
        }
        match self.running.join() {
            Ok(ended) => ended.map_err(Failure::failed),
            Err(_) => Err(Failure::failed("the loop has panicked")),
        }
    }

    fn at_random(&mut self, command: Command) -> Result<Over, Failure> {
        let node = self.random.below(self.nodes.len());
        wait(self.begin(node, command)?)
    }

    fn in_waves(
        &self,
        commands: impl IntoIterator<Item = (usize, Command)>,
        mut hear: impl FnMut(&Over),
    ) -> Result<(), Failure> {
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            let wave = commands.by_ref().take(Self::WAVE);
            let wave: Result<Vec<_>, _> = wave
                .map(|(node, command)| self.begin(node, command))
                .collect();
            for operation in wave? {
                hear(&wait(operation)?);
            }
        }
        Ok(())
    }

    fn begin(&self, node: usize, command: Command) -> Result<Operation, Failure> {
        self.nodes[node].start(command).map_err(Failure::failed)
    }
}

/// Every command of a node ends, so this is only for a node that breaks its own law.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

fn wait(operation: Operation) -> Result<Over, Failure> {
    operation.wait_within(PATIENCE).map_err(Failure::failed)
}

/// The SplitMix64 generator (Steele, Lea and Flood, 2014): equal seeds make equal choices, on every
/// machine.
struct SplitMix(u64);

impl SplitMix {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound`-1.
    fn below(&mut self, bound: usize) -> usize {
        // The bias is below one in 2^53 for any number of nodes that fits here.
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_choices_within_bounds() {
        let draw = |seed| {
            let mut random = SplitMix(seed);
            (0..1000).map(|_| random.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for face in 0..7 {
            let times = draw(3).iter().filter(|drawn| **drawn == face).count();
            assert!((90..200).contains(&times), "{face}: {times}");
        }
    }
}
