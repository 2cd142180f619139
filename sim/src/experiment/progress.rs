//! How far a run has come.

use khashmir::Instant;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is going on.
    pub phase: &'static str,
    /// Hosts so far.
    pub hosts: usize,
    /// Virtual time.
    pub now: Instant,
    /// When it will be over, as far as can be told.
    pub end: Instant,
    /// Things that happened so far.
    pub events: u64,
}
