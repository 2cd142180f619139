//! apt-p2p's KRPC: the bytes of every message, error numbers and texts (specification, section 1).

use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};

use super::bencode::{Item, Writer, parse};
use super::message::{Breach, Fault, Message, Method, Query, Reply};
use super::{MAX_CONTACTS, MAX_DATAGRAM, MAX_DEPTH, MAX_TID, MAX_TOKEN, Malformed};
use crate::contact::Contact;
use crate::id::Id;
use crate::value::Value;

/// Arguments of this name are overwritten by the original with the sender's address, and so may
/// be there without being one too many (specification, section 1.3).
const OVERWRITTEN: &[u8] = b"_krpc_sender";

pub(super) fn decode(datagram: &[u8]) -> Result<Message<'_>, Malformed> {
    let message = parse(datagram, MAX_DEPTH).ok_or(Malformed::Bencode)?;
    let kind = message.get(b"y").ok_or(Malformed::Kind)?;
    let tid = message.get(b"t").and_then(Item::bytes);
    match kind.bytes() {
        Some(b"q") => {
            let (name, arguments) = query_parts(&message).ok_or(Malformed::Query)?;
            Ok(decode_query(bounded(tid)?, name, arguments))
        }
        Some(b"r") => {
            let contents = message
                .get(b"r")
                .filter(|item| matches!(item, Item::Dict(_)));
            let contents = contents.ok_or(Malformed::Reply)?;
            let tid = bounded(tid)?;
            Ok(match decode_reply(contents) {
                Ok(reply) => Message::Reply { tid, reply },
                Err(breach) => Message::Broken { tid, breach },
            })
        }
        Some(b"e") => {
            let (code, text) = error_parts(&message).ok_or(Malformed::Error)?;
            Ok(Message::Error {
                tid: bounded(tid)?,
                code,
                text,
            })
        }
        Some(_) | None => Ok(Message::Broken {
            tid: bounded(tid)?,
            breach: Breach::Kind,
        }),
    }
}

fn bounded(tid: Option<&[u8]>) -> Result<&[u8], Malformed> {
    tid.filter(|tid| tid.len() <= MAX_TID).ok_or(Malformed::Tid)
}

fn query_parts<'a, 'b>(message: &'b Item<'a>) -> Option<(&'a [u8], Arguments<'b, 'a>)> {
    let name = message.get(b"q")?.bytes()?;
    match message.get(b"a")? {
        Item::Dict(arguments) => Some((name, Arguments::new(arguments))),
        Item::Bytes(_) | Item::Int(_) | Item::List(_) => None,
    }
}

fn error_parts<'a>(message: &Item<'a>) -> Option<(i64, &'a [u8])> {
    match message.get(b"e")?.list()? {
        [code, text] => Some((code.int()?, text.bytes()?)),
        _ => None,
    }
}

fn decode_query<'a>(
    tid: &'a [u8],
    name: &'a [u8],
    mut arguments: Arguments<'_, 'a>,
) -> Message<'a> {
    let Some(method) = Method::named(name) else {
        return Message::UnknownMethod { tid, name };
    };
    match decode_arguments(method, &mut arguments) {
        Some((sender, query)) => Message::Query { tid, sender, query },
        None => Message::WrongArguments { tid, method },
    }
}

fn decode_arguments<'a>(
    method: Method,
    arguments: &mut Arguments<'_, 'a>,
) -> Option<(Id, Query<'a>)> {
    let sender = arguments.id(b"id")?;
    let query = match method {
        Method::Ping => Query::Ping,
        Method::Join => Query::Join,
        Method::FindNode => Query::FindNode {
            target: arguments.id(b"target")?,
        },
        Method::FindValue => Query::FindValue {
            key: arguments.id(b"key")?,
        },
        Method::GetValue => Query::GetValue {
            key: arguments.id(b"key")?,
            num: arguments.take(b"num")?.int()?,
        },
        Method::StoreValue => Query::StoreValue {
            key: arguments.id(b"key")?,
            token: arguments.take(b"token")?.bytes()?,
            value: arguments.take(b"value")?.bytes()?,
        },
    };
    arguments.are_all_taken().then_some((sender, query))
}

/// The arguments of a query, taken one by one: what is left over is one too many.
struct Arguments<'b, 'a> {
    all: &'b [(&'a [u8], Item<'a>)],
    taken: usize,
}

impl<'b, 'a> Arguments<'b, 'a> {
    const fn new(all: &'b [(&'a [u8], Item<'a>)]) -> Self {
        Self { all, taken: 0 }
    }

    fn take(&mut self, name: &[u8]) -> Option<&'b Item<'a>> {
        let (_, item) = self.all.iter().find(|(key, _)| *key == name)?;
        self.taken += 1;
        Some(item)
    }

    fn id(&mut self, name: &[u8]) -> Option<Id> {
        Id::from_slice(self.take(name)?.bytes()?)
    }

    fn are_all_taken(&self) -> bool {
        let known = self
            .all
            .iter()
            .filter(|(key, _)| *key != OVERWRITTEN)
            .count();
        known == self.taken
    }
}

fn decode_reply<'a>(contents: &Item<'a>) -> Result<Reply<'a>, Breach> {
    let id = contents
        .get(b"id")
        .and_then(Item::bytes)
        .and_then(Id::from_slice);
    Ok(Reply {
        id: id.ok_or(Breach::Id)?,
        nodes: contents.get(b"nodes").map(decode_nodes).transpose()?,
        num: contents
            .get(b"num")
            .map(|num| num.unsigned().ok_or(Breach::Num))
            .transpose()?,
        seen_as: decode_seen_as(contents)?,
        token: contents.get(b"token").map(decode_token).transpose()?,
        values: contents.get(b"values").map(decode_values).transpose()?,
    })
}

fn decode_nodes(nodes: &Item<'_>) -> Result<Vec<Contact>, Breach> {
    let entries = nodes.list().ok_or(Breach::Nodes)?;
    let mut contacts = Vec::with_capacity(entries.len().min(MAX_CONTACTS));
    for entry in entries {
        let contact = entry
            .bytes()
            .and_then(Contact::from_compact)
            .ok_or(Breach::Nodes)?;
        if contacts.len() < MAX_CONTACTS {
            contacts.push(contact);
        }
    }
    Ok(contacts)
}

fn decode_seen_as(contents: &Item<'_>) -> Result<Option<SocketAddr>, Breach> {
    let (Some(ip), Some(port)) = (contents.get(b"ip_addr"), contents.get(b"port")) else {
        return Ok(None);
    };
    let ip = ip.bytes().and_then(|text| core::str::from_utf8(text).ok());
    let ip: Ipv4Addr = ip
        .and_then(|text| text.parse().ok())
        .ok_or(Breach::SeenAs)?;
    let port = port.unsigned().and_then(|port| u16::try_from(port).ok());
    Ok(Some(SocketAddr::new(
        ip.into(),
        port.ok_or(Breach::SeenAs)?,
    )))
}

fn decode_token<'a>(token: &Item<'a>) -> Result<&'a [u8], Breach> {
    token
        .bytes()
        .filter(|token| token.len() <= MAX_TOKEN)
        .ok_or(Breach::Token)
}

fn decode_values<'a>(values: &Item<'a>) -> Result<Vec<&'a [u8]>, Breach> {
    let fits = |bytes: &&[u8]| bytes.len() <= Value::MAX_LEN;
    let entries = values.list().ok_or(Breach::Values)?;
    entries
        .iter()
        .map(|entry| entry.bytes().filter(fits).ok_or(Breach::Values))
        .collect()
}

pub(super) fn encode_query(tid: &[u8], sender: &Id, query: &Query<'_>) -> Vec<u8> {
    let id = Writer::Bytes(sender.as_bytes());
    let arguments: Vec<(&[u8], Writer<'_>)> = match query {
        Query::Ping | Query::Join => vec![(b"id", id)],
        Query::FindNode { target } => {
            vec![(b"id", id), (b"target", Writer::Bytes(target.as_bytes()))]
        }
        Query::FindValue { key } => vec![(b"id", id), (b"key", Writer::Bytes(key.as_bytes()))],
        Query::GetValue { key, num } => vec![
            (b"id", id),
            (b"key", Writer::Bytes(key.as_bytes())),
            (b"num", Writer::Int(*num)),
        ],
        Query::StoreValue { key, token, value } => vec![
            (b"id", id),
            (b"key", Writer::Bytes(key.as_bytes())),
            (b"token", Writer::Bytes(token)),
            (b"value", Writer::Bytes(value)),
        ],
    };
    Writer::Dict(vec![
        (b"a", Writer::Dict(arguments)),
        (b"q", Writer::Bytes(query.method().name().as_bytes())),
        (b"t", Writer::Bytes(tid)),
        (b"y", Writer::Bytes(b"q")),
    ])
    .to_bytes()
}

pub(super) fn encode_reply(tid: &[u8], reply: &Reply<'_>) -> Vec<u8> {
    let ip = reply.seen_as.map(|addr| addr.ip().to_string());
    let nodes = reply.nodes.as_ref().map(|nodes| {
        nodes
            .iter()
            .filter_map(Contact::to_compact)
            .collect::<Vec<[u8; Contact::COMPACT_LEN]>>()
    });

    let mut contents: Vec<(&[u8], Writer<'_>)> = vec![(b"id", Writer::Bytes(reply.id.as_bytes()))];
    if let Some(ip) = &ip {
        contents.push((b"ip_addr", Writer::Bytes(ip.as_bytes())));
    }
    if let Some(nodes) = &nodes {
        let list = nodes.iter().map(|node| Writer::Bytes(node)).collect();
        contents.push((b"nodes", Writer::List(list)));
    }
    if let Some(num) = reply.num {
        contents.push((b"num", Writer::Unsigned(num)));
    }
    if let Some(addr) = reply.seen_as {
        contents.push((b"port", Writer::Unsigned(addr.port().into())));
    }
    if let Some(token) = reply.token {
        contents.push((b"token", Writer::Bytes(token)));
    }
    if let Some(values) = &reply.values {
        let list = values.iter().map(|value| Writer::Bytes(value)).collect();
        contents.push((b"values", Writer::List(list)));
    }
    Writer::Dict(vec![
        (b"r", Writer::Dict(contents)),
        (b"t", Writer::Bytes(tid)),
        (b"y", Writer::Bytes(b"r")),
    ])
    .to_bytes()
}

pub(super) fn encode_error(tid: &[u8], code: i64, text: &[u8]) -> Vec<u8> {
    Writer::Dict(vec![
        (
            b"e",
            Writer::List(vec![Writer::Int(code), Writer::Bytes(text)]),
        ),
        (b"t", Writer::Bytes(tid)),
        (b"y", Writer::Bytes(b"e")),
    ])
    .to_bytes()
}

pub(super) fn encode_fault(tid: &[u8], fault: &Fault<'_>) -> Vec<u8> {
    encode_error(tid, code(fault), &text(fault))
}

/// The error numbers (specification, section 1.4).
pub(super) const fn code(fault: &Fault<'_>) -> i64 {
    match fault {
        Fault::Busy | Fault::StoreFull | Fault::ValueTooLong => 201,
        Fault::UnknownMethod { .. } => 203,
        Fault::WrongArguments => 204,
        Fault::BadToken => 205,
        Fault::TooLong { .. } => 206,
    }
}

/// The error texts: the original's for 203, 205 and 206, our own for the others, whose texts in
/// the original are whatever its language said.
fn text(fault: &Fault<'_>) -> Vec<u8> {
    match fault {
        Fault::BadToken => b"token is invalid, do a find_nodes to get a fresh one".to_vec(),
        Fault::Busy => b"too busy".to_vec(),
        Fault::StoreFull => b"store is full".to_vec(),
        Fault::TooLong { len } => format!("response was {len} bytes").into_bytes(),
        Fault::UnknownMethod { name } => [b"unknown method ", *name].concat(),
        Fault::ValueTooLong => b"value too long".to_vec(),
        Fault::WrongArguments => b"wrong arguments".to_vec(),
    }
}

/// What is left of a datagram for values: a `get_value` answer has 54 bytes around its list and
/// its transaction id (`d1:rd2:id20:` id `6:valuesl` `ee1:t` tid `1:y1:re`).
pub(super) const fn room_for_values(tid_len: usize) -> usize {
    let around = b"d1:rd2:id20:6:valueslee1:t1:y1:re".len() + Id::LEN;
    MAX_DATAGRAM.saturating_sub(around + string_len(tid_len))
}

/// The length of a bencoded string of so many bytes.
pub(super) const fn string_len(len: usize) -> usize {
    let digits = match len.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    };
    digits + 1 + len
}

#[cfg(test)]
mod tests {
    use super::*;

    const TID: &[u8; 20] = b"01234567890123456789";

    fn id(byte: u8) -> Id {
        Id::new([byte; 20])
    }

    #[test]
    fn a_get_value_answer_fills_the_datagram_to_the_last_byte() {
        let value = vec![b'v'; Value::MAX_LEN];
        let reply = Reply {
            values: Some(vec![&value]),
            ..Reply::from(id(1))
        };
        assert_eq!(encode_reply(TID, &reply).len(), MAX_DATAGRAM);
        assert_eq!(room_for_values(TID.len()), string_len(Value::MAX_LEN));
    }

    #[test]
    fn an_answer_with_every_fact_goes_there_and_back() {
        let reply = Reply {
            id: id(1),
            nodes: Some(vec![Contact::new(id(2), ([10, 0, 0, 1], 5).into())]),
            num: Some(3),
            seen_as: Some(([10, 0, 0, 2], 7).into()),
            token: Some(b"token"),
            values: Some(vec![b"", b"value"]),
        };
        let bytes = encode_reply(TID, &reply);
        assert_eq!(decode(&bytes), Ok(Message::Reply { tid: TID, reply }));
    }

    #[test]
    fn breaches_of_an_answer_are_told_apart() {
        for (contents, breach) in [
            (&b"de"[..], Breach::Id),
            (b"d2:id3:abce", Breach::Id),
            (
                b"d2:id20:aaaaaaaaaaaaaaaaaaaa5:nodes26:aaaaaaaaaaaaaaaaaaaaaaaaaae",
                Breach::Nodes,
            ),
            (b"d2:id20:aaaaaaaaaaaaaaaaaaaa5:nodesl2:aaee", Breach::Nodes),
            (b"d2:id20:aaaaaaaaaaaaaaaaaaaa3:num1:3e", Breach::Num),
            (b"d2:id20:aaaaaaaaaaaaaaaaaaaa3:numi-1ee", Breach::Num),
            (b"d2:id20:aaaaaaaaaaaaaaaaaaaa5:tokeni1ee", Breach::Token),
            (b"d2:id20:aaaaaaaaaaaaaaaaaaaa6:values1:xe", Breach::Values),
            (
                b"d2:id20:aaaaaaaaaaaaaaaaaaaa6:valuesli1eee",
                Breach::Values,
            ),
            (
                b"d2:id20:aaaaaaaaaaaaaaaaaaaa7:ip_addr1:x4:porti1ee",
                Breach::SeenAs,
            ),
        ] {
            let bytes = [b"d1:r", contents, b"1:t2:aa1:y1:re"].concat();
            let expected = Message::Broken { tid: b"aa", breach };
            assert_eq!(decode(&bytes), Ok(expected), "{}", contents.escape_ascii());
        }
        let unknown_kind = b"d1:t2:aa1:y1:xe";
        assert_eq!(
            decode(unknown_kind),
            Ok(Message::Broken {
                tid: b"aa",
                breach: Breach::Kind
            })
        );
    }

    #[test]
    fn extra_keys_of_an_answer_are_ignored() {
        let bytes = b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa1:xd1:yleee1:t2:aa1:y1:re";
        let reply = Reply::from(id(b'a'));
        assert_eq!(decode(bytes), Ok(Message::Reply { tid: b"aa", reply }));
    }

    #[test]
    fn string_lengths_count_their_digits() {
        for len in [0, 1, 9, 10, 99, 100, 999, 1000] {
            let bytes = vec![b'x'; len];
            assert_eq!(string_len(len), Writer::Bytes(&bytes).to_bytes().len());
        }
    }
}
