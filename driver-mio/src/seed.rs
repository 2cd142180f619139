//! Seeds from the randomness of the operating system.

use std::fmt;

use khashmir::Seed;

/// Draws a seed from the operating system, which no other program can predict.
///
/// # Errors
/// [`NoEntropy`] when the system has no randomness to give.
pub fn system_seed() -> Result<Seed, NoEntropy> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(NoEntropy)?;
    Ok(Seed::new(bytes))
}

/// The operating system has no randomness to give.
#[derive(Clone, Copy, Debug)]
pub struct NoEntropy(getrandom::Error);

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot draw a random seed: {}", self.0)
    }
}

impl std::error::Error for NoEntropy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seed_is_like_another() {
        let draw = || system_seed().expect("the system has randomness");
        assert_ne!(draw(), draw());
    }
}
