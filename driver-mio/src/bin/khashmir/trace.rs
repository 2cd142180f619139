//! What `-v` and `-vv` show, and what a log of levels `debug` and `trace` has: operations and datagrams as
//! the loop sees them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use khashmir::{Command, Event, OpId};
use khashmir_mio::{Observer, Resolved, describe};
use tracing::{Level, debug, enabled, trace};

use crate::output;
use crate::words;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Nothing but results and errors.
    Quiet,
    /// A line for every operation.
    Operations,
    /// A line for every datagram as well.
    Datagrams,
}

impl Verbosity {
    /// An observer that shows that much; `name` tells the nodes of one process apart.
    pub(crate) fn observer(self, name: &str) -> Box<dyn Observer> {
        Box::new(Trace {
            verbosity: self,
            name: name.to_owned(),
            since: Instant::now(),
            commands: BTreeMap::new(),
        })
    }
}

struct Trace {
    verbosity: Verbosity,
    name: String,
    since: Instant,
    /// Commands under way, in words.
    commands: BTreeMap<OpId, String>,
}

impl Trace {
    fn show(&self, least: Verbosity, what: impl FnOnce() -> String) {
        if self.verbosity >= least {
            let at = self.since.elapsed().as_secs_f64();
            output::note(&format!("{at:>10.6} {}{}", self.name, what()));
        } else if is_logged(least) {
            let what = what();
            match least {
                Verbosity::Datagrams => trace!(target: "datagram", "{}{what}", self.name),
                Verbosity::Operations | Verbosity::Quiet => {
                    debug!(target: "operation", "{}{what}", self.name);
                }
            }
        }
    }
}

/// Whether the log has it.
fn is_logged(least: Verbosity) -> bool {
    match least {
        Verbosity::Datagrams => enabled!(target: "datagram", Level::TRACE),
        Verbosity::Operations | Verbosity::Quiet => enabled!(target: "operation", Level::DEBUG),
    }
}

impl Observer for Trace {
    fn sent(&mut self, to: SocketAddr, datagram: &[u8]) {
        self.show(Verbosity::Datagrams, || {
            format!("> {to} {}", describe(datagram))
        });
    }

    fn received(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.show(Verbosity::Datagrams, || {
            format!("< {from} {}", describe(datagram))
        });
    }

    fn started(&mut self, op: OpId, command: &Command) {
        self.show(Verbosity::Datagrams, || format!("{op} {command} begins"));
        if self.verbosity >= Verbosity::Operations || is_logged(Verbosity::Operations) {
            self.commands.insert(op, command.to_string());
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Ended {
                op,
                outcome,
                query_stats,
            } => {
                let command = self.commands.remove(op);
                let command = command.unwrap_or_else(|| "a command".to_owned());
                self.show(Verbosity::Operations, || {
                    let took = words::millis(query_stats.took);
                    let query_stats = words::query_stats(query_stats);
                    format!("{op} {command}: {outcome}; {query_stats}; {took} ms")
                });
            }
            Event::Values { op, values, .. } => self.show(Verbosity::Datagrams, || {
                format!("{op} brings {} values", values.len())
            }),
            Event::Alone => self.show(Verbosity::Operations, || "alone".to_owned()),
            Event::BootstrapWanted => {
                self.show(Verbosity::Operations, || "bootstrap wanted".to_owned());
            }
            Event::FewPrefixes => self.show(Verbosity::Operations, || {
                "the closest nodes are of few prefixes".to_owned()
            }),
            Event::CopiesLost { op } => {
                self.show(Verbosity::Operations, || {
                    format!("{op} has lost its copies")
                });
            }
            Event::Kept { op, copies } => {
                self.show(Verbosity::Operations, || {
                    format!("{op} has {copies} copies")
                });
            }
            Event::Online { contacts } => {
                self.show(Verbosity::Operations, || {
                    format!("online, {contacts} contacts")
                });
            }
            Event::Checkpoint => self.show(Verbosity::Operations, || "checkpoint".to_owned()),
            _ => {}
        }
    }

    fn resolved(&mut self, resolved: &Resolved) {
        self.show(Verbosity::Operations, || match &resolved.addresses {
            Ok(addresses) => format!("{} is {addresses:?}", resolved.name),
            Err(error) => format!("{}: {error}", resolved.name),
        });
    }

    fn trouble(&mut self, error: &io::Error) {
        self.show(Verbosity::Operations, || format!("socket: {error}"));
    }
}
