//! How far a run has come, on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use khashmir_sim::experiment::Progress;

use super::interrupt::Interrupt;

/// A bar of virtual time.
pub(super) struct Bar(ProgressBar);

/// Notes how far a run has come, for the case that it is interrupted; before that, the name of the run.
pub(super) fn note(interrupt: &Interrupt, name: &str, progress: &Progress) {
    let seconds = |at: khashmir::Instant| at.as_nanos() / 1_000_000_000;
    interrupt.note(format!(
        "{name}{}, at {} s of about {} s of virtual time, after {} events",
        progress.phase,
        seconds(progress.now),
        seconds(progress.end),
        progress.events,
    ));
}

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{msg} {bar:30} {elapsed} gone, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn show(&self, progress: &Progress) {
        let seconds = |at: khashmir::Instant| at.as_nanos() / 1_000_000_000;
        self.0.set_length(seconds(progress.end));
        self.0.set_position(seconds(progress.now));
        let rate = progress.events as f64 / self.0.elapsed().as_secs_f64().max(0.001);
        self.0.set_message(format!(
            "{}: {} nodes, {} s, {rate:.0} events/s",
            progress.phase,
            progress.hosts,
            seconds(progress.now),
        ));
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
