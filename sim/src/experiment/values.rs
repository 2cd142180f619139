//! The values of an experiment and their keys, by number.

use khashmir::{Id, Value};

use super::population;
use crate::random::{Draw, topic};

/// The value of that number.
pub(super) fn value(number: u32) -> Value {
    Value::new(format!("value {number}")).unwrap_or_else(|_| unreachable!("it is short"))
}

/// The key of the value of that number which is stored once.
pub(super) fn key(seed: u64, number: u32) -> Id {
    drawn(seed, "experiment/keys", number)
}

/// The key of the value of that number which is kept.
pub(super) fn kept_key(seed: u64, number: u32) -> Id {
    drawn(seed, "experiment/kept", number)
}

fn drawn(seed: u64, name: &str, number: u32) -> Id {
    population::id(&mut Draw::new(seed, &[topic(name), number.into()]))
}
