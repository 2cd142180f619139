//! A datagram in words, for people who watch what goes over the wire.

use std::fmt;

use khashmir::Id;
use khashmir::wire::{Dialect, Message, Query, Reply};

/// Puts a datagram into one line of words.
#[must_use]
pub const fn describe(datagram: &[u8]) -> Described<'_> {
    Described(datagram)
}

/// A datagram that displays as one line of words.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a>(&'a [u8]);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Dialect::Khashmir.decode(self.0) {
            Ok(message) => words(f, &message),
            Err(malformed) => write!(f, "garbage of {} bytes: {malformed}", self.0.len()),
        }
    }
}

fn words(f: &mut fmt::Formatter<'_>, message: &Message<'_>) -> fmt::Result {
    match message {
        Message::Query { tid, sender, query } => {
            write!(f, "{} {}{}", Tid(tid), query.method(), Arguments(query))?;
            write!(f, " from {sender}")
        }
        Message::WrongArguments { tid, method } => {
            write!(f, "{} {method} with wrong arguments", Tid(tid))
        }
        Message::UnknownMethod { tid, name } => {
            let name = name.escape_ascii();
            write!(f, "{} unknown method {name}", Tid(tid))
        }
        Message::Reply { tid, reply } => write!(f, "{} {}", Tid(tid), Facts(reply)),
        Message::Error { tid, code, text } => {
            let text = text.escape_ascii();
            write!(f, "{} error {code} {text}", Tid(tid))
        }
        Message::Broken { tid, invalid } => {
            write!(f, "{} broken reply: {invalid:?}", Tid(tid))
        }
    }
}

/// The beginning of a transaction id: enough to find the query that belongs to an answer.
struct Tid<'a>(&'a [u8]);

impl fmt::Display for Tid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

struct Arguments<'a>(&'a Query<'a>);

impl fmt::Display for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Query::Ping | Query::Join => Ok(()),
            Query::FindNode { target } => write!(f, " {target}"),
            Query::FindValue { key } => write!(f, " {key}"),
            Query::GetValue { key, num } => write!(f, " {key} num {num}"),
            Query::StoreValue { key, value, .. } => {
                write!(f, " {key}, {} bytes", value.len())
            }
        }
    }
}

struct Facts<'a>(&'a Reply<'a>);

impl fmt::Display for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reply {
            id,
            nodes,
            num,
            seen_as,
            token,
            values,
        } = self.0;
        write!(f, "reply of {}", id as &Id)?;
        if let Some(nodes) = nodes {
            write!(f, ", {} nodes", nodes.len())?;
        }
        if let Some(num) = num {
            write!(f, ", holds {num}")?;
        }
        if let Some(values) = values {
            write!(f, ", {} values", values.len())?;
        }
        if token.is_some() {
            f.write_str(", token")?;
        }
        if let Some(seen_as) = seen_as {
            write!(f, ", sees {seen_as}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TID: [u8; 20] = [0xab; 20];

    fn sender() -> Id {
        Id::new([0x11; 20])
    }

    #[test]
    fn queries_name_their_method_and_arguments() {
        let dialect = Dialect::Khashmir;
        let key = Id::new([0x22; 20]);
        let query = |query| {
            let mut bytes = Vec::new();
            dialect.encode_query(&TID, &sender(), &query, &mut bytes);
            describe(&bytes).to_string()
        };
        let (from, key_text) = (format!("from {}", "11".repeat(20)), "22".repeat(20));
        assert_eq!(query(Query::Ping), format!("abababab ping {from}"));
        assert_eq!(
            query(Query::GetValue { key, num: -2 }),
            format!("abababab get_value {key_text} num -2 {from}")
        );
        let store = Query::StoreValue {
            key,
            token: b"token",
            value: b"value",
        };
        assert_eq!(
            query(store),
            format!("abababab store_value {key_text}, 5 bytes {from}")
        );
    }

    #[test]
    fn answers_say_what_they_bring() {
        let reply = Reply {
            nodes: Some((&[]).into()),
            token: Some(b"token"),
            seen_as: Some(([192, 0, 2, 1], 9).into()),
            ..Reply::from(sender())
        };
        let mut bytes = Vec::new();
        Dialect::Khashmir.encode_reply(&TID, &reply, &mut bytes);
        assert_eq!(
            describe(&bytes).to_string(),
            format!(
                "abababab reply of {}, 0 nodes, token, sees 192.0.2.1:9",
                "11".repeat(20)
            )
        );
    }

    #[test]
    fn whatever_arrives_stays_on_one_line() {
        let mut error = Vec::new();
        Dialect::Khashmir.encode_error(&TID, 201, b"two\nlines", &mut error);
        assert_eq!(
            describe(&error).to_string(),
            r"abababab error 201 two\nlines"
        );
        let garbage = describe(b"\n\n").to_string();
        assert!(garbage.starts_with("garbage of 2 bytes: "), "{garbage}");
    }
}
