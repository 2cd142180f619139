//! Taking a snapshot in parts: a store of a hundred thousand values is not copied in one piece.

use super::{Node, Snapshot};
use crate::id::Id;
use crate::time::Instant;

impl Node {
    /// Adds the values of the puts that are kept to a snapshot.
    pub fn snapshot_kept(&self, into: &mut Snapshot) {
        for (_, key, value) in self.kept_puts() {
            into.add_kept(*key, value.clone());
        }
    }

    /// Adds the next stored values to a snapshot: those of the keys behind `after`, or from the first
    /// key on, until they are `most` or more; the values of one key stay together. Gives the last of
    /// these keys, for the next call, while there may be more.
    ///
    /// A driver that begins with [`contacts_snapshot`](Self::contacts_snapshot) and
    /// [`snapshot_kept`](Self::snapshot_kept) and serves others between the parts has the snapshot that [`snapshot`](Self::snapshot) takes in one piece, but
    /// for what happens meanwhile.
    pub fn snapshot_values(
        &self,
        now: Instant,
        into: &mut Snapshot,
        after: Option<Id>,
        most: usize,
    ) -> Option<Id> {
        let now = now.max(self.now);
        let mut seen = 0;
        for (key, values) in self.store.keys_after(after.as_ref()) {
            for (value, expires) in values {
                let remaining = expires.since(now);
                if !remaining.is_zero() {
                    into.add_value(key, value.clone(), remaining);
                }
            }
            seen += values.len();
            if seen >= most {
                return Some(key);
            }
        }
        None
    }
}
