//! What a node logs on standard error: how much, and in which form. Logging never waits for a reader,
//! and no cause of lines can flood the log.

mod budget;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::ValueEnum;
use serde::Deserialize;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, callsite};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, layer};
use tracing_subscriber::layer::{Context, Filter, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::failure::Failure;
use crate::output;
use budget::Budget;

/// How much is logged: this and what is more urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// What ends the node
    Error,
    /// What an operator may want to do something about
    #[default]
    Warn,
    /// What changes in the life of the node
    Info,
    /// Each operation
    Debug,
    /// Each datagram
    Trace,
}

/// All levels, in their order.
const LEVELS: [LevelFilter; 5] = [
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Lines for terminals, and for a journal that knows the time
    #[default]
    Plain,
    /// Lines with time and level
    Full,
    /// A JSON object a line
    Json,
}

/// The log of this process.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    level: AtomicU8,
    budget: Mutex<Budget>,
}

/// What the log says of itself: a line at most for each cause, each time.
const OF_ITSELF: &str = "log";

impl Log {
    /// Begins to log. There is one log for a process.
    pub(crate) fn begin(level: LogLevel, format: LogFormat) -> Result<Self, Failure> {
        let log = Self(Arc::new(Shared {
            level: AtomicU8::new(level as u8),
            budget: Mutex::default(),
        }));
        let lines = layer::<Registry>()
            .with_ansi(false)
            .with_writer(|| ToStandardError);
        let lines = match format {
            LogFormat::Plain => lines.event_format(Plain).boxed(),
            LogFormat::Full => lines.boxed(),
            LogFormat::Json => {
                output::complain_by(|what| tracing::error!(target: "khashmir", "{what}"));
                lines.json().flatten_event(true).boxed()
            }
        };
        let limited = Registry::default().with(lines.with_filter(log.clone()));
        tracing::subscriber::set_global_default(limited).map_err(Failure::failed)?;
        Ok(log)
    }

    /// Logs so much from now on.
    pub(crate) fn set_level(&self, level: LogLevel) {
        self.0.level.store(level as u8, Ordering::Relaxed);
        callsite::rebuild_interest_cache();
    }

    /// Says what was left out since it said so last.
    pub(crate) fn tell_left_out(&self) {
        let budget = self.0.budget.lock();
        let left_out = budget
            .unwrap_or_else(PoisonError::into_inner)
            .take_left_out();
        for of in left_out {
            let (lines, about, level) = (of.lines, of.target, of.level);
            tracing::warn!(
                target: OF_ITSELF,
                lines,
                about,
                %level,
                "{lines} lines about {about} of level {level} were left out, because they were too many"
            );
        }
    }

    fn level(&self) -> LevelFilter {
        let level = usize::from(self.0.level.load(Ordering::Relaxed));
        LEVELS.get(level).copied().unwrap_or(LevelFilter::TRACE)
    }
}

impl<S> Filter<S> for Log {
    fn enabled(&self, about: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        *about.level() <= self.level() || about.target() == OF_ITSELF
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let about = event.metadata();
        let budget = self.0.budget.lock();
        about.target() == OF_ITSELF
            || budget
                .unwrap_or_else(PoisonError::into_inner)
                .admits(about, Instant::now())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // What it says of itself is a warning, whatever the level.
        Some(self.level().max(LevelFilter::WARN))
    }
}

/// Lines as the command writes all others: the urgent ones say who speaks, the rest how urgent they are.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        writer.write_str("khashmir: ")?;
        if *about.level() > Level::WARN {
            let level = about.level().as_str().to_lowercase();
            write!(writer, "{level}: {}: ", about.target())?;
        }
        let mut message = MessageAlone {
            writer,
            written: Ok(()),
        };
        event.record(&mut message);
        message.written
    }
}

/// Writes the message of an event, which says what its other fields say.
struct MessageAlone<'a> {
    writer: Writer<'a>,
    written: fmt::Result,
}

impl Visit for MessageAlone<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.written = write!(self.writer, "{value:?}");
        }
    }
}

/// Takes each line whole, and never waits.
struct ToStandardError;

impl io::Write for ToStandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        output::note(String::from_utf8_lossy(line).trim_end());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
