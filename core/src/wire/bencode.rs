//! Bencode, read and written by bendy: the only file that names it.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use bendy::decoding::{Decoder, Object};
use bendy::encoding::{Encoder, Error as EncodeError, SingleItemEncoder};

pub use bendy::decoding::FromBencode;
pub use bendy::encoding::ToBencode;

/// Any bencoded value, borrowed from the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Bytes(&'a [u8]),
    /// In ascending order of the keys, each key once.
    Dict(Vec<(&'a [u8], Self)>),
    /// Canonical digits: integers of bencode have no bound.
    Int(&'a str),
    List(Vec<Self>),
}

impl<'a> Item<'a> {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Self> {
        let Self::Dict(pairs) = self else {
            return None;
        };
        pairs
            .iter()
            .find_map(|(name, item)| (*name == key).then_some(item))
    }

    pub(crate) const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Dict(_) | Self::Int(_) | Self::List(_) => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Bytes(_) | Self::Dict(_) | Self::Int(_) => None,
        }
    }

    /// The integer, when it is one from 0 up; the nearest of 64 bits when it has more.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Int(digits) if !digits.starts_with('-') => {
                Some(digits.parse().unwrap_or(u64::MAX))
            }
            Self::Bytes(_) | Self::Dict(_) | Self::Int(_) | Self::List(_) => None,
        }
    }
}

/// Reads exactly one canonical value; `None` when the bytes are anything else, or nested deeper
/// than `max_depth`.
pub(crate) fn parse(bytes: &[u8], max_depth: usize) -> Option<Item<'_>> {
    let mut decoder = Decoder::new(bytes).with_max_depth(max_depth);
    let item = read(decoder.next_object().ok()??)?;
    match decoder.next_object() {
        Ok(None) => Some(item),
        Ok(Some(_)) | Err(_) => None,
    }
}

/// Recursion is bounded by the decoder's depth.
fn read<'a>(object: Object<'_, 'a>) -> Option<Item<'a>> {
    Some(match object {
        Object::Bytes(bytes) => Item::Bytes(bytes),
        Object::Integer(digits) => Item::Int(digits),
        Object::List(mut list) => {
            let mut items = Vec::new();
            while let Some(object) = list.next_object().ok()? {
                items.push(read(object)?);
            }
            Item::List(items)
        }
        Object::Dict(mut dict) => {
            let mut pairs = Vec::new();
            while let Some((key, object)) = dict.next_pair().ok()? {
                pairs.push((key, read(object)?));
            }
            Item::Dict(pairs)
        }
    })
}

/// Values to be written, in the order in which they are given: keys must ascend.
pub(crate) enum Writer<'a> {
    Bytes(&'a [u8]),
    Dict(Vec<(&'a [u8], Self)>),
    Int(i128),
    List(Vec<Self>),
}

impl Writer<'_> {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let written = encoder.emit_with(|single| self.emit(single));
        debug_assert!(written.is_ok(), "keys ascend: {written:?}");
        encoder.get_output().unwrap_or_default()
    }

    fn emit(&self, single: SingleItemEncoder<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Bytes(bytes) => single.emit_bytes(bytes),
            Self::Dict(pairs) => single.emit_dict(|mut dict| {
                pairs.iter().try_for_each(|(key, item)| {
                    dict.emit_pair_with(key, |single| item.emit(single))
                })
            }),
            Self::Int(number) => single.emit_int(*number),
            Self::List(items) => single.emit_list(|list| {
                items
                    .iter()
                    .try_for_each(|item| list.emit_with(|single| item.emit(single)))
            }),
        }
    }
}

/// How deep a typed value may be nested.
const MAX_TYPED_DEPTH: usize = 64;

/// Why a typed value could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedError(Box<str>);

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for TypedError {}

/// Writes anything that bendy can write.
///
/// # Errors
/// [`TypedError`] when its own encoding breaks the rules of bencode.
pub fn to_bencode<T: ToBencode>(item: &T) -> Result<Vec<u8>, TypedError> {
    item.to_bencode()
        .map_err(|error| TypedError(error.to_string().into()))
}

/// Reads anything that bendy can read.
///
/// # Errors
/// [`TypedError`] when the bytes are not one whole value of that type.
pub fn from_bencode<T: FromBencode>(bytes: &[u8]) -> Result<T, TypedError> {
    // bendy itself stops at the end of the first value.
    if parse(bytes, MAX_TYPED_DEPTH).is_none() {
        return Err(TypedError("not one whole canonical value".into()));
    }
    T::from_bencode(bytes).map_err(|error| TypedError(error.to_string().into()))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn only_one_whole_canonical_value_is_read() {
        assert_eq!(parse(b"i-7e", 4), Some(Item::Int("-7")));
        assert_eq!(
            parse(b"d1:ai1e1:bl2:xyee", 4).and_then(|d| d.get(b"a")?.unsigned()),
            Some(1)
        );
        for bad in [
            &b""[..],
            b"e",
            b"i1",
            b"i01e",
            b"i-0e",
            b"ie",
            b"i+2e",
            b"02:xy",
            b"3:xy",
            b"-1:x",
            b"i1ei2e",
            b"2:xyz",
            b"d1:bi1e1:ai1ee",
            b"d1:ai1e1:ai1ee",
            b"di1ei2ee",
            b"d1:ae",
            b"d1:a",
            b"l",
            b"d-4:",
            b"u3:abc",
            b"t2020-01-01T00:00:00e",
            b"lllllee",
        ] {
            assert_eq!(parse(bad, 4), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'l'; depth], vec![b'e'; depth]].concat();
        assert!(parse(&nested(16), 16).is_some());
        assert!(parse(&nested(17), 16).is_none());
        assert!(parse(&nested(4000), 16).is_none());
    }

    #[test]
    fn integers_beyond_64_bits_count_as_the_nearest() {
        assert_eq!(Item::Int("99999999999999999999").unsigned(), Some(u64::MAX));
        assert_eq!(Item::Int("-1").unsigned(), None);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let written = Writer::Dict(vec![
            (
                b"a",
                Writer::List(vec![Writer::Int(-3), Writer::Bytes(b"xy")]),
            ),
            (b"b", Writer::Int(7)),
        ]);
        assert_eq!(written.to_bytes(), b"d1:ali-3e2:xye1:bi7ee");
    }
}
