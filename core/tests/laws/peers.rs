//! What peers do to a node under a script: answers, right and wrong, queries, and noise.

use khashmir::wire::{Dialect, Method, Query};
use khashmir::{DropCause, Id};

use crate::answers::damaged;
use crate::rig::{Life, Rig, kind};
use crate::script::{Ask, Base, Edit, Token, Wrong};
use crate::world::{addr, key, peer, sender, value};
use crate::written::written;

const DIALECT: Dialect = Dialect::Khashmir;

impl Rig {
    pub(crate) fn answer(&mut self, nth: u8, facts: u8) {
        let call = self.datagrams.take_call(nth);
        if let Some((from, answer)) = call.and_then(|call| call.answer(facts)) {
            self.receive(from, &answer);
        }
    }

    pub(crate) fn answer_all(&mut self, facts: u8) {
        for (n, call) in self.datagrams.take_calls().iter().enumerate() {
            if let Some((from, answer)) = call.answer(facts ^ n as u8) {
                self.receive(from, &answer);
            }
        }
    }

    pub(crate) fn receive_again(&mut self, nth: u8) {
        if let Some((from, datagram)) = self.datagrams.recent(nth) {
            self.receive(from, &datagram);
        }
    }

    pub(crate) fn receive_damaged(&mut self, base: Base, edit: Edit) {
        let base = match base {
            Base::Answer(nth) => self.datagrams.call(nth).and_then(|c| c.answer(nth)),
            Base::Recent(nth) => self.datagrams.recent(nth),
        };
        if let Some((from, datagram)) = base {
            self.receive(from, &damaged(datagram, edit));
        }
    }

    pub(crate) fn deposit(&mut self, from: u8, at: u8, stored: u8, times: u8) {
        let (from, target) = (peer(from), key(at));
        let tid = self.new_tid(20);
        let query = Query::FindNode { target };
        let query = written(|out| DIALECT.encode_query(&tid, &from.id, &query, out));
        self.receive(from.addr, &query);
        while self.poll_transmit() {}
        let Some(token) = self.datagrams.token_of(from.addr) else {
            return;
        };
        for n in 0..times {
            let stored = value(stored.wrapping_add(4 * n));
            let store = Query::StoreValue {
                key: target,
                token: &token,
                value: stored.as_bytes(),
            };
            let tid = self.new_tid(20);
            let store = written(|out| DIALECT.encode_query(&tid, &from.id, &store, out));
            self.receive(from.addr, &store);
        }
    }

    pub(crate) fn query(&mut self, from: u8, ask: Ask, tid_len: usize) {
        let tid = self.new_tid(tid_len);
        let (id, mut from) = (sender(from), addr(from));
        let issued = |nth| self.datagrams.token(nth);
        let (token, stored);
        let query = match ask {
            Ask::Ping => Query::Ping,
            Ask::Join => Query::Join,
            Ask::FindNode(at) => Query::FindNode {
                target: peer(at).id,
            },
            Ask::FindValue(at) => Query::FindValue { key: key(at) },
            Ask::GetValue { key: at, num } => Query::GetValue { key: key(at), num },
            Ask::Store {
                key: at,
                value: what,
                token: which,
            } => {
                token = match which {
                    Token::Issued { nth } => issued(nth).map(|(to, token)| {
                        from = to;
                        token
                    }),
                    Token::Stolen { nth } => issued(nth).map(|(_, token)| token),
                    Token::Forged => None,
                }
                .unwrap_or_else(|| vec![7; 20]);
                stored = value(what);
                Query::StoreValue {
                    key: key(at),
                    token: &token,
                    value: stored.as_bytes(),
                }
            }
            Ask::Unknown { len } => {
                let name = [format!("{len}:").as_bytes(), &vec![b'm'; len]].concat();
                return self.receive(from, &plain_query(&id, &name, &tid));
            }
            Ask::WrongArguments(method) => {
                let name = format!("{}:{method}", method.name().len());
                let mut query = plain_query(&id, name.as_bytes(), &tid);
                // One argument too many, or one too few.
                if matches!(method, Method::Ping | Method::Join) {
                    query.splice(5..5, *b"1:ai1e");
                }
                return self.receive(from, &query);
            }
        };
        let query = written(|out| DIALECT.encode_query(&tid, &id, &query, out));
        self.receive(from, &query);
    }

    pub(crate) fn answer_wrongly(&mut self, nth: u8, wrong: Wrong) {
        let Some(call) = self.datagrams.call(nth) else {
            return;
        };
        let (from, answer) = call.wrong_answer(wrong);
        let (calls, not_asked) = (self.calls(), self.dropped(DropCause::NotAsked));
        self.receive(from, &answer);
        if self.life == Life::Running && matches!(wrong, Wrong::Address | Wrong::Tid) {
            assert_eq!(self.dropped(DropCause::NotAsked), not_asked + 1);
            assert!(self.calls() >= calls, "answered by somebody else");
        }
        self.coverage
            .reach(format!("wrong answer: {}", kind(&wrong)));
    }

    fn calls(&self) -> usize {
        self.node.status(self.latest).calls
    }

    /// A transaction id that no query had before.
    fn new_tid(&mut self, len: usize) -> Vec<u8> {
        self.queries += 1;
        let mut tid = vec![b't'; len];
        tid[..4].copy_from_slice(&self.queries.to_be_bytes());
        tid
    }
}

/// A query with no arguments but the id. `name` is bencoded already.
fn plain_query(id: &Id, name: &[u8], tid: &[u8]) -> Vec<u8> {
    let tid = [format!("{}:", tid.len()).as_bytes(), tid].concat();
    let arguments = [b"d1:ad2:id20:", id.as_bytes().as_slice(), b"e1:q"].concat();
    [&arguments, name, b"1:t", &tid, b"1:y1:qe"].concat()
}
