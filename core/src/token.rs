//! Write tokens: proof that whoever stores a value can receive at the address it writes from.

use alloc::collections::VecDeque;
use core::net::SocketAddr;

use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeEq as _};

use crate::rng::Rng;

/// A write token (specification, section 6: 20 bytes).
pub(crate) type Token = [u8; 20];

/// The secrets from which tokens are made, newest first.
pub(crate) struct Tokens {
    secrets: VecDeque<[u8; 20]>,
}

impl Tokens {
    /// How many secrets are live: a token outlives two rotations (specification, section 6).
    const LIVE: usize = 3;

    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            secrets: VecDeque::from([rng.bytes()]),
        }
    }

    /// The token for an asker, made with the newest secret.
    pub(crate) fn issue(&self, to: SocketAddr) -> Token {
        self.secrets
            .front()
            .map_or([0; 20], |secret| token(secret, to))
    }

    /// Whether a token was issued to this address with a live secret. The time that it takes says
    /// nothing about how close a wrong one came.
    pub(crate) fn accepts(&self, given: &[u8], from: SocketAddr) -> bool {
        let mut found = Choice::from(0);
        for secret in &self.secrets {
            found |= token(secret, from).as_slice().ct_eq(given);
        }
        found.into()
    }

    /// Starts a new secret, and forgets the oldest beyond those that are live.
    pub(crate) fn rotate(&mut self, rng: &mut Rng) {
        self.secrets.push_front(rng.bytes());
        self.secrets.truncate(Self::LIVE);
    }
}

/// SHA-1 over secret and address, port included: the original leaves the port out, so that its
/// tokens are good for every process behind one address (specification, section 13).
fn token(secret: &[u8; 20], addr: SocketAddr) -> Token {
    let mut hash = Sha1::new().chain_update(secret);
    match addr {
        SocketAddr::V4(v4) => hash.update(v4.ip().octets()),
        SocketAddr::V6(v6) => hash.update(v6.ip().octets()),
    }
    hash.chain_update(addr.port().to_be_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn a_token_is_good_for_one_address_and_two_rotations() {
        let mut rng = Rng::new(Seed::from_number(1));
        let mut tokens = Tokens::new(&mut rng);
        let asker = ([10, 0, 0, 1], 1).into();
        let token = tokens.issue(asker);
        for _ in 0..2 {
            assert!(tokens.accepts(&token, asker));
            tokens.rotate(&mut rng);
        }
        assert!(tokens.accepts(&token, asker));
        assert_ne!(tokens.issue(asker), token);
        for other in [([10, 0, 0, 2], 1).into(), ([10, 0, 0, 1], 2).into()] {
            assert!(!tokens.accepts(&token, other));
        }
        assert!(!tokens.accepts(b"", asker) && !tokens.accepts(&token[..19], asker));
        tokens.rotate(&mut rng);
        assert!(!tokens.accepts(&token, asker));
    }
}
