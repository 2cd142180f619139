//! Reader and writer of datagrams against the bencode library: they take the same, refuse the same
//! for the same reason, and write the same bytes.

extern crate alloc;

#[path = "wire/draw.rs"]
mod draw;
mod oracle;
#[path = "wire/speech.rs"]
mod speech;
mod written;

use std::cell::RefCell;
use std::collections::BTreeSet;

use khashmir::wire::{Dialect, InvalidReply, MAX_DEPTH, MAX_INCOMING, Malformed, Message, Method};
use quickcheck::{Gen, QuickCheck, TestResult, Testable};

use draw::Datagram;
use speech::Speech;

/// Tries a law so often: always on the same, unless `QUICKCHECK_TESTS` says how many others to try.
fn try_law(tests: u64, seed: u64, law: impl Testable) {
    const SIZE: usize = 100;
    let wanted = std::env::var("QUICKCHECK_TESTS").ok();
    let (tests, rng) = match wanted.and_then(|tests| tests.parse().ok()) {
        Some(tests) => (tests, Gen::new(SIZE)),
        None => (tests, Gen::from_size_and_seed(SIZE, seed)),
    };
    let mut check = QuickCheck::new()
        .rng(rng)
        .tests(tests)
        .max_tests(tests * 4)
        .min_tests_passed(tests);
    check.quickcheck(law);
}

/// Whether ours reads it as the library does.
fn is_read_alike(datagram: &[u8]) -> bool {
    let ours = Dialect::Khashmir.decode(datagram);
    oracle::decode(datagram, |theirs| ours == theirs)
}

thread_local! {
    /// What the datagrams of this thread's test were taken for.
    static TAKEN_FOR: RefCell<BTreeSet<String>> = RefCell::default();
}

#[test]
fn every_datagram_is_read_as_the_library_reads_it() {
    fn law(datagram: Datagram) -> bool {
        let message = Dialect::Khashmir.decode(&datagram.0);
        TAKEN_FOR.with_borrow_mut(|taken_for| taken_for.insert(kind(&message)));
        is_read_alike(&datagram.0)
    }
    try_law(30_000, 1, law as fn(Datagram) -> bool);
    let missing = TAKEN_FOR.with_borrow(|taken_for| {
        let all = all_kinds();
        all.difference(taken_for).cloned().collect::<Vec<_>>()
    });
    assert!(missing.is_empty(), "never drawn: {missing:?}");
}

#[test]
fn every_message_is_written_as_the_library_writes_it() {
    fn law(speech: Speech) -> bool {
        speech.ours() == speech.theirs()
    }
    try_law(5000, 2, law as fn(Speech) -> bool);
}

#[test]
fn what_is_written_is_read_as_what_it_was() {
    fn law(speech: Speech) -> TestResult {
        if !speech.is_sayable() {
            return TestResult::discard();
        }
        TestResult::from_bool(speech.is_understood_in(&speech.ours()))
    }
    try_law(3000, 3, law as fn(Speech) -> TestResult);
}

#[test]
fn each_cut_and_each_changed_byte_is_read_as_the_library_reads_it() {
    for datagram in speech::samples() {
        assert!(is_read_alike(&datagram));
        for at in 0..datagram.len() {
            assert!(is_read_alike(&datagram[..at]));
            for byte in *b"dlie0129:-+ \0\xff" {
                let mut changed = datagram.clone();
                changed[at] = byte;
                assert!(is_read_alike(&changed), "{}", changed.escape_ascii());
                changed.insert(at, byte);
                assert!(is_read_alike(&changed), "{}", changed.escape_ascii());
            }
        }
    }
}

#[test]
fn nesting_is_bounded_alike() {
    for depth in [MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, 4000] {
        let nested = [vec![b'l'; depth], vec![b'e'; depth]].concat();
        let in_dict = [b"d1:t2:aa1:x", nested.as_slice(), b"1:y1:xe"].concat();
        let in_answer = [b"d1:rd1:x", nested.as_slice(), b"e1:t2:aa1:y1:re"].concat();
        for datagram in [nested, in_dict, in_answer] {
            assert!(is_read_alike(&datagram), "{depth} deep");
        }
    }
    let deepest = [vec![b'l'; MAX_DEPTH], vec![b'e'; MAX_DEPTH]].concat();
    let too_deep = [b"l".as_slice(), &deepest, b"e"].concat();
    let read = |datagram: &[u8]| Dialect::Khashmir.decode(datagram).err();
    assert_eq!(read(&deepest), Some(Malformed::Kind));
    assert_eq!(read(&too_deep), Some(Malformed::Bencode));
}

#[test]
fn lengths_and_numbers_are_bounded_alike() {
    let long = "9".repeat(400);
    for number in [
        "0",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        &long,
    ] {
        for datagram in [
            format!("d1:eli{number}e1:xe1:t2:aa1:y1:ee"),
            format!("d1:eli-{number}e1:xe1:t2:aa1:y1:ee"),
            format!("d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa3:numi{number}ee1:t2:aa1:y1:re"),
            format!("{number}:x"),
            format!("d{number}:x"),
            format!("d1:t{number}:aa1:y1:xe"),
        ] {
            assert!(is_read_alike(datagram.as_bytes()), "{datagram}");
        }
    }
    for len in [MAX_INCOMING, MAX_INCOMING + 1] {
        let around = b"d1:t2:aa1:x0000:1:y1:xe".len();
        let datagram = format!(
            "d1:t2:aa1:x{}:{}1:y1:xe",
            len - around,
            "x".repeat(len - around)
        );
        assert_eq!(datagram.len(), len);
        assert!(is_read_alike(datagram.as_bytes()));
    }
}

/// What a datagram was taken for, in a word or two.
fn kind(message: &Result<Message<'_>, Malformed>) -> String {
    match message {
        Ok(Message::Query { query, .. }) => query.method().name().to_owned(),
        Ok(Message::WrongArguments { method, .. }) => format!("wrong arguments for {method}"),
        Ok(Message::UnknownMethod { .. }) => "unknown method".to_owned(),
        Ok(Message::Reply { .. }) => "reply".to_owned(),
        Ok(Message::Error { .. }) => "error".to_owned(),
        Ok(Message::Broken { invalid, .. }) => format!("broken: {invalid:?}"),
        Err(malformed) => format!("malformed: {malformed:?}"),
    }
}

/// Everything that a datagram of less than the longest can be taken for.
fn all_kinds() -> BTreeSet<String> {
    use InvalidReply::{Id, Kind, Nodes, Num, SeenAs, Token, Values};
    let methods = Method::ALL.map(|method| method.name().to_owned());
    let wrong = Method::ALL.map(|method| format!("wrong arguments for {method}"));
    let broken = [Id, Kind, Nodes, Num, SeenAs, Token, Values];
    let broken = broken.map(|invalid| format!("broken: {invalid:?}"));
    let malformed = [
        Malformed::Bencode,
        Malformed::Error,
        Malformed::Kind,
        Malformed::Query,
        Malformed::Reply,
        Malformed::Tid,
    ];
    let malformed = malformed.map(|malformed| format!("malformed: {malformed:?}"));
    let others = ["unknown method", "reply", "error"].map(str::to_owned);
    let all = methods.into_iter().chain(wrong).chain(broken);
    all.chain(malformed).chain(others).collect()
}
