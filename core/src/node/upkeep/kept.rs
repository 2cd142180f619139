//! Kept puts: values that are stored again and again until they are cancelled.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use crate::id::Id;
use crate::node::active_operations::MaintenanceTask;
use crate::node::{Life, Node, OpId};
use crate::operation::{Operation, Put, WalkKind};
use crate::time::Instant;
use crate::value::Value;

/// The puts that are kept, at most `max_kept` of the configuration.
#[derive(Default)]
pub(in crate::node) struct KeptPuts {
    puts: BTreeMap<OpId, Kept>,
    due: BTreeSet<(Instant, OpId)>,
}

/// A value that is stored again before it expires.
struct Kept {
    key: Id,
    value: Value,
    state: KeptState,
}

enum KeptState {
    /// Waiting for its time; `retry` is the wait after a failure.
    Due { at: Instant, retry: Duration },
    /// Being stored; the wait after a failure.
    Storing { retry: Duration },
}

impl KeptPuts {
    /// Kept values being stored at once.
    const KEEPING_AT_ONCE: usize = 8;
    /// The first wait after a kept value could be stored nowhere. It doubles with each try.
    const KEEP_RETRY: Duration = Duration::from_secs(60);

    pub(in crate::node) fn keeps(&self, key: &Id, value: &Value) -> bool {
        self.puts
            .values()
            .any(|kept| kept.key == *key && kept.value == *value)
    }

    /// Keeps a value that is being stored for the first time.
    pub(in crate::node) fn keep(&mut self, op: OpId, key: Id, value: Value) {
        let state = KeptState::Storing {
            retry: Self::KEEP_RETRY,
        };
        self.puts.insert(op, Kept { key, value, state });
    }

    /// Keeps it no longer. False when it was not kept.
    pub(in crate::node) fn forget(&mut self, op: OpId) -> bool {
        let Some(kept) = self.puts.remove(&op) else {
            return false;
        };
        if let KeptState::Due { at, .. } = kept.state {
            self.due.remove(&(at, op));
        }
        true
    }

    pub(in crate::node) fn len(&self) -> usize {
        self.puts.len()
    }

    /// Lets every kept value that waits for its time be stored again then, if not earlier.
    pub(in crate::node) fn all_due_at(&mut self, then: Instant) {
        self.due.clear();
        for (op, kept) in &mut self.puts {
            if let KeptState::Due { at, .. } = &mut kept.state {
                *at = then.min(*at);
                self.due.insert((*at, *op));
            }
        }
    }

    /// When the next put is due, whether or not another may be under way.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn stop(&mut self) {
        self.puts.clear();
        self.due.clear();
    }
}

impl Node {
    pub(super) fn can_keep_more(&self) -> bool {
        let keeping = self
            .operations
            .maintenance(|task| matches!(task, MaintenanceTask::Keep(_)));
        self.life == Life::Running && keeping < KeptPuts::KEEPING_AT_ONCE
    }

    /// Stores again what is due for it.
    pub(super) fn keep_due(&mut self) {
        while self.can_keep_more()
            && let Some((at, op)) = self.upkeep.kept.due.first().copied()
            && self.is_due(at)
        {
            self.upkeep.kept.due.pop_first();
            let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
                continue;
            };
            if let KeptState::Due { retry, .. } = kept.state {
                kept.state = KeptState::Storing { retry };
            }
            let (key, value) = (kept.key, kept.value.clone());
            let walk = self.walk(key, WalkKind::FindNode);
            let put = Put::new(walk, value, self.config.redundancy, self.config.alpha);
            self.begin_maintenance(MaintenanceTask::Keep(op), Operation::Put(put));
        }
    }

    /// Plans the next time a kept value is stored: at 5/6 of its life, or soon when it could be
    /// stored nowhere.
    pub(super) fn stored_kept(&mut self, op: OpId, stored: bool) {
        let regular = self.config.expiry / 6 * 5;
        let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
            return;
        };
        let KeptState::Storing { retry } = kept.state else {
            return;
        };
        let (wait, retry) = if stored {
            (regular, KeptPuts::KEEP_RETRY)
        } else {
            (retry.min(regular), retry.saturating_mul(2))
        };
        let at = self.now + wait;
        kept.state = KeptState::Due { at, retry };
        self.upkeep.kept.due.insert((at, op));
    }
}
