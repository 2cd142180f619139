//! The lists of an answer: looked at where they are, in a datagram or in memory.

use core::fmt;

use super::scan::Reader;
use crate::contact::Contact;

/// The contacts that an answer names.
///
/// Those of a datagram that was read stay in it, and there are at most
/// [`MAX_CONTACTS`](super::MAX_CONTACTS) of them. An answer that is to be written borrows them from
/// a slice.
#[derive(Clone, Copy)]
pub struct Nodes<'a>(Contacts<'a>);

#[derive(Clone, Copy)]
enum Contacts<'a> {
    Given(&'a [Contact]),
    /// Compact forms, each after a gap of so many bytes.
    Compact {
        bytes: &'a [u8],
        gap: usize,
    },
}

impl<'a> Nodes<'a> {
    /// Compact forms, each after a gap of so many bytes. What is too short for another is left out.
    pub(super) const fn compact(bytes: &'a [u8], gap: usize) -> Self {
        Self(Contacts::Compact { bytes, gap })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.0 {
            Contacts::Given(contacts) => contacts.len(),
            Contacts::Compact { bytes, gap } => bytes.len() / (gap + Contact::COMPACT_LEN),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Contact> + use<'a> {
        let (given, compact, gap): (&[Contact], &[u8], usize) = match self.0 {
            Contacts::Given(contacts) => (contacts, &[], 0),
            Contacts::Compact { bytes, gap } => (&[], bytes, gap),
        };
        let compact = compact
            .chunks_exact(gap + Contact::COMPACT_LEN)
            .filter_map(move |entry| Contact::from_compact(entry.get(gap..)?));
        given.iter().copied().chain(compact)
    }
}

impl<'a, T: AsRef<[Contact]> + ?Sized> From<&'a T> for Nodes<'a> {
    fn from(contacts: &'a T) -> Self {
        Self(Contacts::Given(contacts.as_ref()))
    }
}

impl PartialEq for Nodes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Nodes<'_> {}

impl fmt::Debug for Nodes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The values that an answer brings: those of a datagram that was read stay in it.
#[derive(Clone, Copy)]
pub struct Values<'a>(Strings<'a>);

#[derive(Clone, Copy)]
enum Strings<'a> {
    Given(&'a [&'a [u8]]),
    /// Bencoded strings, so many of them.
    Bencoded {
        bytes: &'a [u8],
        count: usize,
    },
}

impl<'a> Values<'a> {
    /// Bencoded strings, so many of them.
    pub(super) const fn bencoded(bytes: &'a [u8], count: usize) -> Self {
        Self(Strings::Bencoded { bytes, count })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.0 {
            Strings::Given(values) => values.len(),
            Strings::Bencoded { count, .. } => count,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (given, bencoded): (&[&[u8]], &[u8]) = match self.0 {
            Strings::Given(values) => (values, &[]),
            Strings::Bencoded { bytes, .. } => (&[], bytes),
        };
        let mut reader = Reader::new(bencoded);
        let bencoded = core::iter::from_fn(move || reader.string());
        given.iter().copied().chain(bencoded)
    }
}

impl<'a, T: AsRef<[&'a [u8]]> + ?Sized> From<&'a T> for Values<'a> {
    fn from(values: &'a T) -> Self {
        Self(Strings::Given(values.as_ref()))
    }
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Values<'_> {}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.iter().map(|value| value.escape_ascii());
        f.debug_list().entries(texts).finish()
    }
}
