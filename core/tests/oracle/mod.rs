//! The dialect once more, by way of the bencode library: what reader and writer are held against.
//! Written for being plain, it takes apart whole trees and puts them together.

#[allow(dead_code, unreachable_pub, unused_imports)] // Values and snapshots use more of it.
#[path = "../../src/wire/bencode.rs"]
mod bencode;

use std::net::{Ipv4Addr, SocketAddr};

use khashmir::wire::{Dialect, Fault, InvalidReply, Malformed, Message, Method, Query, Reply};
use khashmir::wire::{MAX_CONTACTS, MAX_DATAGRAM, MAX_DEPTH, MAX_INCOMING, MAX_TID, MAX_TOKEN};
use khashmir::wire::{Nodes, Values};
use khashmir::{Contact, Id, Value};

use bencode::{Item, Writer, parse};

/// An argument that may be there without being one too many (specification, section 1.3).
const OVERWRITTEN: &[u8] = b"_krpc_sender";

/// Reads a datagram and passes on what it says.
pub(crate) fn decode<T>(
    datagram: &[u8],
    then: impl FnOnce(Result<Message<'_>, Malformed>) -> T,
) -> T {
    match decode_message(datagram) {
        Ok(Told::Message(message)) => then(Ok(message)),
        Ok(Told::Reply(tid, told)) => {
            let reply = Reply {
                id: told.id,
                nodes: told.nodes.as_ref().map(Nodes::from),
                num: told.num,
                seen_as: told.seen_as,
                token: told.token,
                values: told.values.as_ref().map(Values::from),
            };
            then(Ok(Message::Reply { tid, reply }))
        }
        Err(malformed) => then(Err(malformed)),
    }
}

/// A message, with the lists of an answer in memory of their own.
enum Told<'a> {
    Message(Message<'a>),
    Reply(&'a [u8], ToldReply<'a>),
}

struct ToldReply<'a> {
    id: Id,
    nodes: Option<Vec<Contact>>,
    num: Option<u64>,
    seen_as: Option<SocketAddr>,
    token: Option<&'a [u8]>,
    values: Option<Vec<&'a [u8]>>,
}

fn decode_message(datagram: &[u8]) -> Result<Told<'_>, Malformed> {
    if datagram.len() > MAX_INCOMING {
        return Err(Malformed::TooLong);
    }
    let message = parse(datagram, MAX_DEPTH).ok_or(Malformed::Bencode)?;
    let kind = message.get(b"y").ok_or(Malformed::Kind)?;
    let tid = message.get(b"t").and_then(Item::bytes);
    match kind.bytes() {
        Some(b"q") => {
            let (name, arguments) = query_parts(&message).ok_or(Malformed::Query)?;
            let query = decode_query(bounded(tid)?, name, arguments);
            Ok(Told::Message(query))
        }
        Some(b"r") => {
            let contents = message
                .get(b"r")
                .filter(|item| matches!(item, Item::Dict(_)));
            let contents = contents.ok_or(Malformed::Reply)?;
            let tid = bounded(tid)?;
            Ok(match decode_reply(contents) {
                Ok(reply) => Told::Reply(tid, reply),
                Err(invalid) => Told::Message(Message::Broken { tid, invalid }),
            })
        }
        Some(b"e") => {
            let (code, text) = error_parts(&message).ok_or(Malformed::Error)?;
            Ok(Told::Message(Message::Error {
                tid: bounded(tid)?,
                code,
                text,
            }))
        }
        Some(_) | None => Ok(Told::Message(Message::Broken {
            tid: bounded(tid)?,
            invalid: InvalidReply::Kind,
        })),
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
        [code, text] => Some((int(code)?, text.bytes()?)),
        _ => None,
    }
}

/// An integer, the nearest of 64 bits when it has more.
fn int(item: &Item<'_>) -> Option<i64> {
    let Item::Int(digits) = item else {
        return None;
    };
    let beyond = if digits.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(digits.parse().unwrap_or(beyond))
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
            num: int(arguments.take(b"num")?)?,
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

fn decode_reply<'a>(contents: &Item<'a>) -> Result<ToldReply<'a>, InvalidReply> {
    let id = contents
        .get(b"id")
        .and_then(Item::bytes)
        .and_then(Id::from_slice);
    Ok(ToldReply {
        id: id.ok_or(InvalidReply::Id)?,
        nodes: contents.get(b"nodes").map(decode_nodes).transpose()?,
        num: contents
            .get(b"num")
            .map(|num| num.unsigned().ok_or(InvalidReply::Num))
            .transpose()?,
        seen_as: decode_seen_as(contents)?,
        token: contents.get(b"token").map(decode_token).transpose()?,
        values: contents.get(b"values").map(decode_values).transpose()?,
    })
}

fn decode_nodes(nodes: &Item<'_>) -> Result<Vec<Contact>, InvalidReply> {
    let entries = nodes.list().ok_or(InvalidReply::Nodes)?;
    let mut contacts = Vec::with_capacity(entries.len().min(MAX_CONTACTS));
    for entry in entries {
        let contact = entry
            .bytes()
            .and_then(Contact::from_compact)
            .ok_or(InvalidReply::Nodes)?;
        if contacts.len() < MAX_CONTACTS {
            contacts.push(contact);
        }
    }
    Ok(contacts)
}

fn decode_seen_as(contents: &Item<'_>) -> Result<Option<SocketAddr>, InvalidReply> {
    let (Some(ip), Some(port)) = (contents.get(b"ip_addr"), contents.get(b"port")) else {
        return Ok(None);
    };
    let ip = ip.bytes().and_then(|text| std::str::from_utf8(text).ok());
    let ip: Ipv4Addr = ip
        .and_then(|text| text.parse().ok())
        .ok_or(InvalidReply::SeenAs)?;
    let port = port.unsigned().and_then(|port| u16::try_from(port).ok());
    Ok(Some(SocketAddr::new(
        ip.into(),
        port.ok_or(InvalidReply::SeenAs)?,
    )))
}

fn decode_token<'a>(token: &Item<'a>) -> Result<&'a [u8], InvalidReply> {
    token
        .bytes()
        .filter(|token| token.len() <= MAX_TOKEN)
        .ok_or(InvalidReply::Token)
}

fn decode_values<'a>(values: &Item<'a>) -> Result<Vec<&'a [u8]>, InvalidReply> {
    let fits = |bytes: &&[u8]| bytes.len() <= Value::MAX_LEN;
    let entries = values.list().ok_or(InvalidReply::Values)?;
    entries
        .iter()
        .map(|entry| entry.bytes().filter(fits).ok_or(InvalidReply::Values))
        .collect()
}

pub(crate) fn encode_query(tid: &[u8], sender: &Id, query: &Query<'_>) -> Vec<u8> {
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
            (b"num", Writer::Int((*num).into())),
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

pub(crate) fn encode_reply(tid: &[u8], reply: &Reply<'_>) -> Vec<u8> {
    let ip = reply.seen_as.map(|addr| addr.ip().to_string());
    let nodes = reply.nodes.as_ref().map(|nodes| {
        nodes
            .iter()
            .filter_map(|node| node.to_compact())
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
        contents.push((b"num", Writer::Int(num.into())));
    }
    if let Some(addr) = reply.seen_as {
        contents.push((b"port", Writer::Int(addr.port().into())));
    }
    if let Some(token) = reply.token {
        contents.push((b"token", Writer::Bytes(token)));
    }
    if let Some(values) = &reply.values {
        let list = values.iter().map(Writer::Bytes).collect();
        contents.push((b"values", Writer::List(list)));
    }
    Writer::Dict(vec![
        (b"r", Writer::Dict(contents)),
        (b"t", Writer::Bytes(tid)),
        (b"y", Writer::Bytes(b"r")),
    ])
    .to_bytes()
}

pub(crate) fn encode_error(tid: &[u8], code: i64, text: &[u8]) -> Vec<u8> {
    Writer::Dict(vec![
        (
            b"e",
            Writer::List(vec![Writer::Int(code.into()), Writer::Bytes(text)]),
        ),
        (b"t", Writer::Bytes(tid)),
        (b"y", Writer::Bytes(b"e")),
    ])
    .to_bytes()
}

pub(crate) fn encode_fault(tid: &[u8], fault: &Fault<'_>) -> Vec<u8> {
    encode_error(tid, Dialect::Khashmir.code(fault), &text(fault))
}

/// The datagram itself, or the error that stands in for one that is too long.
pub(crate) fn bounded_to_datagram(tid: &[u8], datagram: Vec<u8>) -> Vec<u8> {
    if datagram.len() <= MAX_DATAGRAM {
        return datagram;
    }
    let len = datagram.len();
    encode_fault(tid, &Fault::TooLong { len })
}

/// The error texts: the original's for 203, 205 and 206, our own for the others, whose texts in
/// the original are whatever its language said.
fn text(fault: &Fault<'_>) -> Vec<u8> {
    match fault {
        Fault::BadToken => b"token is invalid, do a find_nodes to get a fresh one".to_vec(),
        Fault::Busy => b"too busy".to_vec(),
        Fault::NotSaved => b"the value could not be saved".to_vec(),
        Fault::StoreFull => b"store is full".to_vec(),
        Fault::TooLong { len } => format!("response was {len} bytes").into_bytes(),
        Fault::UnknownMethod { name } => [b"unknown method ", *name].concat(),
        Fault::ValueTooLong => b"value too long".to_vec(),
        Fault::WrongArguments => b"wrong arguments".to_vec(),
    }
}
