//! Messages as the serde libraries for bencode read and write them: the same fields, borrowed
//! wherever a library can lend them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A string of bytes.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow, with = "serde_bytes")] pub Cow<'a, [u8]>);

/// A message of any kind.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Message<'a> {
    /// The arguments of a query.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub a: Option<Arguments<'a>>,
    /// The number and text of an error.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub e: Option<(i64, Text<'a>)>,
    /// The method of a query.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub q: Option<Text<'a>>,
    /// The contents of a reply.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub r: Option<Contents<'a>>,
    /// The transaction id.
    #[serde(borrow)]
    pub t: Text<'a>,
    /// The kind.
    #[serde(borrow)]
    pub y: Text<'a>,
}

/// What a query says.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Arguments<'a> {
    /// Who asks.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// Of which key.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Text<'a>>,
    /// How many values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num: Option<i64>,
    /// Close to what.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text<'a>>,
    /// What allows to store.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Text<'a>>,
    /// What is stored.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Text<'a>>,
}

/// What a reply says.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Contents<'a> {
    /// Who answers.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The address that it sees.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ip_addr: Option<Text<'a>>,
    /// Contacts in their compact form.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<Text<'a>>>,
    /// How many values there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num: Option<u64>,
    /// The port that it sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What allows to store.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Text<'a>>,
    /// Values.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Text<'a>>>,
}

/// A library that reads and writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// `bt_bencode`
    BtBencode,
    /// `serde_bencode`
    SerdeBencode,
}

impl Peer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BtBencode, Self::SerdeBencode];

    /// The name of its package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BtBencode => "bt_bencode",
            Self::SerdeBencode => "serde_bencode",
        }
    }

    /// Reads a datagram; `None` when it is not a message.
    #[must_use]
    pub fn decode(self, datagram: &[u8]) -> Option<Message<'_>> {
        match self {
            Self::BtBencode => bt_bencode::from_slice(datagram).ok(),
            Self::SerdeBencode => serde_bencode::from_bytes(datagram).ok(),
        }
    }

    /// Writes a message at the end of `out`; one of them can only make a buffer of its own.
    ///
    /// # Panics
    /// When it refuses, which it has no reason to.
    pub fn encode(self, message: &Message<'_>, out: &mut Vec<u8>) {
        match self {
            Self::BtBencode => bt_bencode::to_writer(out, message).expect("a buffer takes all"),
            Self::SerdeBencode => {
                let bytes = serde_bencode::to_bytes(message).expect("it is a message");
                out.extend_from_slice(&bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn both_read_and_write_every_kind_as_we_do() {
        for (name, datagram) in kinds() {
            for peer in Peer::ALL {
                let message = peer.decode(&datagram).expect(&name);
                let mut out = Vec::new();
                peer.encode(&message, &mut out);
                assert_eq!(out, datagram, "{name}, {}", peer.name());
            }
        }
    }
}
