//! Where things are in a datagram, found in its bytes alone, without the codec under test.

use std::ops::Range;

/// The 20 bytes of a token, argument or answer alike.
pub(crate) fn token(datagram: &[u8]) -> Option<Range<usize>> {
    let label = b"5:token20:";
    let start = find(datagram, label)? + label.len();
    (start + 20 <= datagram.len()).then_some(start..start + 20)
}

/// The 20 bytes of the transaction id, which the kind of the message follows as its last entry.
pub(crate) fn tid(datagram: &[u8]) -> Option<Range<usize>> {
    let after = b"1:y1:qe".len();
    let end = datagram.len().checked_sub(after)?;
    let start = end.checked_sub(20)?;
    datagram[..start]
        .ends_with(b"1:t20:")
        .then_some(start..end)
        .filter(|_| datagram[end..].starts_with(b"1:y1:"))
}

/// Whether a datagram asks something, if it is in order at all.
pub(crate) fn is_query(datagram: &[u8]) -> bool {
    datagram.ends_with(b"1:y1:qe")
}

/// The same datagram with other bytes in that place, as many as there were.
pub(crate) fn with(datagram: &[u8], place: Range<usize>, bytes: &[u8]) -> Vec<u8> {
    let mut changed = datagram.to_vec();
    changed[place].copy_from_slice(bytes);
    changed
}

/// A `get_value` answer, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed<'a> {
    pub(crate) before: &'a [u8],
    pub(crate) values: Vec<&'a [u8]>,
    pub(crate) after: &'a [u8],
}

/// Takes a `get_value` answer apart.
pub(crate) fn listed(datagram: &[u8]) -> Option<Listed<'_>> {
    let label = b"6:valuesl";
    let start = find(datagram, label)? + label.len();
    let (before, mut rest) = datagram.split_at(start);
    let mut values = Vec::new();
    while rest.first() != Some(&b'e') {
        let colon = find(rest, b":")?;
        let len: usize = std::str::from_utf8(&rest[..colon]).ok()?.parse().ok()?;
        rest = &rest[colon + 1..];
        values.push(rest.get(..len)?);
        rest = &rest[len..];
    }
    let after = rest;
    Some(Listed {
        before,
        values,
        after,
    })
}

/// Bytes written as hex digits.
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte: {text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits"))
        .collect()
}

/// Where one string of bytes is first found in another.
pub(crate) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
