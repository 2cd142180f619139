//! apt-p2p's KRPC: the bytes of every message, error numbers and texts (specification, section 1).

use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};

use super::lists::{Nodes, Values};
use super::message::{Fault, InvalidReply, Message, Method, Query, Reply};
use super::scan::{List, Reader, Scanned};
use super::write::{self, string_len};
use super::{MAX_CONTACTS, MAX_DATAGRAM, MAX_DEPTH, MAX_TID, MAX_TOKEN, Malformed};
use crate::contact::Contact;
use crate::id::Id;
use crate::value::Value;

/// Arguments of this name are overwritten by the original with the sender's address, and so may
/// be there without being one too many (specification, section 1.3).
const OVERWRITTEN: &[u8] = b"_krpc_sender";

/// What stands before each contact of a list: the length of its compact form.
const CONTACT_PREFIX: &[u8] = b"26:";

/// Bytes of a contact in a list.
const ENTRY_LEN: usize = CONTACT_PREFIX.len() + Contact::COMPACT_LEN;

pub(super) fn decode(datagram: &[u8]) -> Result<Message<'_>, Malformed> {
    let mut parts = Parts::default();
    parts.read(datagram).ok_or(Malformed::Bencode)?;
    let kind = parts.kind.ok_or(Malformed::Kind)?;
    let tid = parts.tid.and_then(Scanned::bytes);
    match kind.bytes() {
        Some(b"q") => {
            let name = parts.method.and_then(Scanned::bytes);
            let arguments = parts.arguments.as_ref();
            let (name, arguments) = name.zip(arguments).ok_or(Malformed::Query)?;
            Ok(decode_query(bounded(tid)?, name, arguments))
        }
        Some(b"r") => {
            let contents = parts.contents.as_ref().ok_or(Malformed::Reply)?;
            let tid = bounded(tid)?;
            Ok(match decode_reply(contents) {
                Ok(reply) => Message::Reply { tid, reply },
                Err(invalid) => Message::Broken { tid, invalid },
            })
        }
        Some(b"e") => {
            let (code, text) = error_parts(parts.error).ok_or(Malformed::Error)?;
            Ok(Message::Error {
                tid: bounded(tid)?,
                code,
                text,
            })
        }
        Some(_) | None => Ok(Message::Broken {
            tid: bounded(tid)?,
            invalid: InvalidReply::Kind,
        }),
    }
}

fn bounded(tid: Option<&[u8]>) -> Result<&[u8], Malformed> {
    tid.filter(|tid| tid.len() <= MAX_TID).ok_or(Malformed::Tid)
}

/// What a datagram consists of; nothing at all when it is not a dictionary.
#[derive(Default)]
struct Parts<'a> {
    /// The dictionary under `a`.
    arguments: Option<Facts<'a>>,
    /// The dictionary under `r`.
    contents: Option<Facts<'a>>,
    error: Option<Scanned<'a>>,
    kind: Option<Scanned<'a>>,
    method: Option<Scanned<'a>>,
    tid: Option<Scanned<'a>>,
}

impl<'a> Parts<'a> {
    /// Reads exactly one canonical value; `None` when the bytes are anything else, or nested too
    /// deeply.
    fn read(&mut self, datagram: &'a [u8]) -> Option<()> {
        let mut reader = Reader::new(datagram);
        if reader.is_at_dict() {
            reader.dict(MAX_DEPTH, |key, reader, depth| {
                match key {
                    b"a" if reader.is_at_dict() => {
                        let arguments = self.arguments.insert(Facts::default());
                        return arguments.read(reader, depth);
                    }
                    b"r" if reader.is_at_dict() => {
                        let contents = self.contents.insert(Facts::default());
                        return contents.read(reader, depth);
                    }
                    _ => self.keep(key, reader.value(depth)?),
                }
                Some(())
            })?;
        } else {
            reader.value(MAX_DEPTH)?;
        }
        reader.is_at_end().then_some(())
    }

    fn keep(&mut self, key: &[u8], value: Scanned<'a>) {
        match key {
            b"e" => self.error = Some(value),
            b"q" => self.method = Some(value),
            b"t" => self.tid = Some(value),
            b"y" => self.kind = Some(value),
            _ => {}
        }
    }
}

/// What a query or an answer says, by the names of the protocol.
#[derive(Default)]
struct Facts<'a> {
    id: Option<Scanned<'a>>,
    ip_addr: Option<Scanned<'a>>,
    key: Option<Scanned<'a>>,
    nodes: Option<Scanned<'a>>,
    num: Option<Scanned<'a>>,
    port: Option<Scanned<'a>>,
    target: Option<Scanned<'a>>,
    token: Option<Scanned<'a>>,
    value: Option<Scanned<'a>>,
    values: Option<Scanned<'a>>,
    /// How many there are, those of other names included.
    count: usize,
}

impl<'a> Facts<'a> {
    fn read(&mut self, reader: &mut Reader<'a>, depth: usize) -> Option<()> {
        reader.dict(depth, |key, reader, depth| {
            let value = Some(reader.value(depth)?);
            self.count += 1;
            match key {
                b"id" => self.id = value,
                b"ip_addr" => self.ip_addr = value,
                b"key" => self.key = value,
                b"nodes" => self.nodes = value,
                b"num" => self.num = value,
                b"port" => self.port = value,
                b"target" => self.target = value,
                b"token" => self.token = value,
                b"value" => self.value = value,
                b"values" => self.values = value,
                OVERWRITTEN => self.count -= 1,
                _ => {}
            }
            Some(())
        })
    }
}

fn error_parts(error: Option<Scanned<'_>>) -> Option<(i64, &[u8])> {
    let (code, text) = error?.list()?.pair()?;
    Some((code.int()?.signed(), text.bytes()?))
}

fn decode_query<'a>(tid: &'a [u8], name: &'a [u8], arguments: &Facts<'a>) -> Message<'a> {
    let Some(method) = Method::named(name) else {
        return Message::UnknownMethod { tid, name };
    };
    match decode_arguments(method, arguments) {
        Some((sender, query)) => Message::Query { tid, sender, query },
        None => Message::WrongArguments { tid, method },
    }
}

/// `None` when one is missing, wrong, or one too many.
fn decode_arguments<'a>(method: Method, arguments: &Facts<'a>) -> Option<(Id, Query<'a>)> {
    let sender = id(arguments.id)?;
    let (query, count) = match method {
        Method::Ping => (Query::Ping, 1),
        Method::Join => (Query::Join, 1),
        Method::FindNode => {
            let target = id(arguments.target)?;
            (Query::FindNode { target }, 2)
        }
        Method::FindValue => {
            let key = id(arguments.key)?;
            (Query::FindValue { key }, 2)
        }
        Method::GetValue => {
            let (key, num) = (id(arguments.key)?, arguments.num?.int()?.signed());
            (Query::GetValue { key, num }, 3)
        }
        Method::StoreValue => {
            let query = Query::StoreValue {
                key: id(arguments.key)?,
                token: arguments.token?.bytes()?,
                value: arguments.value?.bytes()?,
            };
            (query, 4)
        }
    };
    (arguments.count == count).then_some((sender, query))
}

fn id(fact: Option<Scanned<'_>>) -> Option<Id> {
    Id::from_slice(fact?.bytes()?)
}

fn decode_reply<'a>(contents: &Facts<'a>) -> Result<Reply<'a>, InvalidReply> {
    Ok(Reply {
        id: id(contents.id).ok_or(InvalidReply::Id)?,
        nodes: contents.nodes.map(decode_nodes).transpose()?,
        num: contents.num.map(decode_num).transpose()?,
        seen_as: decode_seen_as(contents)?,
        token: contents.token.map(decode_token).transpose()?,
        values: contents.values.map(decode_values).transpose()?,
    })
}

fn decode_nodes(nodes: Scanned<'_>) -> Result<Nodes<'_>, InvalidReply> {
    let list = nodes
        .list()
        .map(List::as_bytes)
        .ok_or(InvalidReply::Nodes)?;
    let mut entries = list.chunks_exact(ENTRY_LEN);
    let right = entries.all(|entry| entry.starts_with(CONTACT_PREFIX));
    if !right || !entries.remainder().is_empty() {
        return Err(InvalidReply::Nodes);
    }
    let looked_at = list.get(..MAX_CONTACTS * ENTRY_LEN).unwrap_or(list);
    Ok(Nodes::compact(looked_at, CONTACT_PREFIX.len()))
}

fn decode_num(num: Scanned<'_>) -> Result<u64, InvalidReply> {
    let num = num.int().ok_or(InvalidReply::Num)?;
    num.unsigned().ok_or(InvalidReply::Num)
}

fn decode_seen_as(contents: &Facts<'_>) -> Result<Option<SocketAddr>, InvalidReply> {
    let (Some(ip), Some(port)) = (contents.ip_addr, contents.port) else {
        return Ok(None);
    };
    let ip = ip.bytes().and_then(|text| core::str::from_utf8(text).ok());
    let ip: Ipv4Addr = ip
        .and_then(|text| text.parse().ok())
        .ok_or(InvalidReply::SeenAs)?;
    let port = port.int().and_then(|port| port.unsigned());
    let port = port.and_then(|port| u16::try_from(port).ok());
    Ok(Some(SocketAddr::new(
        ip.into(),
        port.ok_or(InvalidReply::SeenAs)?,
    )))
}

fn decode_token(token: Scanned<'_>) -> Result<&[u8], InvalidReply> {
    token
        .bytes()
        .filter(|token| token.len() <= MAX_TOKEN)
        .ok_or(InvalidReply::Token)
}

fn decode_values(values: Scanned<'_>) -> Result<Values<'_>, InvalidReply> {
    let list = values
        .list()
        .map(List::as_bytes)
        .ok_or(InvalidReply::Values)?;
    let mut reader = Reader::new(list);
    let mut count = 0;
    while !reader.is_at_end() {
        let value = reader.string().ok_or(InvalidReply::Values)?;
        if value.len() > Value::MAX_LEN {
            return Err(InvalidReply::Values);
        }
        count += 1;
    }
    Ok(Values::bencoded(list, count))
}

pub(super) fn encode_query(tid: &[u8], sender: &Id, query: &Query<'_>, out: &mut Vec<u8>) {
    out.reserve(tid.len() + ROOM_FOR_QUERY);
    out.extend_from_slice(b"d1:ad2:id20:");
    out.extend_from_slice(sender.as_bytes());
    match query {
        Query::Ping | Query::Join => {}
        Query::FindNode { target } => {
            out.extend_from_slice(b"6:target20:");
            out.extend_from_slice(target.as_bytes());
        }
        Query::FindValue { key } => write_key(out, key),
        Query::GetValue { key, num } => {
            write_key(out, key);
            out.extend_from_slice(b"3:num");
            write::int(out, *num);
        }
        Query::StoreValue { key, token, value } => {
            write_key(out, key);
            out.extend_from_slice(b"5:token");
            write::string(out, token);
            out.extend_from_slice(b"5:value");
            write::string(out, value);
        }
    }
    out.extend_from_slice(b"e1:q");
    write::string(out, query.method().name().as_bytes());
    write_end(out, tid, b'q');
}

pub(super) fn encode_reply(tid: &[u8], reply: &Reply<'_>, out: &mut Vec<u8>) {
    let nodes = reply.nodes.map_or(0, |nodes| nodes.len());
    let token = reply.token.map_or(0, <[u8]>::len);
    let values = reply.values.iter().flat_map(Values::iter);
    let values: usize = values.map(|value| string_len(value.len())).sum();
    out.reserve(tid.len() + nodes * ENTRY_LEN + token + values + ROOM_FOR_REPLY);
    out.extend_from_slice(b"d1:rd2:id20:");
    out.extend_from_slice(reply.id.as_bytes());
    if let Some(addr) = reply.seen_as {
        out.extend_from_slice(b"7:ip_addr");
        write::text(out, format_args!("{}", addr.ip()));
    }
    if let Some(nodes) = reply.nodes {
        out.extend_from_slice(b"5:nodesl");
        let compact = nodes.iter().filter_map(|node| node.to_compact());
        // A chain of two iterators is quicker when it iterates itself.
        compact.for_each(|compact| {
            let mut entry = [0; ENTRY_LEN];
            let (prefix, rest) = entry.split_at_mut(CONTACT_PREFIX.len());
            prefix.copy_from_slice(CONTACT_PREFIX);
            rest.copy_from_slice(&compact);
            out.extend_from_slice(&entry);
        });
        out.push(b'e');
    }
    if let Some(num) = reply.num {
        out.extend_from_slice(b"3:num");
        write::unsigned(out, num);
    }
    if let Some(addr) = reply.seen_as {
        out.extend_from_slice(b"4:port");
        write::unsigned(out, addr.port().into());
    }
    if let Some(token) = reply.token {
        out.extend_from_slice(b"5:token");
        write::string(out, token);
    }
    if let Some(values) = reply.values {
        out.extend_from_slice(b"6:valuesl");
        for value in values.iter() {
            write::string(out, value);
        }
        out.push(b'e');
    }
    out.push(b'e');
    write_end(out, tid, b'r');
}

pub(super) fn encode_error(tid: &[u8], code: i64, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"d1:el");
    write::int(out, code);
    write::string(out, text);
    out.push(b'e');
    write_end(out, tid, b'e');
}

/// The texts of 203, 205 and 206 are the original's; those of the others, which in the original
/// are whatever its language said, are our own.
pub(super) fn encode_fault(tid: &[u8], fault: &Fault<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"d1:el");
    write::int(out, code(fault));
    match fault {
        Fault::BadToken => {
            write::string(out, b"token is invalid, do a find_nodes to get a fresh one");
        }
        Fault::Busy => write::string(out, b"too busy"),
        Fault::NotSaved => write::string(out, b"the value could not be saved"),
        Fault::StoreFull => write::string(out, b"store is full"),
        Fault::TooLong { len } => write::text(out, format_args!("response was {len} bytes")),
        Fault::UnknownMethod { name } => write::string_of(out, &[b"unknown method ", name]),
        Fault::ValueTooLong => write::string(out, b"value too long"),
        Fault::WrongArguments => write::string(out, b"wrong arguments"),
    }
    out.push(b'e');
    write_end(out, tid, b'e');
}

fn write_key(out: &mut Vec<u8>, key: &Id) {
    out.extend_from_slice(b"3:key20:");
    out.extend_from_slice(key.as_bytes());
}

/// Writes what every message ends with: its transaction id and its kind.
fn write_end(out: &mut Vec<u8>, tid: &[u8], kind: u8) {
    out.extend_from_slice(b"1:t");
    write::string(out, tid);
    out.extend_from_slice(&[b'1', b':', b'y', b'1', b':', kind, b'e']);
}

/// Bytes around the transaction id of a query, if it is not one that stores.
const ROOM_FOR_QUERY: usize = b"d1:ad2:id20:3:key20:3:numi-9223372036854775808ee".len()
    + b"1:q10:find_value1:t20:1:y1:qe".len()
    + 2 * Id::LEN;

/// Bytes of an answer around its transaction id, contacts, token and values, if it does not say whom
/// it sees.
const ROOM_FOR_REPLY: usize =
    b"d1:rd2:id20:5:nodesle3:numi00000e5:token20:6:valueslee1:t20:1:y1:re".len() + Id::LEN;

/// The error numbers (specification, section 1.4).
pub(super) const fn code(fault: &Fault<'_>) -> i64 {
    match fault {
        Fault::Busy | Fault::NotSaved | Fault::StoreFull | Fault::ValueTooLong => 201,
        Fault::UnknownMethod { .. } => 203,
        Fault::WrongArguments => 204,
        Fault::BadToken => 205,
        Fault::TooLong { .. } => 206,
    }
}

/// What is left of a datagram for values: a `get_value` answer has 54 bytes around its list and
/// its transaction id (`d1:rd2:id20:` id `6:valuesl` `ee1:t` tid `1:y1:re`).
pub(super) const fn room_for_values(tid_len: usize) -> usize {
    let around = b"d1:rd2:id20:6:valueslee1:t1:y1:re".len() + Id::LEN;
    MAX_DATAGRAM.saturating_sub(around + string_len(tid_len))
}

#[cfg(test)]
mod tests;
