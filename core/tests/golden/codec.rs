//! Reading and writing back every datagram of the sessions.

use khashmir::wire::{Dialect, Message};

use super::Generation;
use super::recorded::Session;
use crate::written::written;

/// Reads each datagram and writes what was understood, which has to give the same bytes.
pub(crate) fn round_trip(generation: Generation) {
    let session = Session::read(generation);
    let mut kinds = [0; 3];
    for (index, datagram) in session.datagrams.iter().enumerate() {
        let message = Dialect::Khashmir.decode(&datagram.bytes);
        let message = message.unwrap_or_else(|why| panic!("datagram {index}: {why}"));
        let (kind, written) = written_back(&message);
        assert_eq!(
            written.escape_ascii().to_string(),
            datagram.bytes.escape_ascii().to_string(),
            "datagram {index}: {message:?}"
        );
        kinds[kind] += 1;
    }
    assert!(
        kinds.iter().all(|count| *count > 0),
        "queries, replies and errors: {kinds:?}"
    );
}

/// The bytes of a message, and which of the three kinds it is.
fn written_back(message: &Message<'_>) -> (usize, Vec<u8>) {
    let dialect = Dialect::Khashmir;
    match message {
        Message::Query { tid, sender, query } => (
            0,
            written(|out| dialect.encode_query(tid, sender, query, out)),
        ),
        Message::Reply { tid, reply } => (1, written(|out| dialect.encode_reply(tid, reply, out))),
        Message::Error { tid, code, text } => (
            2,
            written(|out| dialect.encode_error(tid, *code, text, out)),
        ),
        Message::WrongArguments { .. } | Message::UnknownMethod { .. } | Message::Broken { .. } => {
            panic!("not in order: {message:?}")
        }
    }
}
