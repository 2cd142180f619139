//! The laws of the core, as far as they can be seen from outside while a node runs.

use std::collections::BTreeMap;

use khashmir::{Config, Event, Instant, OpId, Status};

use super::{Check, Finding};
use crate::world::{Fact, Machine, When};

/// What the laws say of one host.
#[derive(Default)]
pub(super) struct Laws {
    /// The latest time that the node has seen.
    now: Option<Instant>,
    /// Commands under way, with the time at which each was started.
    open: BTreeMap<OpId, Instant>,
    call: Call,
    uptime: std::time::Duration,
}

/// What happened last.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Call {
    #[default]
    Other,
    Timer,
}

impl Laws {
    pub(super) fn see(&mut self, when: When, fact: Fact<'_>) -> Finding {
        match fact {
            Fact::On(_) | Fact::Off(_) => {
                *self = Self::default();
                self.now = Some(when.reading);
            }
            Fact::Woken => {
                self.advance(when);
                self.call = Call::Timer;
            }
            Fact::Heard { .. } | Fact::Left | Fact::Durable { .. } => {
                self.advance(when);
                self.call = Call::Other;
            }
            Fact::Ordered { answer, .. } => {
                let now = self.advance(when);
                self.call = Call::Other;
                if let Ok(op) = answer
                    && self.open.insert(*op, now).is_some()
                {
                    return Err((Check::Events, format!("{op} names two commands")));
                }
            }
            Fact::Told(Event::Ended { op, .. }) => {
                if self.open.remove(op).is_none() {
                    return Err((Check::Events, format!("{op} ended, and was not open")));
                }
            }
            Fact::Told(Event::Values { op, .. }) => {
                if !self.open.contains_key(op) {
                    return Err((Check::Events, format!("{op} has values, and is not open")));
                }
            }
            Fact::Told(_)
            | Fact::Clock
            | Fact::Paused
            | Fact::Resumed
            | Fact::Sent { .. }
            | Fact::Forged { .. }
            | Fact::Recorded { .. } => {}
        }
        Ok(())
    }

    pub(super) fn rest(&mut self, when: When, machine: &dyn Machine) -> Finding {
        let now = self.now.unwrap_or(when.reading);
        let next = machine.poll_timeout();
        if next == Some(Instant::MAX) {
            return Err((Check::Time, "due at the end of time".to_owned()));
        }
        if self.call == Call::Timer
            && let Some(next) = next.filter(|next| *next <= now)
        {
            return Err((Check::Timer, format!("at {now} due again at {next}")));
        }
        let node = machine.node();
        let status = node.status(now);
        if status.uptime < self.uptime {
            let (uptime, before) = (status.uptime, self.uptime);
            return Err((Check::Time, format!("up for {uptime:?} after {before:?}")));
        }
        self.uptime = status.uptime;
        within_limits(&status, node.config())?;
        let longest = node.config().longest_operation();
        // A node whose timer is due has not been called yet, and cannot have ended an operation.
        let called = next.is_none_or(|next| next > now);
        let overdue = self.open.iter().find(|(_, begun)| **begun + longest < now);
        match overdue.filter(|_| called) {
            Some((op, begun)) => Err((
                Check::Ending,
                format!("{op}, begun at {begun}, goes on at {now}"),
            )),
            None => Ok(()),
        }
    }

    fn advance(&mut self, when: When) -> Instant {
        let now = self.now.map_or(when.reading, |now| now.max(when.reading));
        self.now = Some(now);
        now
    }
}

/// Whether a node is no larger than it may be.
fn within_limits(status: &Status, config: &Config) -> Finding {
    let (limits, store) = (&config.limits, &config.store);
    let bounds = [
        ("calls", status.calls, limits.max_calls),
        ("operations", status.operations, limits.max_operations),
        ("kept values", status.kept, limits.max_kept),
        ("keys", status.keys, store.max_keys),
    ];
    match bounds.into_iter().find(|(_, count, most)| count > most) {
        Some((name, count, most)) => Err((Check::Limits, format!("{count} {name} of {most}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use khashmir::{Node, Seed};

    use super::*;

    #[test]
    fn a_node_that_is_too_large_is_found() {
        let mut config = Config::default();
        let node = Node::new(config.clone(), Seed::from_number(1), Instant::ORIGIN);
        let mut status = node.expect("settings").status(Instant::ORIGIN);
        (config.limits.max_calls, status.calls) = (10, 10);
        assert_eq!(within_limits(&status, &config), Ok(()));
        status.calls = 11;
        let found = within_limits(&status, &config);
        assert_eq!(found, Err((Check::Limits, "11 calls of 10".to_owned())));
    }
}
