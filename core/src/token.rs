//! Write tokens: proof that a node which stores a value can receive at the address it writes from.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::{fmt, iter, mem};

use siphasher::sip128::SipHasher24;
use subtle::ConstantTimeEq as _;

use crate::rng::Rng;

/// A write token (specification, section 6: 20 bytes). Only its issuer can tell what it is
/// made of: 4 bytes that name the secret, and 16 of the address under that secret.
pub(crate) type Token = [u8; 20];

/// The secrets from which tokens are made.
pub(crate) struct Tokens {
    /// The one that comes next, where there is a journal: it is written down before it is used.
    upcoming: Option<Secret>,
    newest: Secret,
    /// Those that are still good, the newest first: a token outlives two rotations (specification,
    /// section 6).
    older: [Option<Secret>; 2],
}

/// A key, and the name under which tokens made with it are known.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Secret {
    name: [u8; 4],
    key: [u8; 16],
}

impl Tokens {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            upcoming: None,
            newest: Secret::new(rng),
            older: [None, None],
        }
    }

    /// Draws the secret that comes next, if none is drawn, so that it can be written down in time.
    pub(crate) fn announce(&mut self, rng: &mut Rng) {
        if self.upcoming.is_none() {
            self.upcoming = Some(self.draw(rng));
        }
    }

    /// All that is needed to accept what was issued, and to go on.
    pub(crate) fn secrets(&self) -> TokenSecrets {
        TokenSecrets {
            upcoming: self.upcoming.clone(),
            live: self.live().cloned().collect(),
        }
    }

    /// Goes on with the secrets of an earlier run, which should have been changed so often since.
    pub(crate) fn restore(&mut self, saved: TokenSecrets, rotations: usize, rng: &mut Rng) {
        let mut live = saved.live.into_iter();
        let Some(newest) = live.next() else {
            return;
        };
        let fresh = mem::replace(&mut self.newest, newest);
        self.upcoming = saved.upcoming;
        self.older = [live.next(), live.next()];
        // After so many none is left that was ever used.
        if rotations > self.older.len() + 1 {
            (self.upcoming, self.newest, self.older) = (None, fresh, [None, None]);
            return;
        }
        for _ in 0..rotations {
            self.rotate(rng);
        }
    }

    /// The token for an asker, made with the newest secret.
    pub(crate) fn issue(&self, to: SocketAddr) -> Token {
        self.newest.token(to)
    }

    /// Whether a token was issued to this address with a live secret, or with the one that comes next: we
    /// may have used it just before a crash, and not have written that down any more. The time that it takes says
    /// nothing about how close a wrong one came.
    pub(crate) fn accepts(&self, given: &[u8], from: SocketAddr) -> bool {
        let mut known = self.upcoming.iter().chain(self.live());
        let made_with = known.find(|secret| given.starts_with(&secret.name));
        made_with.is_some_and(|secret| secret.token(from).as_slice().ct_eq(given).into())
    }

    /// Starts a new secret, and forgets the oldest beyond those that are live.
    pub(crate) fn rotate(&mut self, rng: &mut Rng) {
        let secret = match self.upcoming.take() {
            Some(upcoming) => upcoming,
            None => self.draw(rng),
        };
        let last = mem::replace(&mut self.newest, secret);
        self.older.rotate_right(1);
        self.older[0] = Some(last);
    }

    /// A secret under a name that no live one has.
    fn draw(&self, rng: &mut Rng) -> Secret {
        let mut secret = Secret::new(rng);
        while self.live().any(|live| live.name == secret.name) {
            secret = Secret::new(rng);
        }
        secret
    }

    fn live(&self) -> impl Iterator<Item = &Secret> {
        iter::once(&self.newest).chain(self.older.iter().flatten())
    }
}

/// The secrets behind write tokens, as they are written down: whoever reads them can make tokens for any
/// address, until the node has changed its secrets three times.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenSecrets {
    upcoming: Option<Secret>,
    /// The newest first; never empty.
    live: Vec<Secret>,
}

impl TokenSecrets {
    /// The byte form: for each secret its name and its key, the newest first. The one that comes next,
    /// if it is known, is in front of them, behind a byte that is 1; without it, that byte is 0.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.push(u8::from(self.upcoming.is_some()));
        for secret in self.upcoming.iter().chain(&self.live) {
            bytes.extend_from_slice(&secret.name);
            bytes.extend_from_slice(&secret.key);
        }
        bytes
    }

    /// Reads the byte form; nothing when it is not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (announced, secrets) = bytes.split_first()?;
        let (secrets, rest) = secrets.as_chunks();
        let mut secrets = secrets.iter().map(Secret::from_bytes);
        let upcoming = match announced {
            0 => None,
            1 => Some(secrets.next()?),
            _ => return None,
        };
        let live: Vec<Secret> = secrets.collect();
        let sound = rest.is_empty() && (1..=3).contains(&live.len());
        sound.then_some(Self { upcoming, live })
    }
}

/// Keeps secrets out of logs.
impl fmt::Debug for TokenSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecrets(..)")
    }
}

impl Secret {
    fn new(rng: &mut Rng) -> Self {
        Self {
            name: rng.bytes(),
            key: rng.bytes(),
        }
    }

    fn from_bytes(bytes: &[u8; 20]) -> Self {
        let (mut name, mut key) = ([0; 4], [0; 16]);
        name.copy_from_slice(&bytes[..4]);
        key.copy_from_slice(&bytes[4..]);
        Self { name, key }
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

    #[test]
    fn an_announced_secret_is_used_at_the_next_rotation_and_survives() {
        let mut rng = Rng::new(Seed::from_number(2));
        let mut tokens = Tokens::new(&mut rng);
        tokens.announce(&mut rng);
        let asker = ([10, 0, 0, 1], 1).into();
        let (saved, early) = (tokens.secrets(), tokens.issue(asker));
        assert_eq!(
            TokenSecrets::from_bytes(&saved.to_bytes()),
            Some(saved.clone())
        );
        tokens.rotate(&mut rng);
        let late = tokens.issue(asker);
        let restored = |rotations| {
            let mut rng = Rng::new(Seed::from_number(3));
            let mut restored = Tokens::new(&mut rng);
            restored.restore(saved.clone(), rotations, &mut rng);
            [&early, &late].map(|token| restored.accepts(token, asker))
        };
        assert_eq!(restored(0), [true, true], "in use before that was written");
        assert_eq!(restored(1), [true, true]);
        assert_eq!(restored(2), [true, true]);
        assert_eq!(restored(3), [false, true]);
        assert_eq!(restored(4), [false, false]);
        assert_eq!(restored(usize::MAX), [false, false]);
    }

    #[test]
    fn bytes_that_are_no_secrets_are_refused() {
        let mut rng = Rng::new(Seed::from_number(4));
        let bytes = Tokens::new(&mut rng).secrets().to_bytes();
        assert_eq!(bytes.len(), 21);
        for wrong in [
            &b""[..],
            &bytes[..20],
            &[2; 21],
            &[1; 21],
            &[0; 81],
            &[0; 1],
        ] {
            assert_eq!(
                TokenSecrets::from_bytes(wrong),
                None,
                "{} bytes",
                wrong.len()
            );
        }
    }
}
