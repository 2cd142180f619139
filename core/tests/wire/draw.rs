//! Datagrams drawn at random: messages, messages that were damaged, and bencode of all sorts.

use quickcheck::{Arbitrary, Gen};

use crate::speech::{Speech, pick};

/// A datagram, good or bad.
#[derive(Clone)]
pub(crate) struct Datagram(pub(crate) Vec<u8>);

impl std::fmt::Debug for Datagram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl Arbitrary for Datagram {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut bytes = match u8::arbitrary(g) % 8 {
            0..=2 => Speech::arbitrary(g).ours(),
            3..=6 => message(g),
            _ => (0..u8::arbitrary(g) % 40)
                .map(|_| pick(g, b"ddlliiee0123:::-ax"))
                .collect(),
        };
        for _ in 0..pick(g, &[0, 0, 0, 0, 1, 1, 2, 3]) {
            damage(g, &mut bytes);
        }
        Self(bytes)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

fn damage(g: &mut Gen, bytes: &mut Vec<u8>) {
    let pieces: [&[u8]; 12] = [
        b"1:ai1e",
        b"i-0e",
        b"i00e",
        b"le",
        b"de",
        b"e",
        b"d",
        b"0:",
        b"00:",
        b"12:_krpc_senderi1e",
        b"2:id20:aaaaaaaaaaaaaaaaaaaa",
        b"99999999999999999999:",
    ];
    let at = usize::arbitrary(g) % (bytes.len() + 1);
    let end = (at + usize::arbitrary(g) % 8).min(bytes.len());
    match u8::arbitrary(g) % 6 {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, pick(g, &pieces).iter().copied())),
        3 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        4 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (u8::arbitrary(g) % 8);
            }
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = pick(g, b"dlie0123456789:-");
            }
        }
    }
}

/// Something of the shape of a message, with parts that are right more often than not.
fn message(g: &mut Gen) -> Vec<u8> {
    let mut pairs: Vec<(&[u8], Vec<u8>)> = Vec::new();
    let kind = pick(g, b"qqqrrrreex");
    let mut part = |g: &mut Gen, key: &'static [u8], wanted: bool, value: Vec<u8>| {
        let there = if wanted { !one_in(g, 16) } else { one_in(g, 8) };
        if there {
            let other = one_in(g, 16).then(|| anything(g, 3));
            pairs.push((key, other.unwrap_or(value)));
        }
    };
    let arguments = facts(g, true);
    part(g, b"a", kind == b'q', arguments);
    let error = error(g);
    part(g, b"e", kind == b'e', error);
    let name = method(g);
    part(g, b"q", kind == b'q', string(&name));
    let contents = facts(g, false);
    part(g, b"r", kind == b'r', contents);
    let tid = vec![b't'; pick(g, &[0, 2, 2, 20, 20, 64, 65])];
    part(g, b"t", true, string(&tid));
    let extra = anything(g, 12);
    part(g, b"v", false, extra);
    part(g, b"y", true, string(&[kind]));
    dict(g, pairs)
}

fn method(g: &mut Gen) -> Vec<u8> {
    let names: [&[u8]; 8] = [
        b"ping",
        b"join",
        b"find_node",
        b"find_value",
        b"get_value",
        b"store_value",
        b"",
        b"get_peers",
    ];
    pick(g, &names).to_vec()
}

fn error(g: &mut Gen) -> Vec<u8> {
    let mut list = b"l".to_vec();
    for _ in 0..pick(g, &[2, 2, 2, 2, 0, 1, 3]) {
        let item = match list.len() {
            1 => int(g),
            _ => string(b"text"),
        };
        list.extend(if one_in(g, 10) { anything(g, 3) } else { item });
    }
    list.push(b'e');
    list
}

/// What a query or an answer says.
fn facts(g: &mut Gen, query: bool) -> Vec<u8> {
    let names: [(&[u8], bool); 12] = [
        (b"_krpc_sender", false),
        (b"id", true),
        (b"ip_addr", !query),
        (b"key", query),
        (b"nodes", !query),
        (b"num", query),
        (b"port", !query),
        (b"target", query),
        (b"token", true),
        (b"value", query),
        (b"values", !query),
        (b"zzz", false),
    ];
    // A query has to have its own arguments and no others.
    let of_method: &[&[u8]] = match u8::arbitrary(g) % 5 {
        0 => &[],
        1 => &[b"target"],
        2 => &[b"key"],
        3 => &[b"key", b"num"],
        _ => &[b"key", b"token", b"value"],
    };
    let mut pairs = Vec::new();
    for (name, usual) in names {
        let there = match (usual, query) {
            _ if name == b"id" => !one_in(g, 12),
            (true, true) => of_method.contains(&name) != one_in(g, 20),
            (true, false) => one_in(g, 2),
            (false, _) => one_in(g, 20),
        };
        if there {
            let value = if one_in(g, 30) {
                anything(g, 3)
            } else {
                fact(g, name)
            };
            pairs.push((name, value));
        }
    }
    dict(g, pairs)
}

fn fact(g: &mut Gen, name: &[u8]) -> Vec<u8> {
    let addresses: [&[u8]; 5] = [b"10.0.0.1", b"1.2.3.4", b"::1", b"1.2.3.256", b"01.2.3.4"];
    match name {
        b"id" | b"key" | b"target" => string(&vec![b'k'; pick(g, &[20, 20, 20, 20, 19, 21])]),
        b"ip_addr" => string(pick(g, &addresses)),
        b"nodes" => list(g, &[26, 26, 26, 26, 26, 26, 26, 26, 25]),
        b"num" | b"port" | b"_krpc_sender" => int(g),
        b"token" => string(&vec![b'o'; pick(g, &[0, 20, 64, 65])]),
        b"value" => string(b"value"),
        b"values" => list(g, &[0, 1, 26, 100, 1391, 1392]),
        _ => anything(g, 3),
    }
}

fn list(g: &mut Gen, lens: &[usize]) -> Vec<u8> {
    let mut list = b"l".to_vec();
    let len = pick(g, lens);
    for _ in 0..pick(g, &[0, 1, 2, 8, 31, 32, 33, 40]) {
        let len = if one_in(g, 100) { pick(g, lens) } else { len };
        list.extend(string(&vec![u8::arbitrary(g); len]));
        if one_in(g, 100) {
            list.extend(anything(g, 2));
        }
    }
    list.push(b'e');
    list
}

/// Any value, mostly a right one.
fn anything(g: &mut Gen, depth: u8) -> Vec<u8> {
    match (u8::arbitrary(g) % 8, depth) {
        (0, 1..) => {
            let items = (0..u8::arbitrary(g) % 3).map(|_| anything(g, depth - 1));
            [b"l".to_vec(), items.flatten().collect(), b"e".to_vec()].concat()
        }
        (1, 1..) => {
            let keys: [&[u8]; 4] = [b"", b"a", b"id", b"nodes"];
            let pairs = keys.map(|key| (key, anything(g, depth - 1)));
            let pairs = pairs.into_iter().filter(|(key, _)| key.len() < 2);
            dict(g, pairs.collect())
        }
        (2, 1..) => {
            let inner = vec![anything(g, depth - 1); 1].concat();
            [b"l".to_vec(), inner, b"e".to_vec()].concat()
        }
        (3..=5, _) => int(g),
        _ => string(&vec![b's'; usize::from(u8::arbitrary(g) % 30)]),
    }
}

fn int(g: &mut Gen) -> Vec<u8> {
    let numbers = [
        "0",
        "1",
        "-1",
        "9977",
        "65535",
        "65536",
        "-0",
        "01",
        "",
        "18446744073709551616",
        "-9223372036854775809",
    ];
    let plain = u16::arbitrary(g).to_string();
    let number = if one_in(g, 2) {
        &plain
    } else {
        pick(g, &numbers)
    };
    format!("i{number}e").into_bytes()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [format!("{}:", bytes.len()).as_bytes(), bytes].concat()
}

/// A dictionary of these pairs, seldom in another order or with one of them twice.
fn dict(g: &mut Gen, mut pairs: Vec<(&[u8], Vec<u8>)>) -> Vec<u8> {
    if one_in(g, 40) && !pairs.is_empty() {
        let (one, other) = (usize::arbitrary(g), usize::arbitrary(g));
        let count = pairs.len();
        pairs.swap(one % count, other % count);
        pairs.extend_from_within(..one % 2);
    }
    let mut dict = b"d".to_vec();
    for (key, value) in pairs {
        dict.extend(string(key));
        dict.extend(value);
    }
    dict.push(b'e');
    dict
}

fn one_in(g: &mut Gen, of: u8) -> bool {
    u8::arbitrary(g) % of == 0
}
