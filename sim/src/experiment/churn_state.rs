//! How hosts come and go at the moment.

use std::collections::BTreeMap;

use khashmir::{Instant, Snapshot};

use crate::churn::Churn;
use crate::host::HostId;

/// How hosts come and go at the moment.
#[derive(Default)]
pub(super) struct ChurnState {
    pub(super) churn: Option<Churn>,
    /// How often it has changed: what was noted before does not count any more.
    pub(super) number: u32,
    /// How many sessions each host has had.
    pub(super) sessions: BTreeMap<HostId, u64>,
    /// The snapshots that hosts took along when they left, and when that was.
    pub(super) away: BTreeMap<HostId, (Snapshot, Instant)>,
}
