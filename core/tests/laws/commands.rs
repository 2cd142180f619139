//! The commands that a node accepted: each ends once, in time, and is told of nothing twice.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use khashmir::{Command, Event, Instant, Keep, OpId, Outcome, Value};

use crate::coverage::Coverage;

/// The commands of one node, in the order in which they were accepted.
#[derive(Default)]
pub(crate) struct Commands {
    all: BTreeMap<OpId, Accepted>,
}

struct Accepted {
    name: &'static str,
    since: Instant,
    /// How much longer it may take because the machine slept.
    asleep: Duration,
    keep: Keep,
    state: State,
    /// What came as events.
    values: BTreeSet<Value>,
    /// The most events that it may cause.
    most_events: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its end was not polled yet.
    Open,
    Ended,
}

impl Commands {
    pub(crate) fn accepted(
        &mut self,
        op: OpId,
        command: &Command,
        now: Instant,
        most_of_get: usize,
    ) {
        let last = self.all.last_key_value().map(|(last, _)| *last);
        assert!(last < Some(op), "{op} was used before");
        let (most_events, keep) = match command {
            Command::Get { .. } => (most_of_get, Keep::Once),
            Command::Put { keep, .. } => (1, *keep),
            Command::AddContact { .. }
            | Command::FindClose
            | Command::FindNode { .. }
            | Command::FindValue { .. }
            | Command::Join { .. }
            | Command::Ping { .. }
            | Command::Refresh { .. } => (1, Keep::Once),
            _ => panic!("the laws do not know {command:?}"),
        };
        let accepted = Accepted {
            name: name(command),
            since: now,
            asleep: Duration::ZERO,
            keep,
            state: State::Open,
            values: BTreeSet::new(),
            most_events,
        };
        self.all.insert(op, accepted);
    }

    /// Takes in a polled event.
    pub(crate) fn told(&mut self, event: &Event, now: Instant, coverage: &mut Coverage) {
        match event {
            Event::Alone => coverage.reach("event Alone"),
            Event::BootstrapWanted => coverage.reach("event BootstrapWanted"),
            Event::Checkpoint => coverage.reach("event Checkpoint"),
            Event::CopiesLost { op } => {
                self.keeps(*op);
                coverage.reach("event CopiesLost");
            }
            Event::FewPrefixes => coverage.reach("event FewPrefixes"),
            Event::Kept { op, copies } => {
                self.keeps(*op);
                assert!(*copies > 0, "{op} is kept nowhere");
                coverage.reach("event Kept");
            }
            Event::Online { contacts } => {
                assert!(*contacts > 0, "online with nobody");
                coverage.reach("event Online");
            }
            Event::Values { op, values, .. } => {
                let command = self.open(*op, "has values");
                assert_eq!(command.name, "Get");
                assert!(!values.is_empty(), "{op} has no values");
                for value in values {
                    assert!(
                        command.values.insert(value.clone()),
                        "{op}: {value:?} twice"
                    );
                }
                coverage.reach("event Values");
            }
            Event::Ended {
                op,
                outcome,
                query_stats,
            } => {
                assert_eq!(event.ends(), Some(*op));
                let command = self.open(*op, "ends");
                command.state = State::Ended;
                assert!(
                    query_stats.took <= now.since(command.since),
                    "{op} took longer"
                );
                if let Outcome::Got { values, .. } = outcome {
                    assert_eq!(*values, command.values.len(), "{op} counts its values");
                }
                coverage.reach(format!("ended {}: {}", command.name, kind(outcome)));
            }
            _ => panic!("the laws do not know {event:?}"),
        }
    }

    /// How many have not ended, as far as was polled.
    pub(crate) fn open_count(&self) -> usize {
        self.open_commands().count()
    }

    /// The most events that those may still cause.
    pub(crate) fn most_events(&self) -> usize {
        self.open_commands()
            .map(|command| command.most_events)
            .sum()
    }

    /// Notes that the machine slept: those that are open have so much more time.
    pub(crate) fn slept(&mut self, slept: Duration) {
        for command in self.all.values_mut() {
            command.asleep += slept;
        }
    }

    /// Panics when one has not ended that had all the time it may take. To be asked when all
    /// events are polled, with the time of the latest `handle_timeout`. What would be due at the
    /// end of time is never due.
    pub(crate) fn assert_none_overdue(&self, told: Instant, longest: Duration) {
        for (op, command) in &self.all {
            let due = command.since + longest + command.asleep;
            let over = command.state == State::Ended || due > told || due == Instant::MAX;
            assert!(over, "{op}, a {}, did not end in time", command.name);
        }
    }

    /// The command accepted so many before the last.
    pub(crate) fn before_last(&self, nth: u8) -> Option<OpId> {
        self.all.keys().rev().nth(usize::from(nth)).copied()
    }

    /// Whether there may be something to cancel about a command.
    pub(crate) fn may_be_cancelled(&self, op: OpId) -> bool {
        let command = &self.all[&op];
        command.state == State::Open || command.keep == Keep::UntilCancelled
    }

    fn keeps(&self, op: OpId) {
        let kept = self.all.get(&op).map(|command| command.keep);
        assert_eq!(kept, Some(Keep::UntilCancelled), "{op} keeps nothing");
    }

    fn open(&mut self, op: OpId, does: &str) -> &mut Accepted {
        let command = self.all.get_mut(&op);
        let command = command.unwrap_or_else(|| panic!("{op} {does} but was not accepted"));
        assert!(command.state == State::Open, "{op} {does} after its end");
        command
    }

    fn open_commands(&self) -> impl Iterator<Item = &Accepted> {
        let open = |command: &&Accepted| command.state == State::Open;
        self.all.values().filter(open)
    }
}

/// What a command is called in the coverage.
pub(crate) fn name(command: &Command) -> &'static str {
    match command {
        Command::AddContact { .. } => "AddContact",
        Command::FindClose => "FindClose",
        Command::FindNode { .. } => "FindNode",
        Command::FindValue { .. } => "FindValue",
        Command::Get { .. } => "Get",
        Command::Join { .. } => "Join",
        Command::Ping { .. } => "Ping",
        Command::Put { .. } => "Put",
        Command::Refresh { .. } => "Refresh",
        _ => panic!("the laws do not know {command:?}"),
    }
}

fn kind(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Aborted(why) => format!("{why:?}"),
        Outcome::Ping(Ok(_)) => "a pong".into(),
        Outcome::Ping(_) => "no pong".into(),
        Outcome::Join(joined) if joined.contacts > 0 => "somebody".into(),
        Outcome::Join(_) => "nobody".into(),
        Outcome::Found(places) if places.len() > 1 => "some nodes".into(),
        Outcome::Found(_) => "hardly a node".into(),
        Outcome::Holders(holders) if holders.is_empty() => "no holders".into(),
        Outcome::Holders(_) => "holders".into(),
        Outcome::Got { values: 0, .. } => "no values".into(),
        Outcome::Got { .. } => "values".into(),
        Outcome::Stored(places) if places.is_empty() => "stored nowhere".into(),
        Outcome::Stored(_) => "stored".into(),
        Outcome::Refreshed { .. } => "refreshed".into(),
        _ => panic!("the laws do not know {outcome:?}"),
    }
}
