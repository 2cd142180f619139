//! Writing bencode straight into a buffer, piece by piece, at its end.

use alloc::vec::Vec;
use core::fmt;

/// Writes a string.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    prefix(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes a string that is put together from pieces.
pub(super) fn string_of(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    prefix(out, pieces.iter().map(|piece| piece.len()).sum());
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Writes what stands before a string of so many bytes.
fn prefix(out: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(len @ 10..100) => out.extend_from_slice(&[b'0' + len / 10, b'0' + len % 10, b':']),
        Ok(len @ 0..10) => out.extend_from_slice(&[b'0' + len, b':']),
        Ok(_) | Err(_) => {
            out.extend_from_slice(Digits::of(len as u64).as_bytes());
            out.push(b':');
        }
    }
}

/// Writes a text as a string, without knowing beforehand how long it is.
pub(super) fn text(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    let start = out.len();
    let written = fmt::write(&mut End(out), text);
    debug_assert!(written.is_ok(), "a buffer takes everything");
    let end = out.len();
    prefix(out, end - start);
    let before = out.len() - end;
    out.get_mut(start..)
        .unwrap_or_default()
        .rotate_right(before);
}

/// Writes an integer.
pub(super) fn int(out: &mut Vec<u8>, number: i64) {
    out.push(b'i');
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(Digits::of(number.unsigned_abs()).as_bytes());
    out.push(b'e');
}

/// Writes an integer from 0 up.
pub(super) fn unsigned(out: &mut Vec<u8>, number: u64) {
    out.push(b'i');
    out.extend_from_slice(Digits::of(number).as_bytes());
    out.push(b'e');
}

/// The length of a bencoded string of so many bytes.
pub(super) const fn string_len(len: usize) -> usize {
    let digits = match len.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    };
    digits + 1 + len
}

/// The decimal digits of a number.
pub(super) struct Digits {
    /// At the end of it.
    bytes: [u8; Self::MOST],
    from: usize,
}

impl Digits {
    /// Digits of the largest number.
    const MOST: usize = 20;

    pub(super) fn of(mut number: u64) -> Self {
        let mut bytes = [b'0'; Self::MOST];
        let mut from = Self::MOST;
        for byte in bytes.iter_mut().rev() {
            *byte = b'0' + (number % 10) as u8;
            from -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        Self { bytes, from }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }
}

/// The end of a buffer, to which text is added.
struct End<'o>(&'o mut Vec<u8>);

impl fmt::Write for End<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn string_lengths_count_their_digits() {
        for len in [0, 1, 9, 10, 99, 100, 999, 1000] {
            let mut out = Vec::new();
            string(&mut out, &[b'x'].repeat(len));
            assert_eq!(string_len(len), out.len());
        }
    }

    quickcheck! {
        fn numbers_are_written_as_the_language_writes_them(number: i64, other: u64) -> bool {
            let mut out = Vec::new();
            int(&mut out, number);
            unsigned(&mut out, other);
            text(&mut out, format_args!("{number} and {other}"));
            let said = alloc::format!("{number} and {other}");
            out == alloc::format!("i{number}ei{other}e{}:{said}", said.len()).as_bytes()
        }
    }
}
