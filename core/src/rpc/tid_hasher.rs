//! Finding a call by the transaction id that an answer claims, in time that no asker can choose.

use core::hash::{BuildHasher, Hash};

use siphasher::sip::SipHasher13;

/// SipHash-1-3 with a key of our own, so that no peer can choose transaction ids that collide.
pub(super) struct TidHasher {
    key: [u8; 16],
}

impl TidHasher {
    pub(super) const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }
}

impl BuildHasher for TidHasher {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.key)
    }

    fn hash_one<T: Hash>(&self, tid: T) -> u64 {
        let mut hasher = self.build_hasher();
        tid.hash(&mut hasher);
        core::hash::Hasher::finish(&hasher)
    }
}
