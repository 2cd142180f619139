//! Values with a meaning: anything that bencode can say, written and read one by one.
//!
//! The core stores bytes. Programs that store structured values, as apt-p2p does, write them with
//! [`encode`] and read what a `get` brings with a [`Decoder`], which skips and counts what cannot
//! be read: anyone may have stored anything under a key.

use core::fmt;
use core::marker::PhantomData;

pub use crate::wire::{FromBencode, ToBencode, TypedError};

use crate::value::{Value, ValueTooLong};
use crate::wire::{from_bencode, to_bencode};

/// Writes a value.
///
/// # Errors
/// [`EncodeError`] when its encoding breaks the rules of bencode, or is longer than a value can be.
pub fn encode<T: ToBencode>(value: &T) -> Result<Value, EncodeError> {
    Ok(Value::new(to_bencode(value)?)?)
}

/// Reads values one by one.
#[derive(Clone, Debug)]
pub struct Decoder<T> {
    skipped: u64,
    values: PhantomData<fn() -> T>,
}

impl<T: FromBencode> Decoder<T> {
    /// A decoder that has skipped nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            skipped: 0,
            values: PhantomData,
        }
    }

    /// Reads a value; `None`, and one more skipped, when it is not a `T`.
    pub fn decode(&mut self, value: &Value) -> Option<T> {
        let decoded = from_bencode(value.as_bytes()).ok();
        self.skipped += u64::from(decoded.is_none());
        decoded
    }

    /// Reads those of the values that are a `T`.
    pub fn decode_all<'d>(&'d mut self, values: &'d [Value]) -> impl Iterator<Item = T> + 'd {
        values.iter().filter_map(|value| self.decode(value))
    }

    /// How many values were not a `T`.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl<T: FromBencode> Default for Decoder<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a typed value cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Its encoding breaks the rules of bencode.
    Bencode(TypedError),
    /// Its encoding is longer than a value can be.
    TooLong(ValueTooLong),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bencode(error) => error.fmt(f),
            Self::TooLong(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for EncodeError {}

impl From<TypedError> for EncodeError {
    fn from(error: TypedError) -> Self {
        Self::Bencode(error)
    }
}

impl From<ValueTooLong> for EncodeError {
    fn from(error: ValueTooLong) -> Self {
        Self::TooLong(error)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_bad_value_is_skipped_and_counted_and_hides_no_other() {
        let values = vec![
            encode(&"first").expect("short"),
            Value::new(*b"5:short ").expect("short"),
            encode(&7).expect("short"),
            encode(&"last").expect("short"),
        ];
        let mut decoder = Decoder::<String>::new();
        let texts: Vec<String> = decoder.decode_all(&values).collect();
        assert_eq!(
            (texts, decoder.skipped()),
            (vec!["first".into(), "last".into()], 2)
        );
    }

    #[test]
    fn what_is_too_long_to_fetch_is_not_stored() {
        let long = "x".repeat(Value::MAX_LEN);
        let error = encode(&long).expect_err("1396 bytes");
        assert_eq!(
            error,
            EncodeError::TooLong(ValueTooLong {
                len: Value::MAX_LEN + 5
            })
        );
    }
}
