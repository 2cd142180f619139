//! What the demo has come to: counted, shown, and judged.

use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::words::{millis, millis_number};

/// What a run has come to.
pub(super) struct Summary {
    nodes: usize,
    seed: u64,
    pub(super) greetings: Tried,
    pub(super) contacts: Spread,
    pub(super) stores: Tallies,
    pub(super) reads: Tallies,
    pub(super) datagrams: u64,
    pub(super) dropped: u64,
    pub(super) took: Duration,
}

/// How often something was tried, and how often it was done.
#[derive(Default)]
pub(super) struct Tried {
    pub(super) tried: usize,
    pub(super) done: usize,
}

/// One store or read: how many copies or values it brought, and how long it took.
pub(super) struct Tally {
    pub(super) count: usize,
    pub(super) took: Duration,
}

/// All stores, or all reads.
#[derive(Default)]
pub(super) struct Tallies(Vec<Tally>);

/// A number that each node has.
#[derive(Default)]
pub(super) struct Spread(Vec<usize>);

impl Summary {
    pub(super) fn new(nodes: usize, seed: u64) -> Self {
        Self {
            nodes,
            seed,
            greetings: Tried::default(),
            contacts: Spread::default(),
            stores: Tallies::default(),
            reads: Tallies::default(),
            datagrams: 0,
            dropped: 0,
            took: Duration::ZERO,
        }
    }

    /// A table for people.
    pub(super) fn table(&self) -> String {
        let (stores, reads, contacts) = (&self.stores, &self.reads, &self.contacts);
        let lines = [
            ("nodes", format!("{}, seed {}", self.nodes, self.seed)),
            (
                "contacts",
                format!(
                    "{:.1} a node, from {} to {}",
                    contacts.mean(),
                    contacts.least(),
                    contacts.most()
                ),
            ),
            (
                "stores",
                format!(
                    "{} of {} done, {:.1} copies each, mean {} ms, longest {} ms",
                    stores.done(),
                    stores.tried(),
                    stores.mean_count(),
                    millis(stores.mean_time()),
                    millis(stores.longest())
                ),
            ),
            (
                "reads",
                format!(
                    "{} of {} found, mean {} ms, longest {} ms",
                    reads.done(),
                    reads.tried(),
                    millis(reads.mean_time()),
                    millis(reads.longest())
                ),
            ),
            (
                "datagrams",
                format!("{} sent, {} dropped", self.datagrams, self.dropped),
            ),
            ("time", format!("{:.3} s", self.took.as_secs_f64())),
        ];
        let row = |(name, text): &(&str, String)| format!("{name:<12}{text}\n");
        lines.iter().map(row).collect()
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let (stores, reads, contacts) = (&self.stores, &self.reads, &self.contacts);
        json!({
            "nodes": self.nodes,
            "seed": self.seed,
            "contacts": {
                "mean": contacts.mean(),
                "least": contacts.least(),
                "most": contacts.most(),
            },
            "stores": {
                "tried": stores.tried(),
                "done": stores.done(),
                "mean_copies": stores.mean_count(),
                "mean_ms": millis_number(stores.mean_time()),
                "longest_ms": millis_number(stores.longest()),
            },
            "reads": {
                "tried": reads.tried(),
                "found": reads.done(),
                "mean_ms": millis_number(reads.mean_time()),
                "longest_ms": millis_number(reads.longest()),
            },
            "datagrams": { "sent": self.datagrams, "dropped": self.dropped },
            "seconds": self.took.as_secs_f64(),
        })
    }

    /// Whether everything was stored and found.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let (stores, reads) = (&self.stores, &self.reads);
        let unstored = stores.tried() - stores.done();
        let unfound = reads.tried() - reads.done();
        if unstored + unfound == 0 {
            return Ok(());
        }
        Err(Failure::failed(format_args!(
            "{unstored} of {} stores and {unfound} of {} reads failed",
            stores.tried(),
            reads.tried()
        )))
    }
}

impl Tallies {
    pub(super) fn add(&mut self, tally: Tally) {
        self.0.push(tally);
    }

    pub(super) const fn tried(&self) -> usize {
        self.0.len()
    }

    /// How many brought anything.
    pub(super) fn done(&self) -> usize {
        self.0.iter().filter(|tally| tally.count > 0).count()
    }

    fn mean_count(&self) -> f64 {
        let sum: usize = self.0.iter().map(|tally| tally.count).sum();
        sum as f64 / self.0.len().max(1) as f64
    }

    fn mean_time(&self) -> Duration {
        let sum: Duration = self.0.iter().map(|tally| tally.took).sum();
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        sum / count.max(1)
    }

    fn longest(&self) -> Duration {
        let longest = self.0.iter().map(|tally| tally.took).max();
        longest.unwrap_or_default()
    }
}

impl Spread {
    pub(super) fn add(&mut self, number: usize) {
        self.0.push(number);
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<usize>() as f64 / self.0.len().max(1) as f64
    }

    fn least(&self) -> usize {
        self.0.iter().min().copied().unwrap_or(0)
    }

    fn most(&self) -> usize {
        self.0.iter().max().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(count: usize, millis: u64) -> Tally {
        Tally {
            count,
            took: Duration::from_millis(millis),
        }
    }

    fn summary(reads: impl IntoIterator<Item = usize>) -> Summary {
        let mut summary = Summary::new(20, 7);
        summary.stores.add(tally(6, 4));
        for count in reads {
            summary.reads.add(tally(count, 2));
        }
        summary
    }

    #[test]
    fn a_run_is_good_when_everything_was_found() {
        let good = summary([1, 1]);
        assert!(good.judge().is_ok());
        assert!(good.table().contains("2 of 2 found, mean 2.000 ms"));
        assert_eq!(good.json()["stores"]["mean_copies"], 6.0);
    }

    #[test]
    fn a_run_fails_when_anything_was_not_found() {
        let bad = summary([1, 0]);
        let why = bad.judge().expect_err("one is missing").to_string();
        assert_eq!(why, "0 of 1 stores and 1 of 2 reads failed");
        assert_eq!(bad.json()["reads"]["found"], 1);
    }
}
