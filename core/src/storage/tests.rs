//! Tests of the store of values.

use alloc::vec;

use quickcheck::quickcheck;

use super::*;

fn all(store: &Store) -> Vec<(Id, &Value, Instant)> {
    let keys = store.keys_after(None);
    keys.flat_map(|(key, values)| values.iter().map(move |(value, end)| (key, value, *end)))
        .collect()
}

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
    store.expire(at(10), usize::MAX);
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
    store.expire(at(20), usize::MAX);
    assert_eq!(
        (store.value_count(), store.key_count(), store.bytes),
        (1, 1, 11)
    );
    store.expire(at(30), usize::MAX);
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
                store.expire(now, usize::MAX);
                assert!(all(&store).iter().all(|(_, _, ends)| *ends > now));
            }
            let all = all(&store);
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
