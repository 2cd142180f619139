//! Whether addresses that do not answer are spared.

use core::time::Duration;

/// What becomes of addresses that others name, or write from, and that do not answer.
///
/// Addresses that the user gave, contacts of the table or of a snapshot, and those that were lost from
/// the table are asked at times of their own, whatever is set here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SilentAddresses {
    /// However many peers name one, it is sent 3 calls (each with its resends) until it was left in peace
    /// for 15 minutes, and its prefix (a /24) 12, unless an address in that answers. Where
    /// [many nodes share an address](super::Config::shared_addresses), each port of it counts for itself,
    /// and prefixes do not count. Lookups pass over a contact that is spared.
    Spare,
    /// They are asked whenever they are named, as in the original.
    AskAgain,
}

impl SilentAddresses {
    /// How long an address is left in peace after its last call.
    pub const SPARED: Duration = Duration::from_secs(15 * 60);
}
