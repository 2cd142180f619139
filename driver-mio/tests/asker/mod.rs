//! A socket that asks a node one thing after the other, and reads what it answers.

#![allow(clippy::wildcard_enum_match_arm)] // It is about one kind of thing.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use khashmir::Id;
use khashmir::wire::{Dialect, Message, Query};

/// What a store came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Acknowledged,
    Refused(i64),
    /// There was no answer.
    Silence,
}

pub(crate) struct Asker {
    socket: UdpSocket,
    node: SocketAddr,
    tid: u64,
    patience: Duration,
}

impl Asker {
    pub(crate) fn new(node: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        // One wait is for what is on its way, and not for the whole answer.
        let wait = Some(Duration::from_millis(20));
        socket.set_read_timeout(wait).expect("a timeout");
        Self {
            socket,
            node,
            tid: 0,
            patience: Duration::from_secs(5),
        }
    }

    /// Waits no longer than that for an answer.
    pub(crate) const fn patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The token that the node gives us, if it answers.
    pub(crate) fn token(&mut self) -> Option<Vec<u8>> {
        let target = Id::hash_of(b"anything");
        self.ask(&Query::FindNode { target }, |answer| match answer {
            Message::Reply { reply, .. } => reply.token.map(<[u8]>::to_vec),
            _ => None,
        })?
    }

    pub(crate) fn store(&mut self, token: &[u8], key: Id, value: &[u8]) -> Stored {
        let store = Query::StoreValue { key, token, value };
        let stored = self.ask(&store, |answer| match answer {
            Message::Reply { .. } => Stored::Acknowledged,
            Message::Error { code, .. } => Stored::Refused(code),
            _ => Stored::Silence,
        });
        stored.unwrap_or(Stored::Silence)
    }

    /// Asks for a store, and waits for nothing.
    pub(crate) fn send_store(&mut self, token: &[u8], key: Id, value: &[u8]) {
        let sent = self.send(&Query::StoreValue { key, token, value });
        sent.expect("loopback takes it");
    }

    /// The values of a key; none when there is no answer.
    pub(crate) fn values(&mut self, key: Id) -> Option<Vec<Vec<u8>>> {
        let values = Query::GetValue { key, num: 0 };
        self.ask(&values, |answer| match answer {
            Message::Reply { reply, .. } => {
                let values = reply.values.expect("values");
                values.iter().map(<[u8]>::to_vec).collect()
            }
            _ => Vec::new(),
        })
    }

    pub(crate) fn pings(&mut self) -> bool {
        let ping = Query::Ping;
        self.ask(&ping, |answer| matches!(answer, Message::Reply { .. }))
            .unwrap_or(false)
    }

    /// The answer to a question, sent once: nothing is lost at loopback but what the node loses.
    fn ask<R>(&mut self, query: &Query<'_>, read: impl Fn(Message<'_>) -> R) -> Option<R> {
        let tid = self.send(query).ok()?;
        let since = std::time::Instant::now();
        let mut buffer = [0; 2048];
        while since.elapsed() < self.patience {
            // A node that was killed shows as an error.
            let Ok(length) = self.socket.recv(&mut buffer) else {
                continue;
            };
            match Dialect::Khashmir.decode(&buffer[..length]) {
                Ok(answer) if is_answer(&answer, &tid) => return Some(read(answer)),
                _ => {}
            }
        }
        None
    }

    /// Sends a question, and gives its transaction id.
    fn send(&mut self, query: &Query<'_>) -> std::io::Result<[u8; 20]> {
        self.tid += 1;
        let mut tid = [0; 20];
        tid[..8].copy_from_slice(&self.tid.to_be_bytes());
        let mut datagram = Vec::new();
        let own = Id::hash_of(b"asker");
        Dialect::Khashmir.encode_query(&tid, &own, query, &mut datagram);
        self.socket.send_to(&datagram, self.node)?;
        Ok(tid)
    }
}

fn is_answer(message: &Message<'_>, to: &[u8]) -> bool {
    match message {
        Message::Reply { tid, .. } | Message::Error { tid, .. } => *tid == to,
        _ => false,
    }
}
