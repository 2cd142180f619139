//! What the table is told of a contact, and what it says of it.

use crate::contact::Contact;
use crate::rtt::RttSample;

/// Why the table hears of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It answered us, after this long.
    Answered(RttSample),
    /// It asked us something: anyone can write any id and forge any address.
    Asked,
}

/// What the table makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The identifier is known at another address, which has to be asked whether it is still there.
    IdentityConflict(Contact),
    /// It is in the table since now.
    Entered,
    /// There is no room; the least recently seen of its bucket is fresh enough to stay.
    Full,
    /// There is no room, unless this one, long unseen, does not answer.
    Questionable(Contact),
    /// It was in the table before.
    Known,
    /// There is room for it, if it answers.
    Room,
    /// No such contact belongs into this table.
    Unwanted,
}

impl Seen {
    /// Whether the contact may have a place in the table later, if it answers then.
    pub(crate) const fn is_of_newcomer(self) -> bool {
        match self {
            Self::IdentityConflict(_) | Self::Full | Self::Questionable(_) | Self::Room => true,
            Self::Entered | Self::Known | Self::Unwanted => false,
        }
    }
}

/// What became of a contact that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It has failures left.
    Kept,
    /// It is gone, and no candidate waits for its place, or one has it already.
    Removed,
    /// It is gone; this one may have its place, if it answers.
    RemovedFor(Contact),
    /// It was not in the table.
    Unknown,
}
