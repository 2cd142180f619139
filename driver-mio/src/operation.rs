//! A command under way, for the thread that waits for it.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use khashmir::{Event, OpId, Outcome, QueryStats, Value};

use crate::gone::Gone;

/// A command under way: an iterator over its events, of which the last is [`Event::Ended`].
///
/// To drop it does not end the command; [`Handle::cancel`](crate::Handle::cancel) does.
#[derive(Debug)]
pub struct Operation {
    id: OpId,
    events: Receiver<Event>,
}

impl Operation {
    pub(crate) const fn new(id: OpId, events: Receiver<Event>) -> Self {
        Self { id, events }
    }

    /// Its name, for [`Handle::cancel`](crate::Handle::cancel).
    #[must_use]
    pub const fn id(&self) -> OpId {
        self.id
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// [`Waited`] when there is none in that time, or none can come any more.
    pub fn next_within(&mut self, patience: Duration) -> Result<Event, Waited> {
        self.events.recv_timeout(patience).map_err(Waited::from)
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`Gone`] when the loop ends first.
    pub fn wait(self) -> Result<Over, Gone> {
        let mut values = Vec::new();
        for event in self {
            if let Some(over) = gather(event, &mut values) {
                return Ok(over);
            }
        }
        Err(Gone)
    }

    /// Waits for the end, but not longer than that.
    ///
    /// # Errors
    /// [`Waited`] when it has not come in that time, or cannot come any more.
    pub fn wait_within(mut self, patience: Duration) -> Result<Over, Waited> {
        let since = std::time::Instant::now();
        let mut values = Vec::new();
        loop {
            let event = self.next_within(patience.saturating_sub(since.elapsed()))?;
            if let Some(over) = gather(event, &mut values) {
                return Ok(over);
            }
        }
    }
}

impl Iterator for Operation {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }
}

fn gather(event: Event, values: &mut Vec<Value>) -> Option<Over> {
    match event {
        Event::Ended {
            outcome,
            query_stats,
            ..
        } => Some(Over {
            outcome,
            query_stats,
            values: std::mem::take(values),
        }),
        Event::Values { values: more, .. } => {
            values.extend(more);
            None
        }
        Event::Alone
        | Event::BootstrapWanted
        | Event::Checkpoint
        | Event::CopiesLost { .. }
        | Event::FewPrefixes
        | Event::Kept { .. }
        | Event::Online { .. } => None,
        _ => None,
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// What it came to.
    pub outcome: Outcome,
    /// What it took.
    pub query_stats: QueryStats,
    /// The values that it brought: of a `get`.
    pub values: Vec<Value>,
}

/// Why waiting brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Nothing can come any more.
    Gone,
    /// It took too long.
    TooLong,
}

impl From<RecvTimeoutError> for Waited {
    fn from(error: RecvTimeoutError) -> Self {
        match error {
            RecvTimeoutError::Disconnected => Self::Gone,
            RecvTimeoutError::Timeout => Self::TooLong,
        }
    }
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("there is nothing to wait for any more"),
            Self::TooLong => f.write_str("it took too long"),
        }
    }
}

impl std::error::Error for Waited {}
