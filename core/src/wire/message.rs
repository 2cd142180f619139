//! What nodes say to each other, whatever the dialect: queries, replies, errors and faults.

use core::fmt;
use core::net::SocketAddr;

use super::lists::{Nodes, Values};
use crate::id::Id;

/// The methods of the protocol (specification, section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Method {
    /// Are you there?
    Ping,
    /// Are you there, and what is my address as you see it?
    Join,
    /// Which contacts do you know close to this target? The answer brings a write token.
    FindNode,
    /// Which contacts do you know close to this key, and how many values do you hold under it?
    FindValue,
    /// What values do you hold under this key?
    GetValue,
    /// Hold this value under this key.
    StoreValue,
}

impl Method {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Ping,
        Self::Join,
        Self::FindNode,
        Self::FindValue,
        Self::GetValue,
        Self::StoreValue,
    ];

    /// The name on the wire and in statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Join => "join",
            Self::FindNode => "find_node",
            Self::FindValue => "find_value",
            Self::GetValue => "get_value",
            Self::StoreValue => "store_value",
        }
    }

    /// The method of that name.
    #[must_use]
    pub const fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"ping" => Self::Ping,
            b"join" => Self::Join,
            b"find_node" => Self::FindNode,
            b"find_value" => Self::FindValue,
            b"get_value" => Self::GetValue,
            b"store_value" => Self::StoreValue,
            _ => return None,
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One datagram, understood. What has no place here is [`Malformed`](super::Malformed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A query in order.
    Query {
        /// Transaction id, to be echoed.
        tid: &'a [u8],
        /// The identifier that the asking node gives.
        sender: Id,
        /// What it asks.
        query: Query<'a>,
    },
    /// A query of a known method with wrong arguments.
    WrongArguments {
        /// Transaction id, to be echoed.
        tid: &'a [u8],
        /// The method.
        method: Method,
    },
    /// A query of a method that does not exist.
    UnknownMethod {
        /// Transaction id, to be echoed.
        tid: &'a [u8],
        /// The method's name, to be echoed.
        name: &'a [u8],
    },
    /// An answer in order.
    Reply {
        /// Transaction id of the query.
        tid: &'a [u8],
        /// What it says.
        reply: Reply<'a>,
    },
    /// An answer that says no.
    Error {
        /// Transaction id of the query.
        tid: &'a [u8],
        /// The code (specification, section 1.4).
        code: i64,
        /// The text.
        text: &'a [u8],
    },
    /// Something under a transaction id that breaks the rules of an answer: the call fails.
    Broken {
        /// Transaction id of the query.
        tid: &'a [u8],
        /// The rule that it breaks.
        invalid: InvalidReply,
    },
}

impl<'a> Message<'a> {
    /// The transaction id: of this query, or of the query that this answers.
    #[must_use]
    pub const fn tid(&self) -> &'a [u8] {
        match self {
            Self::Query { tid, .. }
            | Self::WrongArguments { tid, .. }
            | Self::UnknownMethod { tid, .. }
            | Self::Reply { tid, .. }
            | Self::Error { tid, .. }
            | Self::Broken { tid, .. } => tid,
        }
    }
}

/// A question with its arguments, which are of the right types and lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// [`Method::Ping`].
    Ping,
    /// [`Method::Join`].
    Join,
    /// [`Method::FindNode`].
    FindNode {
        /// Whose surroundings are looked for.
        target: Id,
    },
    /// [`Method::FindValue`].
    FindValue {
        /// The key.
        key: Id,
    },
    /// [`Method::GetValue`].
    GetValue {
        /// The key.
        key: Id,
        /// How many: 0 for all; a positive number for so many, chosen at random; a negative one
        /// for all but so many. Numbers beyond 64 bits count as the nearest.
        num: i64,
    },
    /// [`Method::StoreValue`].
    StoreValue {
        /// The key.
        key: Id,
        /// The token that a `find_node` answer brought.
        token: &'a [u8],
        /// The value, of any length that fits a datagram.
        value: &'a [u8],
    },
}

impl Query<'_> {
    /// The method asked.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Ping => Method::Ping,
            Self::Join => Method::Join,
            Self::FindNode { .. } => Method::FindNode,
            Self::FindValue { .. } => Method::FindValue,
            Self::GetValue { .. } => Method::GetValue,
            Self::StoreValue { .. } => Method::StoreValue,
        }
    }
}

/// What an answer says. It does not name its method, so every fact but the id may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The identifier of the node that answers.
    pub id: Id,
    /// The contacts that it knows close to the target.
    pub nodes: Option<Nodes<'a>>,
    /// How many values it holds under the key.
    pub num: Option<u64>,
    /// The asker's address as it sees it.
    pub seen_as: Option<SocketAddr>,
    /// A token for writing to it.
    pub token: Option<&'a [u8]>,
    /// Values under the key.
    pub values: Option<Values<'a>>,
}

impl Reply<'_> {
    /// An answer that names the answering node and nothing else.
    #[must_use]
    pub const fn from(id: Id) -> Self {
        Self {
            id,
            nodes: None,
            num: None,
            seen_as: None,
            token: None,
            values: None,
        }
    }
}

/// How something under a transaction id breaks the rules of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum InvalidReply {
    /// It has no `id`, or one that is not 20 bytes.
    Id,
    /// `ip_addr` or `port` is not an IPv4 address or a port.
    SeenAs,
    /// `nodes` is not a list of 26-byte strings.
    Nodes,
    /// `num` is not a number from 0 up.
    Num,
    /// `token` is not a string, or longer than [`MAX_TOKEN`](super::MAX_TOKEN).
    Token,
    /// `y` names no kind of message.
    Kind,
    /// `values` is not a list of strings, or one of them is longer than a value can be.
    Values,
    /// A fact that the query asked for is absent.
    Missing,
}

/// What went wrong with serving a query: numbers and texts belong to the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// The token was not issued by us to that address, or too long ago.
    BadToken,
    /// We cannot take more on at the moment.
    Busy,
    /// The value could not be made durable.
    NotSaved,
    /// The store has no room for it.
    StoreFull,
    /// The answer would be longer than a datagram may be.
    TooLong {
        /// How long it would be in bytes.
        len: usize,
    },
    /// A method that does not exist, or that this node does not serve.
    UnknownMethod {
        /// Its name.
        name: &'a [u8],
    },
    /// The value could be stored but never fetched.
    ValueTooLong,
    /// Arguments are missing, unknown, or of the wrong type or length.
    WrongArguments,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_found_by_its_name() {
        for method in Method::ALL {
            assert_eq!(Method::named(method.name().as_bytes()), Some(method));
        }
        assert_eq!(Method::named(b"find_nodes"), None);
    }
}
