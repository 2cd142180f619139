//! Values kept for others: several under a key, each with its own end, within fixed bounds.
//!
//! When the store is full, what has expired gives way first, and then the farthest key. So keys are
//! kept by their distance from our own identifier, and a second index has them by the ends of
//! their values.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

use crate::id::{Distance, Id};
use crate::time::Instant;
use crate::value::Value;

/// A bounded store of values.
pub(crate) struct Store {
    own: Id,
    bounds: Bounds,
    keys: BTreeMap<Distance, BTreeMap<Value, Instant>>,
    /// Each end of a value, with its key: once for all values of that key that end then.
    ends: BTreeSet<(Instant, Distance)>,
    /// Values that are not durable yet, and so are not served, each with how many of its records
    /// are under way.
    unsaved: BTreeMap<Distance, BTreeMap<Value, u32>>,
    values: usize,
    bytes: usize,
}

/// Whether a new value may be served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing has to be written first.
    Now,
    /// Only once it is [saved](Store::saved).
    OnceSaved,
}

/// What a store holds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_values_per_key: usize,
    pub(crate) max_keys: usize,
    pub(crate) max_bytes: usize,
    /// What a value counts for beside its own bytes.
    pub(crate) overhead: usize,
}

/// What became of a value that was to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// There is no room for it: the key has too many values, or is itself the farthest.
    Full,
    /// It is stored, or its life is extended.
    Stored {
        /// These keys had to give way.
        evicted: Vec<Id>,
        /// Until when it was stored before, if it was.
        before: Option<Instant>,
    },
}

impl Store {
    pub(crate) const fn new(own: Id, bounds: Bounds) -> Self {
        Self {
            own,
            bounds,
            keys: BTreeMap::new(),
            ends: BTreeSet::new(),
            unsaved: BTreeMap::new(),
            values: 0,
            bytes: 0,
        }
    }

    /// Stores a value until `expires`, or extends its life. What has expired by `now` takes no room.
    pub(crate) fn put(
        &mut self,
        now: Instant,
        key: Id,
        value: Value,
        (expires, durability): (Instant, Durability),
    ) -> Put {
        let distance = self.own.distance(&key);
        let known = self.keys.get(&distance).and_then(|all| all.get(&value));
        if let Some(end) = known.copied() {
            if end < expires {
                self.extend(distance, &value, end, expires);
            }
            return Put::Stored {
                evicted: Vec::new(),
                before: Some(end),
            };
        }
        if self.count_all(&distance) >= self.bounds.max_values_per_key {
            self.expire_under(now, &distance);
        }
        if self.count_all(&distance) >= self.bounds.max_values_per_key {
            return Put::Full;
        }
        let Some(evicted) = self.make_room(now, &distance, self.cost(&value)) else {
            return Put::Full;
        };
        self.values += 1;
        self.bytes += self.cost(&value);
        self.ends.insert((expires, distance));
        if durability == Durability::OnceSaved {
            let unsaved = self.unsaved.entry(distance).or_default();
            *unsaved.entry(value.clone()).or_default() += 1;
        }
        self.keys
            .entry(distance)
            .or_default()
            .insert(value, expires);
        Put::Stored {
            evicted,
            before: None,
        }
    }

    /// Notes that a value is durable: it is served from now on.
    pub(crate) fn saved(&mut self, key: &Id, value: &Value) {
        let distance = self.own.distance(key);
        if let Some(unsaved) = self.unsaved.get_mut(&distance) {
            match unsaved.get_mut(value) {
                Some(records) if *records > 1 => *records -= 1,
                Some(_) | None => {
                    unsaved.remove(value);
                }
            }
            if unsaved.is_empty() {
                self.unsaved.remove(&distance);
            }
        }
    }

    /// Takes back a value that could not be made durable: it lives until `before` as it did, or was
    /// not stored at all.
    pub(crate) fn take_back(&mut self, key: &Id, value: &Value, before: Option<Instant>) {
        let distance = self.own.distance(key);
        let known = self.keys.get(&distance).and_then(|all| all.get(value));
        let Some(end) = known.copied() else {
            return self.saved(key, value);
        };
        match before {
            Some(before) => self.extend(distance, value, end, before),
            None => {
                self.saved(key, value);
                self.remove(distance, value, end);
            }
        }
    }

    /// The values of a key that are durable and whose end has not come, in their order.
    pub(crate) fn values(&self, key: &Id, now: Instant) -> impl Iterator<Item = &Value> {
        let distance = self.own.distance(key);
        let values = self.keys.get(&distance).into_iter().flatten();
        let unsaved = self.unsaved.get(&distance);
        values
            .filter(move |(_, expires)| **expires > now)
            .map(|(value, _)| value)
            .filter(move |value| !unsaved.is_some_and(|unsaved| unsaved.contains_key(value)))
    }

    /// How many there are.
    pub(crate) fn count(&self, key: &Id, now: Instant) -> usize {
        self.values(key, now).count()
    }

    /// Drops values whose end has come, `most` of them and what else has expired under the last one's
    /// key. Says whether there are more.
    pub(crate) fn expire(&mut self, now: Instant, most: usize) -> bool {
        let before = self.values;
        while before - self.values < most {
            if !self.expire_next(now) {
                return false;
            }
        }
        self.ends.first().is_some_and(|(end, _)| *end <= now)
    }

    /// The keys behind this one, or all of them, in the order of their distance from us, with their
    /// values and the ends of these.
    pub(crate) fn keys_after(
        &self,
        after: Option<&Id>,
    ) -> impl Iterator<Item = (Id, &BTreeMap<Value, Instant>)> {
        let from = after.map_or(Bound::Unbounded, |key| {
            Bound::Excluded(self.own.distance(key))
        });
        let keys = self.keys.range((from, Bound::Unbounded));
        keys.map(|(distance, values)| (self.own.at(distance), values))
    }

    /// How many keys have values.
    pub(crate) fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// How many values there are under all keys.
    pub(crate) const fn value_count(&self) -> usize {
        self.values
    }

    fn cost(&self, value: &Value) -> usize {
        value.as_bytes().len() + self.bounds.overhead
    }

    fn count_all(&self, distance: &Distance) -> usize {
        self.keys.get(distance).map_or(0, BTreeMap::len)
    }

    fn remove(&mut self, distance: Distance, value: &Value, end: Instant) {
        let Some(values) = self.keys.get_mut(&distance) else {
            return;
        };
        values.remove(value);
        self.values -= 1;
        self.bytes -= value.as_bytes().len() + self.bounds.overhead;
        if !values.values().any(|other| *other == end) {
            self.ends.remove(&(end, distance));
        }
        if values.is_empty() {
            self.keys.remove(&distance);
        }
    }

    /// Moves the end of a value.
    fn extend(&mut self, distance: Distance, value: &Value, end: Instant, expires: Instant) {
        let Some(values) = self.keys.get_mut(&distance) else {
            return;
        };
        if let Some(known) = values.get_mut(value) {
            *known = expires;
        }
        if !values.values().any(|other| *other == end) {
            self.ends.remove(&(end, distance));
        }
        self.ends.insert((expires, distance));
    }

    /// Drops what ended first, if its end has come, and what else has expired under the same key.
    fn expire_next(&mut self, now: Instant) -> bool {
        let first = self.ends.first().copied();
        let Some((_, distance)) = first.filter(|(end, _)| *end <= now) else {
            return false;
        };
        self.expire_under(now, &distance);
        true
    }

    /// Drops the values of a key whose end has come.
    fn expire_under(&mut self, now: Instant, distance: &Distance) {
        let Some(values) = self.keys.get_mut(distance) else {
            return;
        };
        let (count, overhead) = (values.len(), self.bounds.overhead);
        values.retain(|value, end| {
            let lives = *end > now;
            if !lives {
                self.ends.remove(&(*end, *distance));
                self.bytes -= value.as_bytes().len() + overhead;
            }
            lives
        });
        self.values -= count - values.len();
        if values.is_empty() {
            self.keys.remove(distance);
        }
    }

    /// Makes room for so many bytes under that key: drops what has expired, and then gives up keys
    /// farther away. `None`, and no key given up, when all of them together are not enough.
    fn make_room(&mut self, now: Instant, distance: &Distance, bytes: usize) -> Option<Vec<Id>> {
        while self.is_short(distance, bytes) && self.expire_next(now) {}
        let needs_key = usize::from(!self.keys.contains_key(distance));
        let (mut keys, mut held) = (self.keys.len() + needs_key, self.bytes + bytes);
        let mut farthest = self.keys.iter().rev();
        let mut victims = Vec::new();
        while keys > self.bounds.max_keys || held > self.bounds.max_bytes {
            let (victim, values) = farthest.next().filter(|(victim, _)| *victim > distance)?;
            keys -= 1;
            held -= values.keys().map(|value| self.cost(value)).sum::<usize>();
            victims.push(*victim);
        }
        for victim in &victims {
            let given_up = self.keys.remove(victim).unwrap_or_default();
            self.values -= given_up.len();
            for end in given_up.into_values() {
                self.ends.remove(&(end, *victim));
            }
        }
        self.bytes = held - bytes;
        Some(victims.iter().map(|victim| self.own.at(victim)).collect())
    }

    /// Whether so many bytes more under that key would go beyond the bounds.
    fn is_short(&self, distance: &Distance, bytes: usize) -> bool {
        let needs_key = usize::from(!self.keys.contains_key(distance));
        self.keys.len() + needs_key > self.bounds.max_keys
            || self.bytes + bytes > self.bounds.max_bytes
    }
}

#[cfg(test)]
mod tests;
