//! Values kept for others: several under a key, each with its own end, within fixed bounds.
//!
//! When the store is full, what has expired gives way first, and then the farthest key. So keys are
//! kept by their distance from our own identifier, and a second index has them by the ends of
//! their values.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

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

    /// Drops everything whose end has come.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.expire_next(now) {}
    }

    /// Everything that is stored, with its end.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &Value, Instant)> {
        self.keys.iter().flat_map(|(distance, values)| {
            let key = self.own.at(distance);
            values
                .iter()
                .map(move |(value, expires)| (key, value, *expires))
        })
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
mod tests {
    use alloc::vec;

    use quickcheck::quickcheck;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        max_values_per_key: 3,
        max_keys: 4,
        max_bytes: 100,
        overhead: 10,
    };

    fn store() -> Store {
        Store::new(Id::new([0; 20]), BOUNDS)
    }

    fn key(first: u8) -> Id {
        let mut bytes = [0; 20];
        bytes[0] = first;
        Id::new(bytes)
    }

    fn value(text: &str) -> Value {
        Value::new(text.as_bytes()).expect("short")
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds)
    }

    fn until(seconds: u64) -> (Instant, Durability) {
        (at(seconds), Durability::Now)
    }

    fn stored(evicted: Vec<Id>) -> Put {
        Put::Stored {
            evicted,
            before: None,
        }
    }

    fn extended(before: u64) -> Put {
        Put::Stored {
            evicted: vec![],
            before: Some(at(before)),
        }
    }

    #[test]
    fn a_value_that_is_not_durable_is_not_served_and_can_be_taken_back() {
        let mut store = store();
        let unsaved = |seconds| (at(seconds), Durability::OnceSaved);
        for text in ["a", "b"] {
            let put = store.put(at(0), key(1), value(text), unsaved(10));
            assert_eq!(put, stored(vec![]));
        }
        assert_eq!(store.count(&key(1), at(1)), 0);
        store.saved(&key(1), &value("a"));
        assert_eq!(store.count(&key(1), at(1)), 1);
        store.take_back(&key(1), &value("b"), None);
        assert_eq!((store.value_count(), store.bytes), (1, 11));
        let longer = store.put(at(2), key(1), value("a"), unsaved(30));
        assert_eq!(longer, extended(10));
        store.take_back(&key(1), &value("a"), Some(at(10)));
        assert_eq!(store.count(&key(1), at(9)), 1);
        store.expire(at(10));
        assert_eq!(
            (store.value_count(), store.key_count(), store.bytes),
            (0, 0, 0)
        );
        assert!(store.ends.is_empty() && store.unsaved.is_empty());
    }

    #[test]
    fn a_value_lives_until_its_end_and_storing_it_again_extends_that() {
        let mut store = store();
        assert_eq!(
            store.put(at(0), key(1), value("a"), until(10)),
            stored(vec![])
        );
        assert_eq!(
            store.put(at(0), key(1), value("b"), until(20)),
            stored(vec![])
        );
        assert_eq!(store.count(&key(1), at(9)), 2);
        store.put(at(0), key(1), value("a"), until(30));
        assert_eq!(
            store.values(&key(1), at(20)).collect::<Vec<_>>(),
            [&value("a")]
        );
        store.expire(at(20));
        assert_eq!(
            (store.value_count(), store.key_count(), store.bytes),
            (1, 1, 11)
        );
        store.expire(at(30));
        assert_eq!(
            (store.value_count(), store.key_count(), store.bytes),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_key_has_only_so_many_values() {
        let mut store = store();
        for text in ["a", "b", "c"] {
            store.put(at(0), key(1), value(text), until(10));
        }
        assert_eq!(store.put(at(0), key(1), value("d"), until(10)), Put::Full);
        assert_eq!(
            store.put(at(0), key(1), value("a"), until(20)),
            extended(10)
        );
    }

    #[test]
    fn the_farthest_keys_give_way_and_a_farther_one_is_refused() {
        let mut store = store();
        for first in [1, 2, 3, 4] {
            store.put(at(0), key(first), value("x"), until(10));
        }
        assert_eq!(store.put(at(0), key(9), value("x"), until(10)), Put::Full);
        assert_eq!(
            store.put(at(0), key(0), value("x"), until(10)),
            stored(vec![key(4)])
        );
        let big = value(&"y".repeat(66));
        assert_eq!(
            store.put(at(0), key(0), big.clone(), until(10)),
            stored(vec![key(3), key(2)])
        );
        assert_eq!(store.put(at(0), key(1), big, until(10)), Put::Full);
        assert_eq!(store.value_count(), 3);
    }

    #[test]
    fn what_has_expired_gives_way_before_anything_that_lives() {
        let mut store = store();
        store.put(at(0), key(1), value("a"), until(10));
        for text in ["b", "c"] {
            store.put(at(0), key(1), value(text), until(30));
        }
        assert_eq!(store.put(at(9), key(1), value("d"), until(40)), Put::Full);
        assert_eq!(
            store.put(at(10), key(1), value("d"), until(40)),
            stored(vec![]),
            "the key has room once one of its values has expired"
        );
        for first in [2, 3, 4] {
            store.put(at(10), key(first), value("x"), until(20));
        }
        assert_eq!(store.put(at(19), key(9), value("x"), until(40)), Put::Full);
        assert_eq!(
            store.put(at(20), key(9), value("x"), until(40)),
            stored(vec![]),
            "the farthest key is not refused while nearer ones have expired"
        );
        assert_eq!((store.key_count(), store.count(&key(1), at(20))), (4, 3));
    }

    #[test]
    fn bytes_of_expired_values_are_free() {
        let mut store = store();
        let long = |letter: &str| value(&letter.repeat(35));
        store.put(at(0), key(5), long("a"), until(10));
        store.put(at(0), key(3), long("b"), until(30));
        assert_eq!(
            store.put(at(10), key(1), long("c"), until(30)),
            stored(vec![]),
            "nothing that lives was given up"
        );
        assert_eq!(store.count(&key(3), at(10)), 1);
    }

    quickcheck! {
        fn the_bounds_hold_and_the_counts_are_right(puts: Vec<(u8, u8, u8, u8)>) -> bool {
            let mut store = store();
            for (first, text, len, ends) in puts {
                let text = vec![text; usize::from(len % 50)];
                let stored = Value::new(text).expect("short");
                let now = at(u64::from(ends / 2));
                let ends = at(u64::from(ends));
                store.put(now, key(first % 8), stored, (ends, Durability::Now));
                if len % 16 == 0 {
                    store.expire(now);
                    assert!(store.iter().all(|(_, _, ends)| ends > now));
                }
                let all: Vec<_> = store.iter().collect();
                let bytes: usize = all.iter().map(|(_, value, _)| store.cost(value)).sum();
                assert_eq!((store.values, store.bytes), (all.len(), bytes));
                let ends: BTreeSet<_> = all
                    .iter()
                    .map(|(key, _, ends)| (*ends, store.own.distance(key)))
                    .collect();
                assert_eq!(store.ends, ends);
                assert!(bytes <= BOUNDS.max_bytes && store.key_count() <= BOUNDS.max_keys);
            }
            true
        }
    }
}
