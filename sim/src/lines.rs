//! What happens in a world, as lines for people: `12.345678s n07 → n19 find_node 3fa2…`.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use khashmir::wire::{Dialect, Message, Query};
use khashmir::{Event, Instant};

use crate::host::HostId;
use crate::network::Fate;
use crate::world::{Fact, Observer, When};

/// Calls a function with a line for everything that happens.
pub struct Lines<F>(F);

impl<F: FnMut(&str) + Send> Lines<F> {
    /// Each line goes there, without the end of the line.
    pub const fn new(to: F) -> Self {
        Self(to)
    }
}

impl<F: FnMut(&str) + Send> Observer for Lines<F> {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        (self.0)(&line(when, host, fact));
    }
}

/// Keeps the last lines up to some time.
#[derive(Clone)]
pub struct Tail {
    count: usize,
    until: Instant,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Tail {
    /// So many lines.
    #[must_use]
    pub fn new(count: usize, until: Instant) -> Self {
        Self {
            count,
            until,
            lines: Arc::default(),
        }
    }

    /// The lines, the oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

impl Observer for Tail {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        if when.at > self.until {
            return;
        }
        let line = line(when, host, fact);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line);
        if lines.len() > self.count {
            lines.pop_front();
        }
    }
}

/// What happened, as a line.
#[must_use]
pub fn line(when: When, host: HostId, fact: Fact<'_>) -> String {
    let mut line = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut line, when, host, fact);
    line
}

fn write(line: &mut String, when: When, host: HostId, fact: Fact<'_>) -> fmt::Result {
    let nanos = when.at.as_nanos();
    let (seconds, micros) = (nanos / 1_000_000_000, nanos / 1000 % 1_000_000);
    write!(line, "{seconds}.{micros:06}s {host} ")?;
    match fact {
        Fact::On(machine) => write!(line, "on as {}", Short(machine.node().id().as_bytes())),
        Fact::Off(_) => write!(line, "off"),
        Fact::Clock => write!(line, "clock shows {}", when.reading),
        Fact::Paused => write!(line, "stands still"),
        Fact::Resumed => write!(line, "goes on"),
        Fact::Heard { from, bytes } => write!(line, "← {} {}", Peer(from), Said(bytes)),
        Fact::Sent { to, fate, bytes } => {
            write!(line, "→ {} {}{}", Peer(to), Said(bytes), After(fate))
        }
        Fact::Forged { to, fate, bytes } => {
            write!(line, "⇝ {} {}{}", Peer(to), Said(bytes), After(fate))
        }
        Fact::Woken => write!(line, "timer"),
        Fact::Ordered { command, answer } => match answer {
            Ok(op) => write!(line, "command {op} {command:?}"),
            Err(refused) => write!(line, "command refused, {refused}: {command:?}"),
        },
        Fact::Left => write!(line, "leaves"),
        Fact::Recorded { number, record } => write!(line, "record {number} {record:?}"),
        Fact::Durable { up_to } => write!(line, "durable up to {up_to}"),
        Fact::Told(Event::Ended { op, outcome, .. }) => write!(line, "ended {op} {outcome:?}"),
        Fact::Told(event) => write!(line, "event {event:?}"),
    }
}

/// An address: the name of its host, and the port if it is not the usual one.
struct Peer(SocketAddr);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match HostId::at(self.0) {
            Some(host) if host.addr() == self.0 => write!(f, "{host}"),
            Some(host) => write!(f, "{host}:{}", self.0.port()),
            None => self.0.fmt(f),
        }
    }
}

/// The beginning of an identifier.
struct Short<'a>(&'a [u8]);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

/// What a datagram says.
struct Said<'a>(&'a [u8]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Dialect::Khashmir.decode(self.0) {
            Ok(Message::Query { query, .. }) => {
                write!(f, "{}", query.method().name())?;
                match query {
                    Query::Ping | Query::Join => Ok(()),
                    Query::FindNode { target: id }
                    | Query::FindValue { key: id }
                    | Query::GetValue { key: id, .. }
                    | Query::StoreValue { key: id, .. } => write!(f, " {}", Short(id.as_bytes())),
                }
            }
            Ok(Message::Reply { reply, .. }) => {
                write!(f, "reply of {}", Short(reply.id.as_bytes()))?;
                if let Some(nodes) = &reply.nodes {
                    write!(f, ", {} nodes", nodes.len())?;
                }
                if let Some(num) = reply.num {
                    write!(f, ", num {num}")?;
                }
                if let Some(values) = &reply.values {
                    write!(f, ", {} values", values.len())?;
                }
                Ok(())
            }
            Ok(Message::Error { code, text, .. }) => {
                write!(f, "error {code} {:?}", String::from_utf8_lossy(text))
            }
            Ok(Message::UnknownMethod { .. }) => f.write_str("an unknown method"),
            Ok(Message::WrongArguments { method, .. }) => {
                write!(f, "{} with wrong arguments", method.name())
            }
            Ok(Message::Broken { .. }) => f.write_str("a broken answer"),
            Err(malformed) => write!(f, "{} bytes, {malformed}", self.0.len()),
        }
    }
}

/// What becomes of a datagram, if it is worth a word.
struct After<'a>(&'a Fate);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fate::Lost(why) => write!(f, " (lost: {why})"),
            Fate::Arrives {
                copy_after: Some(_),
                ..
            } => f.write_str(" (twice)"),
            Fate::Arrives { .. } => Ok(()),
        }
    }
}
