//! Where our node is meant to differ from the original, case by case, and why.

use khashmir::Id;
use khashmir::wire::{Dialect, Message, Reply};

use super::Generation;
use super::recorded::{Requests, Session};
use super::sessions;
use crate::written::written;

/// Something that our node does otherwise than the original.
pub(crate) struct Difference {
    pub(crate) recording: Recording,
    /// The name of the case in its recording.
    pub(crate) case: &'static str,
    generations: Generations,
    pub(crate) ours: Ours,
    pub(crate) reason: &'static str,
}

/// Which recording a case is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    Requests,
    Session,
}

/// Whose recordings differ from what our node does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Generations {
    Both,
    Only(Generation),
}

/// What our node does instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    /// It answers with this error.
    Error(i64, &'static str),
    /// It answers with as many of the stored values as the original, but not the same ones.
    Choice,
    /// It answers that it holds nothing under the key, where the original counts one value.
    HoldsNone,
    /// It answers with an empty list of values.
    NoValues,
    /// It answers with its identifier and nothing else.
    Plain,
    /// It does not take the command.
    RefusesCommand,
    /// It does not answer.
    Silence,
}

impl Ours {
    /// The answer to a request with this transaction id, where it can be told beforehand.
    pub(crate) fn answer(self, request: &[u8], own: Id) -> Option<Vec<u8>> {
        let dialect = Dialect::Khashmir;
        let reply = |reply| {
            Some(written(|out| {
                dialect.encode_reply(tid(request), &reply, out)
            }))
        };
        match self {
            Self::Error(code, text) => Some(written(|out| {
                dialect.encode_error(tid(request), code, text.as_bytes(), out);
            })),
            Self::NoValues => reply(Reply {
                values: Some((&[]).into()),
                ..Reply::from(own)
            }),
            Self::Plain => reply(Reply::from(own)),
            Self::Choice | Self::HoldsNone | Self::RefusesCommand | Self::Silence => None,
        }
    }
}

/// The difference that is listed for a case, if one is.
pub(crate) fn listed(
    recording: Recording,
    generation: Generation,
    case: &str,
) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|difference| {
        difference.recording == recording && difference.case == case && difference.is_of(generation)
    })
}

/// Checks that each difference names exactly one recorded case, is listed once, and has a reason.
pub(crate) fn check(generation: Generation) {
    let requests = Requests::read(generation).cases;
    let names: Vec<String> = requests.into_iter().map(|case| case.name).collect();
    let session = sessions::case_names(&Session::read(generation));
    for difference in DIFFERENCES.iter().filter(|row| row.is_of(generation)) {
        let Difference {
            recording, case, ..
        } = *difference;
        let all = match recording {
            Recording::Requests => &names,
            Recording::Session => &session,
        };
        let count = all.iter().filter(|name| *name == case).count();
        assert_eq!(count, 1, "{recording:?}, {generation:?}: {case}");
        let same = |other: &&Difference| {
            other.recording == recording && other.case == case && other.is_of(generation)
        };
        let rows = DIFFERENCES.iter().filter(same).count();
        assert_eq!(rows, 1, "{case} is listed {rows} times");
        assert!(!difference.reason.is_empty(), "{case} has no reason");
    }
}

impl Difference {
    fn is_of(&self, generation: Generation) -> bool {
        self.generations == Generations::Both || self.generations == Generations::Only(generation)
    }
}

fn tid(request: &[u8]) -> &[u8] {
    match Dialect::Khashmir.decode(request) {
        Ok(
            Message::Query { tid, .. }
            | Message::WrongArguments { tid, .. }
            | Message::UnknownMethod { tid, .. },
        ) => tid,
        other => panic!("nothing that gets an answer: {other:?}"),
    }
}

const fn both(case: &'static str, ours: Ours, reason: &'static str) -> Difference {
    row(Recording::Requests, BOTH, case, ours, reason)
}

const fn early(case: &'static str, ours: Ours, reason: &'static str) -> Difference {
    row(Recording::Requests, EARLY, case, ours, reason)
}

const fn session(
    generations: Generations,
    case: &'static str,
    ours: Ours,
    reason: &'static str,
) -> Difference {
    row(Recording::Session, generations, case, ours, reason)
}

const fn row(
    recording: Recording,
    generations: Generations,
    case: &'static str,
    ours: Ours,
    reason: &'static str,
) -> Difference {
    Difference {
        recording,
        case,
        generations,
        ours,
        reason,
    }
}

const WRONG: Ours = Ours::Error(204, "wrong arguments");
const TOO_LONG: Ours = Ours::Error(201, "value too long");

/// The original sends its interpreter's text, which names functions of the program.
const TEXT: &str = "errors 201 and 204 have a short text of our own (section 13.10)";
/// The original takes what its language makes of it, or fails with an empty text.
const TYPED: &str = "arguments are checked for type and length, and 204 says so";
const STORED: &str = "only strings are stored, under keys of 20 bytes; 204 says so (section 13.5)";
const INJECTION: &str = "an id that brings its own address would redirect us (section 13.1)";
const CANONICAL: &str = "decoding is canonical: what is no plain bencode is dropped";
const BOUND_TID: &str = "a transaction id beyond 64 bytes is dropped, as the later generation does";
const NULL_ID: &str = "the later generation's rule: the answer does not wait for the table";
const CHOICE: &str = "which values are left out is random, so that repeated reads reach all";
const UNFETCHABLE: &str = "a value that no answer could hold is refused (section 13.16)";
const NOT_STORED: &str = "the value before it was refused, so nothing is there (section 13.16)";

const BOTH: Generations = Generations::Both;
const EARLY: Generations = Generations::Only(Generation::Early);
const LATE: Generations = Generations::Only(Generation::Late);

/// Every case in which our node is meant to differ. All others have to match, and a case that is
/// listed here must not.
pub(crate) const DIFFERENCES: &[Difference] = &[
    both("get_value num string", WRONG, TYPED),
    both("store_value int token", WRONG, TYPED),
    both("ping missing id", WRONG, TEXT),
    both("ping extra arg", WRONG, TEXT),
    both("ping no args", WRONG, TEXT),
    both("join missing id", WRONG, TEXT),
    both("join extra arg", WRONG, TEXT),
    both("join no args", WRONG, TEXT),
    both("find_node missing id", WRONG, TEXT),
    both("find_node missing target", WRONG, TEXT),
    both("find_node extra arg", WRONG, TEXT),
    both("find_node no args", WRONG, TEXT),
    both("find_value missing id", WRONG, TEXT),
    both("find_value missing key", WRONG, TEXT),
    both("find_value extra arg", WRONG, TEXT),
    both("find_value no args", WRONG, TEXT),
    both("get_value missing id", WRONG, TEXT),
    both("get_value missing key", WRONG, TEXT),
    both("get_value missing num", WRONG, TEXT),
    both("get_value extra arg", WRONG, TEXT),
    both("get_value no args", WRONG, TEXT),
    both("store_value missing id", WRONG, TEXT),
    both("store_value missing key", WRONG, TEXT),
    both("store_value missing value", WRONG, TEXT),
    both("store_value missing token", WRONG, TEXT),
    both("store_value extra arg", WRONG, TEXT),
    both("store_value no args", WRONG, TEXT),
    both("arg self", WRONG, TEXT),
    both("arg empty name", WRONG, TEXT),
    both("id too short (19)", WRONG, TYPED),
    both("id too long (21)", WRONG, TYPED),
    both("id int", WRONG, TYPED),
    early("id null (20 zero bytes)", Ours::Plain, NULL_ID),
    both("id list", WRONG, TYPED),
    both("id as dict (address injection)", WRONG, INJECTION),
    both("id as dict missing host", WRONG, INJECTION),
    both("target too short", WRONG, TYPED),
    both("target int", WRONG, TYPED),
    both("target int 2**160", WRONG, TYPED),
    both("target int negative", WRONG, TYPED),
    both("target list", WRONG, TEXT),
    both("key too short find_value", WRONG, TYPED),
    both("key too short get_value", WRONG, TYPED),
    both("key odd length store_value", WRONG, STORED),
    both("key odd length get back", WRONG, STORED),
    both("value int store", WRONG, STORED),
    both("value int get", WRONG, STORED),
    early("t 1450 bytes", Ours::Silence, BOUND_TID),
    both("unicode id", Ours::Silence, CANONICAL),
    both("int with plus", Ours::Silence, CANONICAL),
    both("int with L", Ours::Silence, CANONICAL),
    both("int with space", Ours::Silence, CANONICAL),
    both("datetime arg", Ours::Silence, CANONICAL),
    both("get_value long n=62 len=20", Ours::Choice, CHOICE),
    both("get_value long n=63 len=20", Ours::Choice, CHOICE),
    both("get_value long n=64 len=20", Ours::Choice, CHOICE),
    both("get_value long n=200 len=20", Ours::Choice, CHOICE),
    both("get_value long n=30 len=100", Ours::Choice, CHOICE),
    both("get_value long mixed sizes", Ours::Choice, CHOICE),
    both("store_value value of 1395", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1395", Ours::NoValues, NOT_STORED),
    both("store_value value of 1400", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1400", Ours::NoValues, NOT_STORED),
    both("store_value value of 1405", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1405", Ours::NoValues, NOT_STORED),
    both("store_value value of 1410", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1410", Ours::NoValues, NOT_STORED),
    both("store_value value of 1415", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1415", Ours::NoValues, NOT_STORED),
    both("store_value value of 1420", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1420", Ours::NoValues, NOT_STORED),
    both("store_value value of 1500", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 1500", Ours::NoValues, NOT_STORED),
    both("store_value value of 3000", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 3000", Ours::NoValues, NOT_STORED),
    both("store_value value of 7900", TOO_LONG, UNFETCHABLE),
    both("get_value one value of 7900", Ours::NoValues, NOT_STORED),
    session(
        BOTH,
        "step 11: storeValueForKey",
        Ours::RefusesCommand,
        UNFETCHABLE,
    ),
    session(
        EARLY,
        "datagram 50: find_value",
        Ours::HoldsNone,
        NOT_STORED,
    ),
    session(EARLY, "datagram 52: get_value", Ours::NoValues, NOT_STORED),
    session(LATE, "datagram 54: find_value", Ours::HoldsNone, NOT_STORED),
    session(LATE, "datagram 56: get_value", Ours::NoValues, NOT_STORED),
];
