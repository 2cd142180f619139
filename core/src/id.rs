//! 160-bit identifiers: of nodes, of lookup targets, of keys, which are all one space.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use sha1::{Digest, Sha1};

/// A point of the 160-bit space in which nodes, targets and keys lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// Bytes in an identifier (specification, section 1.3).
    pub const LEN: usize = 20;

    /// Bits in an identifier.
    pub const BITS: usize = Self::LEN * 8;

    /// The identifier with these bytes, most significant first.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The identifier with these bytes, if there are exactly 20 of them.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The SHA-1 of these bytes: how a name becomes a key.
    #[must_use]
    pub fn hash_of(bytes: &[u8]) -> Self {
        Self(Sha1::digest(bytes).into())
    }

    /// A key of any length made to fit, as the original's interface does it: cut to 20 bytes, or
    /// filled up with zero bytes at the end.
    #[must_use]
    pub fn normalised(key: &[u8]) -> Self {
        let mut bytes = [0; Self::LEN];
        let kept = key.len().min(Self::LEN);
        bytes[..kept].copy_from_slice(&key[..kept]);
        Self(bytes)
    }

    /// The bytes, most significant first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// How far `other` is, by the XOR metric.
    #[must_use]
    pub fn distance(&self, other: &Self) -> Distance {
        let mut xor = [0; Self::LEN];
        for (out, (a, b)) in xor.iter_mut().zip(self.0.iter().zip(&other.0)) {
            *out = a ^ b;
        }
        Distance(xor)
    }

    /// The identifier at `distance` from this one.
    #[must_use]
    pub fn at(&self, distance: &Distance) -> Self {
        Self(self.distance(&Self(distance.0)).0)
    }

    /// How many leading bits the two have in common: 160 when they are equal.
    #[must_use]
    pub fn common_prefix(&self, other: &Self) -> usize {
        // Most differ early, and every datagram asks.
        match self.first_64() ^ other.first_64() {
            0 => self.distance(other).leading_zeros(),
            first => first.leading_zeros() as usize,
        }
    }

    /// True for the twenty zero bytes that stand for "no id known" on the wire. No node has it.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0 == [0; Self::LEN]
    }

    /// The identifier whose last byte is one higher, wrapping within that byte: the target of the
    /// original's search for its own neighbourhood.
    #[must_use]
    pub fn neighbour(&self) -> Self {
        let mut bytes = self.0;
        bytes[Self::LEN - 1] = bytes[Self::LEN - 1].wrapping_add(1);
        Self(bytes)
    }

    /// `self` with its first `bits` bits taken from `prefix`, and, when `flipped`, the bit after
    /// them set to the opposite of the prefix's.
    #[must_use]
    pub(crate) fn under(&self, prefix: &Self, bits: usize, after: NextBit) -> Self {
        let mut bytes = self.0;
        for bit in 0..bits.min(Self::BITS) {
            set(&mut bytes, bit, prefix.bit(bit));
        }
        match after {
            NextBit::Flipped if bits < Self::BITS => set(&mut bytes, bits, !prefix.bit(bits)),
            NextBit::Flipped | NextBit::Any => {}
        }
        Self(bytes)
    }

    /// The most significant 64 bits.
    pub(crate) const fn first_64(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    fn bit(&self, index: usize) -> bool {
        self.0[index / 8] & (0x80 >> (index % 8)) != 0
    }
}

/// What becomes of the first bit after a shared prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextBit {
    /// It may be either.
    Any,
    /// It is the opposite of the prefix owner's.
    Flipped,
}

fn set(bytes: &mut [u8; Id::LEN], index: usize, to: bool) {
    let mask = 0x80 >> (index % 8);
    if to {
        bytes[index / 8] |= mask;
    } else {
        bytes[index / 8] &= !mask;
    }
}

impl From<[u8; 20]> for Id {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 40 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 40 hex digits")
    }
}

impl core::error::Error for NotAnId {}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.as_bytes();
        if digits.len() != 2 * Self::LEN {
            return Err(NotAnId);
        }
        let mut bytes = [0; Self::LEN];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (hex_digit(pair[0]), hex_digit(pair[1]));
            *byte = high.ok_or(NotAnId)? << 4 | low.ok_or(NotAnId)?;
        }
        Ok(Self(bytes))
    }
}

/// What a hex digit counts.
pub(crate) const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// How far two identifiers are apart: their XOR, ordered as a 160-bit number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Distance([u8; Id::LEN]);

impl Distance {
    /// Bits before the first that differs: 160 for the distance of an identifier to itself.
    #[must_use]
    pub fn leading_zeros(&self) -> usize {
        let (high, low) = self.number();
        let zeros = if high == 0 {
            u128::BITS + low.leading_zeros()
        } else {
            high.leading_zeros()
        };
        zeros as usize
    }

    /// Whether the two differ in this bit, counted from the most significant; false beyond the
    /// last.
    pub(crate) fn bit(&self, at: usize) -> bool {
        let byte = self.0.get(at / 8).copied().unwrap_or_default();
        byte & (0x80 >> (at % 8)) != 0
    }

    /// Its first 128 bits.
    pub(crate) const fn leading_128(&self) -> u128 {
        self.number().0
    }

    /// The distance with these first 128 bits, and none after.
    pub(crate) fn from_leading(bits: u128) -> Self {
        let mut bytes = [0; Id::LEN];
        bytes[..16].copy_from_slice(&bits.to_be_bytes());
        Self(bytes)
    }

    /// The number itself, in two parts because there is no type for 160 bits: machines compare
    /// numbers faster than bytes.
    const fn number(&self) -> (u128, u32) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, low @ ..] = self.0;
        let high = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
        (u128::from_be_bytes(high), u32::from_be_bytes(low))
    }
}

impl Ord for Distance {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Distance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// 40 hex digits, as of an identifier.
impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Id(self.0), f)
    }
}

impl fmt::Debug for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn hex_goes_there_and_back() {
        let id = Id::hash_of(b"there and back");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("xyz".parse::<Id>(), Err(NotAnId));
        assert_eq!("zz".repeat(20).parse::<Id>(), Err(NotAnId));
    }

    #[test]
    fn keys_are_cut_or_filled_up() {
        assert_eq!(Id::normalised(b"ab").as_bytes()[..3], *b"ab\0");
        assert_eq!(Id::normalised(&[7; 30]), Id::new([7; 20]));
    }

    quickcheck! {
        fn distances_are_ordered_byte_by_byte(one: Vec<u8>, at: u8, byte: u8) -> bool {
            let one = Id::normalised(&one).0;
            let mut other = one;
            other[usize::from(at) % Id::LEN] = byte;
            Distance(one).cmp(&Distance(other)) == one.cmp(&other)
        }
    }

    #[test]
    fn the_metric_counts_shared_bits() {
        let id = Id::hash_of(b"a");
        assert_eq!(id.common_prefix(&id), 160);
        for bits in 0..160 {
            let other = Id::hash_of(b"b").under(&id, bits, NextBit::Flipped);
            assert_eq!(id.common_prefix(&other), bits);
            assert_eq!(id.at(&id.distance(&other)), other);
        }
    }
}
