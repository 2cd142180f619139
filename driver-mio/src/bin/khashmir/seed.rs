//! Randomness from the operating system.

use khashmir::Seed;

use crate::failure::Failure;

/// A seed that nobody can predict.
pub(crate) fn drawn() -> Result<Seed, Failure> {
    Ok(Seed::new(bytes()?))
}

/// Any number.
pub(crate) fn number() -> Result<u64, Failure> {
    Ok(u64::from_ne_bytes(bytes()?))
}

fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format_args!("cannot draw a random seed: {error}")))?;
    Ok(bytes)
}
