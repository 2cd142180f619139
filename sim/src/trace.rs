//! What a host did, as a number: everything it sent, recorded and reported, folded into a hash.
//!
//! Each host has a hash of its own, and those of a world are combined in the order of the hosts, so
//! that the number does not depend on which thread computed which host, or when.

use std::fmt;
use std::hash::{Hash as _, Hasher};
use std::net::SocketAddr;

use khashmir::{Event, Instant, Record};
use siphasher::sip::SipHasher13;

use crate::network::Fate;

/// The hash of one host, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceHash(u64);

impl TraceHash {
    /// Takes in a datagram and what becomes of it.
    pub fn datagram(&mut self, at: Instant, to: SocketAddr, fate: &Fate, bytes: &[u8]) {
        let mut item = Item::new(1, at);
        item.address(to);
        match fate {
            Fate::Lost(why) => item.0.write(why.name().as_bytes()),
            Fate::Arrives {
                from,
                after,
                copy_after,
            } => {
                item.address(*from);
                item.0.write(&after.as_nanos().to_le_bytes());
                let copy = copy_after.map_or(0, |after| after.as_nanos());
                item.0.write(&copy.to_le_bytes());
            }
        }
        item.0.write(bytes);
        self.fold(&item);
    }

    /// Takes in a record.
    pub fn record(&mut self, at: Instant, record: &Record) {
        let mut item = Item::new(2, at);
        record.hash(&mut item);
        self.fold(&item);
    }

    /// Takes in an event.
    pub fn event(&mut self, at: Instant, event: &Event) {
        let mut item = Item::new(3, at);
        event.hash(&mut item);
        self.fold(&item);
    }

    /// Combines the hashes of hosts, in their order.
    #[must_use]
    pub fn combine(hashes: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for hash in hashes {
            all.mix(hash.0);
        }
        all
    }

    fn fold(&mut self, item: &Item) {
        self.mix(item.0.finish());
    }

    const fn mix(&mut self, word: u64) {
        // An odd multiplier keeps the order of the items in the result.
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

struct Item(SipHasher13);

impl Item {
    /// The key is fixed, so that two runs agree; the hash need not resist an attacker.
    fn new(kind: u8, at: Instant) -> Self {
        let mut hasher = SipHasher13::new_with_key(b"khashmir's trace");
        hasher.write(&[kind]);
        hasher.write(&at.as_nanos().to_le_bytes());
        Self(hasher)
    }

    fn address(&mut self, addr: SocketAddr) {
        if let SocketAddr::V4(v4) = addr {
            self.0.write(&v4.ip().octets());
            self.0.write(&v4.port().to_le_bytes());
        }
    }
}

/// Numbers are taken in the same way on every machine, whatever its words are like.
impl Hasher for Item {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn write_u16(&mut self, number: u16) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_u32(&mut self, number: u32) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_u64(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_u128(&mut self, number: u128) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    // The signed ones fall back on these, but for the size of a word.
    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}
