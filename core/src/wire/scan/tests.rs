//! Reading by example; `tests/wire.rs` holds it against the bencode library.

use alloc::vec::Vec;

use super::*;

/// The one value that these bytes are.
fn whole(bytes: &[u8]) -> Option<Scanned<'_>> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(4)?;
    reader.is_at_end().then_some(value)
}

#[test]
fn only_one_whole_canonical_value_is_read() {
    assert_eq!(whole(b"i-7e"), Some(Scanned::Int(Int(b"-7"))));
    assert_eq!(whole(b"2:xy"), Some(Scanned::Bytes(b"xy")));
    assert_eq!(whole(b"d1:ai1e1:bl2:xyee"), Some(Scanned::Dict));
    assert_eq!(whole(b"li1e1:xe"), Some(Scanned::List(List(b"i1e1:x"))));
    assert_eq!(whole(b"llllee" as &[u8]), None);
    for bad in [
        &b""[..],
        b"e",
        b"i1",
        b"i01e",
        b"i-0e",
        b"i-e",
        b"ie",
        b"i+2e",
        b"02:xy",
        b"3:xy",
        b"-1:x",
        b"i1ei2e",
        b"2:xyz",
        b"18446744073709551617:x",
        b"d1:bi1e1:ai1ee",
        b"d1:ai1e1:ai1ee",
        b"di1ei2ee",
        b"d1:ae",
        b"d1:a",
        b"l",
        b"d-4:",
        b"lllllee",
        b"llllleeeee",
    ] {
        assert_eq!(whole(bad), None, "{}", bad.escape_ascii());
    }
    assert!(whole(b"lllleeee").is_some());
}

#[test]
fn integers_beyond_64_bits_count_as_the_nearest() {
    let int = |digits| Int(digits);
    assert_eq!(int(b"99999999999999999999").signed(), i64::MAX);
    assert_eq!(int(b"-99999999999999999999").signed(), i64::MIN);
    assert_eq!(int(b"-9223372036854775808").signed(), i64::MIN);
    assert_eq!(int(b"99999999999999999999").unsigned(), Some(u64::MAX));
    assert_eq!(int(b"-1").unsigned(), None);
}

#[test]
fn keys_come_one_by_one_with_what_follows_them() {
    let mut reader = Reader::new(b"d1:ai1e2:bbl1:xee");
    let mut keys = Vec::new();
    let read = reader.dict(4, |key, reader, depth| {
        keys.push((key, reader.value(depth)?));
        Some(())
    });
    assert_eq!((read, reader.is_at_end()), (Some(()), true));
    let expected = [
        (&b"a"[..], Scanned::Int(Int(b"1"))),
        (b"bb", Scanned::List(List(b"1:x"))),
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        List(b"1:xi2e").pair().map(|(one, _)| one.bytes()),
        Some(Some(&b"x"[..]))
    );
    assert_eq!(List(b"1:x").pair(), None);
    assert_eq!(List(b"1:x1:y1:z").pair(), None);
}
