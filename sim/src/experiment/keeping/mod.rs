//! Values that are kept while hosts come and go: who publishes them, where their copies are minute
//! by minute, and what it takes to keep them.

mod figures;
mod floor;

use std::collections::BTreeMap;

use khashmir::{Id, Instant};

use super::values;
use crate::host::HostId;
use crate::plan::Plan;
use crate::world::Exchanged;

pub use figures::{KeepingFigures, KeepingPoint};

/// The values that are kept, and what was seen of them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    publishers: Vec<HostId>,
    /// The number of each value, by its key.
    pub(super) numbers: BTreeMap<Id, u32>,
    /// The first is of the moment at which reads begin to arrive.
    pub(super) samples: Vec<Sample>,
    /// When the last is taken.
    pub(super) until: Instant,
}

/// How the kept values stood at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// Copies of all values at nodes that run, other than their publishers.
    pub(super) copies: u64,
    /// Values with fewer copies than half of the redundancy.
    pub(super) below_half: u32,
    /// What keeping has taken so far.
    pub(super) traffic: Exchanged,
}

impl Kept {
    pub(super) fn new(plan: &Plan) -> Self {
        let numbers = 0..plan.keeping.values;
        Self {
            publishers: plan.publishers().iter().collect(),
            numbers: numbers
                .map(|number| (values::kept_key(plan.seed, number), number))
                .collect(),
            samples: Vec::new(),
            until: Instant::ORIGIN,
        }
    }

    /// Whether a host publishes anything, and so stays.
    pub(super) fn is_publisher(&self, host: HostId) -> bool {
        self.publishers.binary_search(&host).is_ok()
    }

    /// The host that publishes the value of that number.
    pub(super) fn publisher(&self, number: u32) -> Option<HostId> {
        let turn = (number as usize).checked_rem(self.publishers.len())?;
        self.publishers.get(turn).copied()
    }

    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }
}
