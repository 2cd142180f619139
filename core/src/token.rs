//! Write tokens: proof that a node which stores a value can receive at the address it writes from.

use core::net::SocketAddr;
use core::{iter, mem};

use siphasher::sip128::SipHasher24;
use subtle::ConstantTimeEq as _;

use crate::rng::Rng;

/// A write token (specification, section 6: 20 bytes). Only its issuer can tell what it is
/// made of: 4 bytes that name the secret, and 16 of the address under that secret.
pub(crate) type Token = [u8; 20];

/// The secrets from which tokens are made.
pub(crate) struct Tokens {
    newest: Secret,
    /// Those that are still good, the newest first: a token outlives two rotations (specification,
    /// section 6).
    older: [Option<Secret>; 2],
}

/// A key, and the name under which tokens made with it are known.
struct Secret {
    name: [u8; 4],
    key: [u8; 16],
}

impl Tokens {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            newest: Secret::new(rng),
            older: [None, None],
        }
    }

    /// The token for an asker, made with the newest secret.
    pub(crate) fn issue(&self, to: SocketAddr) -> Token {
        self.newest.token(to)
    }

    /// Whether a token was issued to this address with a live secret. The time that it takes says
    /// nothing about how close a wrong one came.
    pub(crate) fn accepts(&self, given: &[u8], from: SocketAddr) -> bool {
        let made_with = self.live().find(|secret| given.starts_with(&secret.name));
        made_with.is_some_and(|secret| secret.token(from).as_slice().ct_eq(given).into())
    }

    /// Starts a new secret, and forgets the oldest beyond those that are live.
    pub(crate) fn rotate(&mut self, rng: &mut Rng) {
        let mut secret = Secret::new(rng);
        while self.live().any(|live| live.name == secret.name) {
            secret = Secret::new(rng);
        }
        let last = mem::replace(&mut self.newest, secret);
        self.older.rotate_right(1);
        self.older[0] = Some(last);
    }

    fn live(&self) -> impl Iterator<Item = &Secret> {
        iter::once(&self.newest).chain(self.older.iter().flatten())
    }
}

impl Secret {
    fn new(rng: &mut Rng) -> Self {
        Self {
            name: rng.bytes(),
            key: rng.bytes(),
        }
    }

    /// The address is authenticated port included: the original leaves the port out, so that its
    /// tokens are good for every process behind one address (specification, section 13). It hashes
    /// with SHA-1, of which a node that answers would do little else; SipHash-2-4 with 128 bits is
    /// made for authenticating a few bytes with a key.
    fn token(&self, addr: SocketAddr) -> Token {
        let mut bytes = [0; 18];
        match addr {
            SocketAddr::V4(v4) => bytes[..4].copy_from_slice(&v4.ip().octets()),
            SocketAddr::V6(v6) => bytes[..16].copy_from_slice(&v6.ip().octets()),
        }
        bytes[16..].copy_from_slice(&addr.port().to_be_bytes());
        let tag = SipHasher24::new_with_key(&self.key).hash(&bytes).as_u128();
        let mut token = [0; 20];
        token[..4].copy_from_slice(&self.name);
        token[4..].copy_from_slice(&tag.to_be_bytes());
        token
    }
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
        for at in 0..token.len() {
            let mut wrong = token;
            wrong[at] ^= 1;
            assert!(!tokens.accepts(&wrong, asker), "byte {at} is looked at");
        }
        tokens.rotate(&mut rng);
        assert!(!tokens.accepts(&token, asker));
    }
}
