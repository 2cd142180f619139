//! Datagrams to messages and back: the only place that sees bytes, and that knows the dialects.
//!
//! Messages borrow from the datagram that they were read from, and are written at the end of the
//! caller's buffer: neither takes memory of its own. The bencode library is behind typed values and
//! snapshots, and in the tests it is what reader and writer are held against.

mod bencode;
mod khashmir;
mod lists;
mod message;
mod scan;
mod write;

use alloc::vec::Vec;
use core::fmt;

use crate::id::Id;

pub use bencode::{FromBencode, ToBencode, TypedError, from_bencode, to_bencode};
pub(crate) use bencode::{Item, Writer, parse};
pub use lists::{Nodes, Values};
pub use message::{Fault, InvalidReply, Message, Method, Query, Reply};
pub(crate) use scan::number_under;

/// The longest answer in bytes: what an Ethernet frame holds (specification, section 1.5).
pub const MAX_DATAGRAM: usize = 1472;

/// The longest datagram that is read at all: the original's buffer (specification, section 1).
pub const MAX_INCOMING: usize = 8192;

/// Bytes in our own transaction ids (specification, section 1.2).
pub const TID_LEN: usize = 20;

/// The longest transaction id of others that is answered. The original's later generation answers
/// 20 bytes only, the earlier one any number; every answer but a value fits beside 64.
pub const MAX_TID: usize = 64;

/// The longest write token that is kept for a store; the original's have 20 bytes.
pub const MAX_TOKEN: usize = 64;

/// Contacts of one answer that are looked at; the original's never name more than 8.
pub const MAX_CONTACTS: usize = 32;

/// How deep a datagram may be nested. Messages need 3; the rest is for keys that we ignore.
pub const MAX_DEPTH: usize = 16;

/// A way of writing messages as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Dialect {
    /// apt-p2p's KRPC, with full 20-byte transaction ids and lists of 26-byte contacts.
    Khashmir,
}

impl Dialect {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`Malformed`] for everything that is to be dropped without an answer.
    pub fn decode(self, datagram: &[u8]) -> Result<Message<'_>, Malformed> {
        if datagram.len() > MAX_INCOMING {
            return Err(Malformed::TooLong);
        }
        match self {
            Self::Khashmir => khashmir::decode(datagram),
        }
    }

    /// Writes a query at the end of `out`.
    pub fn encode_query(self, tid: &[u8], sender: &Id, query: &Query<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Khashmir => khashmir::encode_query(tid, sender, query, out),
        }
    }

    /// Writes an answer at the end of `out`; [`Fault::TooLong`] in its stead when it would exceed
    /// [`MAX_DATAGRAM`].
    pub fn encode_reply(self, tid: &[u8], reply: &Reply<'_>, out: &mut Vec<u8>) -> Encoded {
        let start = out.len();
        match self {
            Self::Khashmir => khashmir::encode_reply(tid, reply, out),
        }
        self.bounded(tid, out, start)
    }

    /// Writes what went wrong at the end of `out`; [`Fault::TooLong`] in its stead when it would
    /// exceed [`MAX_DATAGRAM`].
    pub fn encode_fault(self, tid: &[u8], fault: &Fault<'_>, out: &mut Vec<u8>) -> Encoded {
        let start = out.len();
        match self {
            Self::Khashmir => khashmir::encode_fault(tid, fault, out),
        }
        self.bounded(tid, out, start)
    }

    /// Writes an error with a code and a text of the caller's at the end of `out`: what a peer of
    /// another make might send. A node itself only sends [faults](Self::encode_fault).
    pub fn encode_error(self, tid: &[u8], code: i64, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Khashmir => khashmir::encode_error(tid, code, text, out),
        }
    }

    /// The code of a fault.
    #[must_use]
    pub const fn code(self, fault: &Fault<'_>) -> i64 {
        match self {
            Self::Khashmir => khashmir::code(fault),
        }
    }

    /// Bytes left for the list of values in an answer of [`MAX_DATAGRAM`] bytes.
    pub(crate) const fn room_for_values(self, tid: &[u8]) -> usize {
        match self {
            Self::Khashmir => khashmir::room_for_values(tid.len()),
        }
    }

    /// Bytes that a value of this length takes up in such a list.
    pub(crate) const fn len_in_list(self, value_len: usize) -> usize {
        match self {
            Self::Khashmir => write::string_len(value_len),
        }
    }

    /// Replaces what was written since `start` if it is too long.
    fn bounded(self, tid: &[u8], out: &mut Vec<u8>, start: usize) -> Encoded {
        let len = out.len() - start;
        if len <= MAX_DATAGRAM {
            return Encoded::Whole;
        }
        out.truncate(start);
        let fault = Fault::TooLong { len };
        match self {
            Self::Khashmir => khashmir::encode_fault(tid, &fault, out),
        }
        Encoded::TooLong
    }
}

/// What became of an answer that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// It was written.
    Whole,
    /// It was too long: the error that says so was written.
    TooLong,
}

/// Why a datagram is dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Malformed {
    /// It is not one whole canonical bencoded value, or nested too deeply.
    Bencode,
    /// An error without a list of code and text.
    Error,
    /// It is not a dictionary with a `y`.
    Kind,
    /// A query without a method name or without a dictionary of arguments.
    Query,
    /// A reply without a dictionary.
    Reply,
    /// It has no transaction id, or one that is too long.
    Tid,
    /// It is longer than [`MAX_INCOMING`].
    TooLong,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bencode => "not one whole canonical bencoded value",
            Self::Error => "an error without code and text",
            Self::Kind => "not a dictionary that names its kind",
            Self::Query => "a query without method or arguments",
            Self::Reply => "a reply without contents",
            Self::Tid => "no transaction id, or one that is too long",
            Self::TooLong => "longer than any datagram of this protocol",
        })
    }
}

impl core::error::Error for Malformed {}
