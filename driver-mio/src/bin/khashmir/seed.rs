//! Randomness from the operating system.

use khashmir::Seed;

use crate::failure::Failure;

/// A seed that no other program can predict.
pub(crate) fn drawn() -> Result<Seed, Failure> {
    khashmir_mio::system_seed().map_err(Failure::failed)
}

/// Any number.
pub(crate) fn number() -> Result<u64, Failure> {
    getrandom::u64()
        .map_err(|error| Failure::failed(format_args!("cannot draw a random number: {error}")))
}
