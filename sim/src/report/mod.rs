//! What came of a run, as one HTML page that needs nothing else: figures, plots, and the command
//! that made it.

mod bins;
mod figures;
mod page;
mod plot;
mod scale;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::experiment::Summary;

/// What a page shows of a run beyond its [`Summary`]. Whatever is empty is left out of the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Where all chance started.
    pub seed: u64,
    /// How long each lookup took, in virtual time.
    pub latencies: Vec<Duration>,
    /// The depth at which each lookup found the closest node; the asker's own table is depth 1.
    pub hops: Vec<u32>,
    /// When lookups ended, and how well. In any order.
    pub endings: Vec<Ending>,
    /// Bytes that each node sent during the whole run. Those that died before anything was asked
    /// are better left out: as many zeros, they would stand above all others.
    pub bytes_sent_per_node: Vec<u64>,
    /// Contacts in a bucket, as a mean over the nodes: the first is that of the bucket for the far
    /// half of all identifiers, the next that for half of the rest.
    pub contacts_by_depth: Vec<f64>,
    /// Contacts in the table of each node.
    pub contacts_per_node: Vec<u32>,
}

/// The end of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When, since the world began.
    pub at: Duration,
    /// How good its result is.
    pub quality: Quality,
}

/// How good the result of a lookup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Exactly the K closest.
    Exact,
    /// The closest node, but not exactly the K closest.
    Success,
    /// Not even the closest node.
    Failure,
}

/// The page of a run. Equal arguments give equal pages.
///
/// `command` is the command line as the user gave it, `summary` and `details` are what came of it.
#[must_use]
pub fn html(command: &str, summary: &Summary, details: &Details) -> String {
    page::write(command, summary, details)
}
