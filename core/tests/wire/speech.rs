//! Messages drawn at random, written by both codecs.

use std::net::SocketAddr;

use khashmir::wire::{Dialect, Fault, MAX_CONTACTS, MAX_DATAGRAM, MAX_TID, Message, Method, Query};
use khashmir::wire::{MAX_TOKEN, Reply};
use khashmir::{Contact, Id, Value};
use quickcheck::{Arbitrary, Gen};

use crate::oracle;
use crate::written::written;

const DIALECT: Dialect = Dialect::Khashmir;

/// A message with everything that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Speech {
    pub(crate) tid: Vec<u8>,
    pub(crate) id: Id,
    pub(crate) said: Said,
}

#[derive(Clone, Debug)]
pub(crate) enum Said {
    Query {
        method: Method,
        target: Id,
        num: i64,
        token: Vec<u8>,
        value: Vec<u8>,
    },
    Reply {
        nodes: Option<Vec<Contact>>,
        num: Option<u64>,
        seen_as: Option<SocketAddr>,
        token: Option<Vec<u8>>,
        values: Option<Vec<Vec<u8>>>,
    },
    Error(i64, Vec<u8>),
    /// Which one, and what it names.
    Fault(u8, Vec<u8>),
}

impl Speech {
    /// As our writer writes it.
    pub(crate) fn ours(&self) -> Vec<u8> {
        let tid = &self.tid;
        written(|out| match &self.said {
            Said::Query { .. } => DIALECT.encode_query(tid, &self.id, &self.query(), out),
            Said::Reply { .. } => self.with_reply(|reply| {
                DIALECT.encode_reply(tid, reply, out);
            }),
            Said::Error(code, text) => DIALECT.encode_error(tid, *code, text, out),
            Said::Fault(which, name) => {
                DIALECT.encode_fault(tid, &fault(*which, name), out);
            }
        })
    }

    /// As the library writes it.
    pub(crate) fn theirs(&self) -> Vec<u8> {
        let tid = &self.tid;
        match &self.said {
            Said::Query { .. } => oracle::encode_query(tid, &self.id, &self.query()),
            Said::Reply { .. } => self.with_reply(|reply| {
                oracle::bounded_to_datagram(tid, oracle::encode_reply(tid, reply))
            }),
            Said::Error(code, text) => oracle::encode_error(tid, *code, text),
            Said::Fault(which, name) => {
                let fault = oracle::encode_fault(tid, &fault(*which, name));
                oracle::bounded_to_datagram(tid, fault)
            }
        }
    }

    /// Whether what it says can be said in a datagram, and understood.
    pub(crate) fn is_sayable(&self) -> bool {
        let speakable = match &self.said {
            Said::Query { .. } | Said::Error(..) => true,
            Said::Fault(which, name) => {
                let fault = oracle::encode_fault(&self.tid, &fault(*which, name));
                fault.len() <= MAX_DATAGRAM
            }
            Said::Reply {
                nodes,
                seen_as,
                token,
                values,
                ..
            } => {
                let named = nodes.as_deref().unwrap_or_default();
                let mut values = values.iter().flatten();
                let len = self.with_reply(|reply| oracle::encode_reply(&self.tid, reply).len());
                len <= MAX_DATAGRAM
                    && named.len() <= MAX_CONTACTS
                    && named.iter().all(|node| node.addr.is_ipv4())
                    && seen_as.is_none_or(|addr| addr.is_ipv4())
                    && token.as_ref().is_none_or(|token| token.len() <= MAX_TOKEN)
                    && values.all(|value| value.len() <= Value::MAX_LEN)
            }
        };
        speakable && self.tid.len() <= MAX_TID
    }

    /// Whether the datagram says this and nothing else.
    pub(crate) fn is_understood_in(&self, datagram: &[u8]) -> bool {
        let said_tid = self.tid.as_slice();
        match (DIALECT.decode(datagram), &self.said) {
            (Ok(Message::Query { tid, sender, query }), Said::Query { .. }) => {
                (tid, sender, query) == (said_tid, self.id, self.query())
            }
            (Ok(Message::Reply { tid, reply }), Said::Reply { .. }) => {
                tid == said_tid && self.with_reply(|said| *said == reply)
            }
            (Ok(Message::Error { tid, code, text }), Said::Error(said, why)) => {
                (tid, code, text) == (said_tid, *said, why.as_slice())
            }
            (Ok(Message::Error { tid, code, .. }), Said::Fault(which, name)) => {
                (tid, code) == (said_tid, DIALECT.code(&fault(*which, name)))
            }
            _ => false,
        }
    }

    fn query(&self) -> Query<'_> {
        let Said::Query {
            method,
            target,
            num,
            token,
            value,
        } = &self.said
        else {
            return Query::Ping;
        };
        let (key, target, num) = (*target, *target, *num);
        match method {
            Method::Ping => Query::Ping,
            Method::Join => Query::Join,
            Method::FindNode => Query::FindNode { target },
            Method::FindValue => Query::FindValue { key },
            Method::GetValue => Query::GetValue { key, num },
            Method::StoreValue => Query::StoreValue { key, token, value },
        }
    }

    fn with_reply<T>(&self, then: impl FnOnce(&Reply<'_>) -> T) -> T {
        let mut reply = Reply::from(self.id);
        let mut listed: Vec<&[u8]> = Vec::new();
        if let Said::Reply {
            nodes,
            num,
            seen_as,
            token,
            values,
        } = &self.said
        {
            listed.extend(values.iter().flatten().map(Vec::as_slice));
            reply.nodes = nodes.as_ref().map(Into::into);
            reply.num = *num;
            reply.seen_as = *seen_as;
            reply.token = token.as_deref();
            reply.values = values.as_ref().map(|_| (&listed).into());
        }
        then(&reply)
    }
}

fn fault(which: u8, name: &[u8]) -> Fault<'_> {
    match which % 8 {
        0 => Fault::BadToken,
        1 => Fault::Busy,
        2 => Fault::StoreFull,
        3 => Fault::TooLong { len: name.len() },
        4 => Fault::UnknownMethod { name },
        5 => Fault::ValueTooLong,
        6 => Fault::NotSaved,
        _ => Fault::WrongArguments,
    }
}

impl Arbitrary for Speech {
    fn arbitrary(g: &mut Gen) -> Self {
        let said = match u8::arbitrary(g) % 4 {
            0 => Said::Query {
                method: pick(g, &Method::ALL),
                target: id(g),
                num: number(g),
                token: bytes(g, MAX_TOKEN + 9),
                value: bytes(g, Value::MAX_LEN),
            },
            1 => Said::Error(number(g), bytes(g, 300)),
            2 => Said::Fault(u8::arbitrary(g), bytes(g, MAX_DATAGRAM)),
            _ => reply(g),
        };
        Self {
            tid: bytes(g, MAX_TID + 3),
            id: id(g),
            said,
        }
    }
}

fn reply(g: &mut Gen) -> Said {
    let most = usize::arbitrary(g) % (MAX_CONTACTS + 2);
    let nodes: Vec<Contact> = (0..most)
        .map(|_| Contact::new(id(g), SocketAddr::arbitrary(g)))
        .collect();
    let some_v6 = u8::arbitrary(g) % 8 == 0;
    let only = |mut nodes: Vec<Contact>| {
        nodes.retain(|node| some_v6 || node.addr.is_ipv4());
        nodes
    };
    let count = usize::arbitrary(g) % 12;
    let values: Vec<Vec<u8>> = (0..count).map(|_| bytes(g, 200)).collect();
    Said::Reply {
        nodes: bool::arbitrary(g).then(|| only(nodes)),
        num: bool::arbitrary(g).then(|| number(g).unsigned_abs()),
        seen_as: bool::arbitrary(g).then(|| SocketAddr::arbitrary(g)),
        token: bool::arbitrary(g).then(|| bytes(g, MAX_TOKEN + 9)),
        values: bool::arbitrary(g).then_some(values),
    }
}

/// One datagram of each kind.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let mut g = Gen::from_size_and_seed(10, 7);
    let (mut samples, mut kinds) = (Vec::new(), 0_u16);
    while kinds != (1 << 9) - 1 {
        let mut speech = Speech::arbitrary(&mut g);
        speech.tid.truncate(2);
        let kind = match &speech.said {
            Said::Query { method, .. } => *method as usize,
            Said::Reply { nodes, values, .. } if nodes.is_some() && values.is_some() => 6,
            Said::Reply { .. } => continue,
            Said::Error(..) => 7,
            Said::Fault(..) => 8,
        };
        let bytes = speech.ours();
        if kinds & 1 << kind == 0 && bytes.len() < 400 {
            kinds |= 1 << kind;
            samples.push(bytes);
        }
    }
    samples
}

pub(crate) fn pick<T: Copy>(g: &mut Gen, from: &[T]) -> T {
    *g.choose(from).expect("something to choose from")
}

fn id(g: &mut Gen) -> Id {
    Id::new(std::array::from_fn(|_| u8::arbitrary(g)))
}

/// Short or long, seldom as long as can be.
fn bytes(g: &mut Gen, most: usize) -> Vec<u8> {
    let longest = pick(g, &[0, 1, 9, 10, 20, 20, 20, 64, 100, most]);
    let shorter = usize::arbitrary(g) % (longest + 1);
    let len = pick(g, &[longest, shorter]);
    let byte = u8::arbitrary(g);
    vec![byte; len.min(most)]
}

/// Any number, preferably one at an edge.
fn number(g: &mut Gen) -> i64 {
    let any = i64::arbitrary(g);
    pick(
        g,
        &[
            0,
            1,
            -1,
            9,
            10,
            -10,
            99,
            100,
            i64::MAX,
            i64::MIN,
            any,
            any % 1000,
        ],
    )
}
