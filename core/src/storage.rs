//! Values kept for others: several under a key, each with its own end, within fixed bounds.
//!
//! Keys are kept by their distance from our own identifier, because the farthest gives way first
//! when the store is full.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::{Distance, Id};
use crate::time::Instant;
use crate::value::Value;

/// A bounded store of values.
pub(crate) struct Store {
    own: Id,
    bounds: Bounds,
    keys: BTreeMap<Distance, BTreeMap<Value, Instant>>,
    values: usize,
    bytes: usize,
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
    /// It is stored, or its life is extended; these keys had to give way.
    Stored(Vec<Id>),
}

impl Store {
    pub(crate) const fn new(own: Id, bounds: Bounds) -> Self {
        Self {
            own,
            bounds,
            keys: BTreeMap::new(),
            values: 0,
            bytes: 0,
        }
    }

    /// Stores a value until `expires`, or extends its life.
    pub(crate) fn put(&mut self, key: Id, value: Value, expires: Instant) -> Put {
        let distance = self.own.distance(&key);
        let known = self
            .keys
            .get_mut(&distance)
            .and_then(|values| values.get_mut(&value));
        if let Some(end) = known {
            *end = expires.max(*end);
            return Put::Stored(Vec::new());
        }
        if self.count_all(&distance) >= self.bounds.max_values_per_key {
            return Put::Full;
        }
        let Some(given_up) = self.make_room(&distance, self.cost(&value)) else {
            return Put::Full;
        };
        self.values += 1;
        self.bytes += self.cost(&value);
        self.keys
            .entry(distance)
            .or_default()
            .insert(value, expires);
        Put::Stored(given_up)
    }

    /// The values of a key whose end has not come, in their order.
    pub(crate) fn values(&self, key: &Id, now: Instant) -> impl Iterator<Item = &Value> {
        let values = self.keys.get(&self.own.distance(key)).into_iter().flatten();
        values
            .filter(move |(_, expires)| **expires > now)
            .map(|(value, _)| value)
    }

    /// How many there are.
    pub(crate) fn count(&self, key: &Id, now: Instant) -> usize {
        self.values(key, now).count()
    }

    /// Drops everything whose end has come.
    pub(crate) fn expire(&mut self, now: Instant) {
        let (mut values, mut bytes) = (0, 0);
        let overhead = self.bounds.overhead;
        self.keys.retain(|_, under_key| {
            under_key.retain(|_, expires| *expires > now);
            values += under_key.len();
            bytes += under_key
                .keys()
                .map(|value| value.as_bytes().len() + overhead)
                .sum::<usize>();
            !under_key.is_empty()
        });
        (self.values, self.bytes) = (values, bytes);
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

    /// Gives up keys farther away than `distance` until so many bytes fit; `None`, and nothing
    /// given up, when all of them together are not enough.
    fn make_room(&mut self, distance: &Distance, bytes: usize) -> Option<Vec<Id>> {
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
            self.values -= self.keys.remove(victim).map_or(0, |values| values.len());
        }
        self.bytes = held - bytes;
        Some(victims.iter().map(|victim| self.own.at(victim)).collect())
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

    #[test]
    fn a_value_lives_until_its_end_and_storing_it_again_extends_that() {
        let mut store = store();
        assert_eq!(store.put(key(1), value("a"), at(10)), Put::Stored(vec![]));
        assert_eq!(store.put(key(1), value("b"), at(20)), Put::Stored(vec![]));
        assert_eq!(store.count(&key(1), at(9)), 2);
        store.put(key(1), value("a"), at(30));
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
            store.put(key(1), value(text), at(10));
        }
        assert_eq!(store.put(key(1), value("d"), at(10)), Put::Full);
        assert_eq!(store.put(key(1), value("a"), at(20)), Put::Stored(vec![]));
    }

    #[test]
    fn the_farthest_keys_give_way_and_a_farther_one_is_refused() {
        let mut store = store();
        for first in [1, 2, 3, 4] {
            store.put(key(first), value("x"), at(10));
        }
        assert_eq!(store.put(key(9), value("x"), at(10)), Put::Full);
        assert_eq!(
            store.put(key(0), value("x"), at(10)),
            Put::Stored(vec![key(4)])
        );
        let big = value(&"y".repeat(66));
        assert_eq!(
            store.put(key(0), big.clone(), at(10)),
            Put::Stored(vec![key(3), key(2)])
        );
        assert_eq!(store.put(key(1), big, at(10)), Put::Full);
        assert_eq!(store.value_count(), 3);
    }

    quickcheck! {
        fn the_bounds_hold_and_the_counts_are_right(puts: Vec<(u8, u8, u8, u8)>) -> bool {
            let mut store = store();
            for (first, text, len, ends) in puts {
                let text = vec![text; usize::from(len % 50)];
                let stored = Value::new(text).expect("short");
                store.put(key(first % 8), stored, at(u64::from(ends)));
                if ends % 16 == 0 {
                    store.expire(at(u64::from(ends)));
                }
                let all: Vec<_> = store.iter().collect();
                let bytes: usize = all.iter().map(|(_, value, _)| store.cost(value)).sum();
                assert_eq!((store.values, store.bytes), (all.len(), bytes));
                assert!(bytes <= BOUNDS.max_bytes && store.key_count() <= BOUNDS.max_keys);
            }
            true
        }
    }
}
