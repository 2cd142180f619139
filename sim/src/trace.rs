//! Fingerprints: what tells two runs apart, and what chance is made of.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// A hash that is the same on every machine and in every version: SipHash-1-3 without a key, over
/// bytes.
#[derive(Clone)]
pub(crate) struct Fingerprint(SipHasher13);

/// What chance is needed for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// How long a datagram travels between two hosts.
    Latency,
    /// Who looks up what.
    Lookup,
    /// Where the chance of a node itself starts.
    NodeSeed,
}

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(SipHasher13::new_with_keys(0, 0))
    }

    /// A number that depends on the seed, on what it is for, and on what else it is about, so that
    /// adding a draw somewhere changes no other draw.
    pub(crate) fn draw(seed: u64, purpose: Purpose, about: &[u64]) -> u64 {
        let mut fingerprint = Self::new();
        fingerprint.number(seed);
        fingerprint.number(purpose as u64);
        for number in about {
            fingerprint.number(*number);
        }
        fingerprint.finish()
    }

    /// The fingerprint of some numbers.
    pub(crate) fn of(numbers: &[u64]) -> u64 {
        let mut fingerprint = Self::new();
        for number in numbers {
            fingerprint.number(*number);
        }
        fingerprint.finish()
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.write(&number.to_be_bytes());
    }

    /// Takes in bytes and how many they are, so that no two sequences look the same.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_everywhere() {
        // What the standard library's hasher, which is SipHash-1-3 without a key, says to nothing.
        assert_eq!(Fingerprint::of(&[]), 0xd1fb_a762_150c_532c);
        let mut standard = DefaultHasher::new();
        standard.write(&7u64.to_be_bytes());
        assert_eq!(Fingerprint::of(&[7]), standard.finish());
    }

    #[test]
    fn where_bytes_end_makes_a_difference() {
        let of = |parts: [&[u8]; 2]| {
            let mut fingerprint = Fingerprint::new();
            parts.iter().for_each(|part| fingerprint.bytes(part));
            fingerprint.finish()
        };
        assert_ne!(of([b"ab", b"c"]), of([b"a", b"bc"]));
    }
}
