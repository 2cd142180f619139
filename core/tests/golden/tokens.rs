//! Which token of our node stands for which of the original's, whose secrets it cannot know.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use khashmir::Id;
use khashmir::wire::{Dialect, Query, Reply};

use super::bytes;
use super::subject::Subject;
use crate::written::written;

/// Pairs of tokens that came in answers to the same request: the original's and ours.
#[derive(Default)]
pub(crate) struct Tokens {
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Tokens {
    /// The request with a token of the original's replaced by ours. Tokens that it never gave stay
    /// as they are: they are meant to be wrong.
    pub(crate) fn in_request(&self, request: &[u8]) -> Vec<u8> {
        let known = bytes::token(request)
            .and_then(|place| Some((place.clone(), self.pairs.get(&request[place])?)));
        match known {
            Some((place, ours)) => bytes::with(request, place, ours),
            None => request.to_vec(),
        }
    }

    /// Our answer with its token replaced by that of the recorded answer, after our node has proved
    /// that it accepts its own.
    pub(crate) fn in_answer(
        &mut self,
        subject: &mut Subject,
        asker: SocketAddr,
        recorded: &[u8],
        ours: &[u8],
    ) -> Vec<u8> {
        let (Some(there), Some(here)) = (bytes::token(recorded), bytes::token(ours)) else {
            return ours.to_vec();
        };
        let token = &ours[here.clone()];
        assert_accepted(subject, asker, token);
        self.pairs
            .insert(recorded[there.clone()].to_vec(), token.to_vec());
        bytes::with(ours, here, &recorded[there])
    }
}

/// Has the asker store something under a key that nothing else uses.
fn assert_accepted(subject: &mut Subject, asker: SocketAddr, token: &[u8]) {
    let tid = [b's'; 20];
    let before = subject.take_sent();
    assert!(before.is_empty(), "not looked at yet: {before:?}");
    let query = Query::StoreValue {
        key: Id::hash_of(b"a key that nothing else uses"),
        token,
        value: b"accepted",
    };
    // A sender that is our own node is never taken for a contact, so that nothing else changes.
    let own = subject.node().id();
    let request = written(|out| Dialect::Khashmir.encode_query(&tid, &own, &query, out));
    subject.receive(asker, &request);
    let expected = Reply::from(own);
    let expected = written(|out| Dialect::Khashmir.encode_reply(&tid, &expected, out));
    let sent = subject.take_sent();
    let answer = sent.first().map(|sent| (sent.to, sent.bytes.clone()));
    assert_eq!(answer, Some((asker, expected)));
}
