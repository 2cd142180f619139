//! What is stored under keys: opaque bytes of bounded length.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// A stored value: bytes that mean something to the application only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Value(Box<[u8]>);

impl Value {
    /// The longest value that fits into one answer: 1472 bytes less the 76 that a `get_value`
    /// answer needs around its values and the 5 of the value's own length prefix
    /// (specification, section 1.5).
    pub const MAX_LEN: usize = 1391;

    /// A value of these bytes.
    ///
    /// # Errors
    /// [`ValueTooLong`] when they are more than [`Value::MAX_LEN`]: such a value could be stored
    /// but never fetched.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ValueTooLong> {
        let bytes = bytes.into();
        if bytes.len() > Self::MAX_LEN {
            return Err(ValueTooLong { len: bytes.len() });
        }
        Ok(Self(bytes.into_boxed_slice()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Values are ordered as their base64 texts are, which is the order in which the original answers
/// (specification, section 1.5).
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        base64_order(&self.0, &other.0)
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Bytes that are too many for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueTooLong {
    /// How many there were.
    pub len: usize,
}

impl fmt::Display for ValueTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a value of {} bytes is longer than {}",
            self.len,
            Value::MAX_LEN
        )
    }
}

impl core::error::Error for ValueTooLong {}

/// Compares two byte strings as their base64 texts (RFC 4648, with a line end) compare.
fn base64_order(a: &[u8], b: &[u8]) -> Ordering {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    // Base64 works on groups of three bytes: the first group that differs decides.
    let group = shared / 3 * 3;
    base64_group(&a[group..]).cmp(&base64_group(&b[group..]))
}

/// The four characters of the first group of these bytes; a line end where there are no bytes.
fn base64_group(bytes: &[u8]) -> [u8; 4] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u8| ALPHABET[usize::from(bits & 0x3f)];
    match *bytes {
        [] => *b"\n\0\0\0",
        [a] => [digit(a >> 2), digit(a << 4), b'=', b'='],
        [a, b] => [digit(a >> 2), digit(a << 4 | b >> 4), digit(b << 2), b'='],
        [a, b, c, ..] => [
            digit(a >> 2),
            digit(a << 4 | b >> 4),
            digit(b << 2 | c >> 6),
            digit(c),
        ],
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use quickcheck::quickcheck;

    use super::*;

    fn base64_text(bytes: &[u8]) -> String {
        let mut text: String = bytes
            .chunks(3)
            .flat_map(base64_group)
            .map(char::from)
            .collect();
        text.push('\n');
        text
    }

    quickcheck! {
        fn order_is_that_of_the_base64_texts(a: Vec<u8>, b: Vec<u8>, shared: Vec<u8>) -> bool {
            let (a, b) = ([shared.clone(), a].concat(), [shared, b].concat());
            base64_order(&a, &b) == base64_text(&a).cmp(&base64_text(&b))
        }
    }

    #[test]
    fn base64_is_base64() {
        assert_eq!(
            base64_text(b"any carnal pleas"),
            "YW55IGNhcm5hbCBwbGVhcw==\n"
        );
        assert_eq!(base64_text(&[0xff, 0xfb]), "//s=\n");
    }

    #[test]
    fn a_value_has_a_longest_length() {
        assert!(Value::new(vec![0; Value::MAX_LEN]).is_ok());
        assert_eq!(Value::new(vec![0; 1392]), Err(ValueTooLong { len: 1392 }));
    }
}
