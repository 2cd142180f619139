//! What a translator remembers: entries by remote address, of which the least recently used goes
//! first.

use std::collections::{BTreeMap, BTreeSet};

use khashmir::Instant;

use super::config::Remote;

/// Entries with the time at which each was last used.
#[derive(Debug)]
pub(super) struct Recent<T> {
    things: BTreeMap<Remote, (Instant, T)>,
    /// The same by age, so that the oldest is found among thousands without a search.
    ages: BTreeSet<(Instant, Remote)>,
}

impl<T> Recent<T> {
    pub(super) const fn new() -> Self {
        Self {
            things: BTreeMap::new(),
            ages: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.things.len()
    }

    /// When an entry was last used, and the entry.
    pub(super) fn get(&self, remote: Remote) -> Option<&(Instant, T)> {
        self.things.get(&remote)
    }

    /// Marks an entry as used.
    pub(super) fn touch(&mut self, now: Instant, remote: Remote) -> Option<&T> {
        let (used, thing) = self.things.get_mut(&remote)?;
        self.ages.remove(&(*used, remote));
        self.ages.insert((now, remote));
        *used = now;
        Some(thing)
    }

    /// Adds an entry, in place of an earlier one.
    pub(super) fn insert(&mut self, now: Instant, remote: Remote, thing: T) {
        if let Some((used, _)) = self.things.insert(remote, (now, thing)) {
            self.ages.remove(&(used, remote));
        }
        self.ages.insert((now, remote));
    }

    /// Removes the least recently used entry, if it was last used at such a time.
    pub(super) fn pop_if(&mut self, stale: impl FnOnce(Instant) -> bool) -> Option<T> {
        let (used, remote) = *self.ages.first()?;
        if !stale(used) {
            return None;
        }
        self.ages.pop_first();
        self.things.remove(&remote).map(|(_, thing)| thing)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.values().map(|(_, thing)| thing)
    }
}
