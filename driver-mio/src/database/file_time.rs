//! The time in a file: milliseconds that only go forward, whatever becomes of the wall clock.
//!
//! While a node runs, its monotonic clock drives that time. With each write the file notes what the wall
//! clock, and the time since the machine was started, said at that moment. So only the time between
//! two runs depends on a clock that may be set, and not even that when the machine ran on.

use std::time::{Duration, SystemTime};

use khashmir::Instant;

use crate::disk::Moment;

/// What a file notes of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClockRow {
    /// The time in the file.
    pub(super) file_ms: i64,
    /// The wall clock, since 1970.
    pub(super) unix_ms: i64,
    /// Which start of the machine it was, and how long that was ago.
    pub(super) boot: Option<(String, i64)>,
}

/// The time in an open file.
pub(super) struct FileTime {
    opened: i64,
    since: std::time::Instant,
    boot: Option<String>,
    /// The node's clock at a moment, and the time in the file then.
    begun: (Instant, i64),
}

impl FileTime {
    /// The time in the file was `opened` at `since`.
    pub(super) const fn new(opened: i64, since: std::time::Instant, boot: Option<String>) -> Self {
        Self {
            opened,
            since,
            boot,
            begun: (Instant::ORIGIN, opened),
        }
    }

    /// The node's clock reads `now` at this moment.
    pub(super) fn begin(&mut self, now: Instant) {
        let file_now = self.opened.saturating_add(millis(self.since.elapsed()));
        self.begun = (now, file_now);
    }

    /// The time in the file when the node's clock reads that.
    pub(super) fn of(&self, at: Instant) -> i64 {
        let (begun, file_then) = self.begun;
        let later = file_then.saturating_add(millis(at.since(begun)));
        later.saturating_sub(millis(begun.since(at)))
    }

    /// What the file is to note of a moment.
    pub(super) fn row(&self, moment: Moment) -> ClockRow {
        let boot = self.boot.clone().zip(moment.since_boot);
        ClockRow {
            file_ms: self.of(moment.now),
            unix_ms: unix(moment.wall),
            boot: boot.map(|(boot, since)| (boot, millis(since))),
        }
    }
}

/// The time in a file at a moment after the one that it has noted. When the wall clock stands before
/// that one, it was set back, and no time has passed as far as is known.
pub(super) fn now(noted: Option<ClockRow>, moment: Moment, boot: Option<&str>) -> i64 {
    let Some(noted) = noted else {
        return 0;
    };
    let same_boot = noted.boot.filter(|(name, _)| Some(name.as_str()) == boot);
    let away = match (same_boot, moment.since_boot) {
        (Some((_, then)), Some(since)) => millis(since).saturating_sub(then),
        _ => unix(moment.wall).saturating_sub(noted.unix_ms),
    };
    noted.file_ms.saturating_add(away.max(0))
}

/// By which the system tells the starts of the machine apart.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const fn boot_id() -> Option<String> {
    None
}

/// A span in milliseconds, rounded down, the longest that fits when it is longer.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A span of so many milliseconds, none when they are below zero.
pub(super) fn span(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn unix(wall: SystemTime) -> i64 {
    match wall.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => millis(before.duration()).saturating_neg(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn moment(now: u64, wall: u64, since_boot: u64) -> Moment {
        Moment {
            now: Instant::since_origin(seconds(now)),
            wall: SystemTime::UNIX_EPOCH + seconds(wall),
            since_boot: Some(seconds(since_boot)),
        }
    }

    fn time(boot: &str) -> FileTime {
        FileTime::new(0, std::time::Instant::now(), Some(boot.to_owned()))
    }

    #[test]
    fn time_between_runs_is_told_by_the_wall_clock() {
        let noted = time("a").row(moment(10, 5000, 90));
        assert_eq!(now(Some(noted), moment(0, 5060, 20), Some("b")), 70_000);
    }

    #[test]
    fn a_wall_clock_that_is_set_changes_nothing_while_the_machine_runs() {
        let noted = time("a").row(moment(10, 5000, 90));
        for wall in [0, 5060, 999_999] {
            let noted = Some(noted.clone());
            assert_eq!(now(noted, moment(0, wall, 150), Some("a")), 70_000);
        }
    }

    #[test]
    fn a_wall_clock_that_is_set_while_the_node_runs_changes_nothing() {
        let time = time("a");
        let (before, after) = (moment(10, 5000, 90), moment(20, 999_999, 100));
        assert_eq!(time.row(before).file_ms, 10_000);
        let noted = time.row(after);
        assert_eq!(noted.file_ms, 20_000);
        let started = moment(0, 1_000_009, 10);
        assert_eq!(now(Some(noted), started, Some("b")), 30_000);
    }

    #[test]
    fn a_wall_clock_that_was_set_back_does_not_turn_time_back() {
        let noted = time("a").row(moment(10, 5000, 90));
        assert_eq!(now(Some(noted), moment(0, 0, 5), Some("b")), 10_000);
        assert_eq!(now(None, moment(0, 5000, 5), Some("b")), 0);
    }
}
