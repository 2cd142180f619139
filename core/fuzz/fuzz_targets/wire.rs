//! Whatever the bytes are, they are read as the bencode library reads them; and what was
//! understood is written as the library writes it.

#![no_main]

extern crate alloc;

#[path = "../../tests/oracle/mod.rs"]
mod oracle;

use khashmir::wire::{Dialect, Message};
use libfuzzer_sys::fuzz_target;

const DIALECT: Dialect = Dialect::Khashmir;

fuzz_target!(|datagram: &[u8]| {
    let ours = DIALECT.decode(datagram);
    oracle::decode(datagram, |theirs| assert_eq!(ours, theirs));
    let mut written = Vec::new();
    let theirs = match &ours {
        Ok(Message::Query { tid, sender, query }) => {
            DIALECT.encode_query(tid, sender, query, &mut written);
            oracle::encode_query(tid, sender, query)
        }
        Ok(Message::Reply { tid, reply }) => {
            DIALECT.encode_reply(tid, reply, &mut written);
            oracle::bounded_to_datagram(tid, oracle::encode_reply(tid, reply))
        }
        Ok(Message::Error { tid, code, text }) => {
            DIALECT.encode_error(tid, *code, text, &mut written);
            oracle::encode_error(tid, *code, text)
        }
        _ => return,
    };
    assert_eq!(written, theirs);
});
