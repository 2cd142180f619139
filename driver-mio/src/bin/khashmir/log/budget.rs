//! How many lines each cause may log, so that none of them floods the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tracing::{Level, Metadata};

/// What each cause of lines has used up. A cause is a place in the program, so that there is a bound on
/// how many there are, and another node can use up only what is about it.
#[derive(Default)]
pub(super) struct Budget {
    causes: BTreeMap<&'static str, Cause>,
}

struct Cause {
    since: Instant,
    lines: u32,
    left_out: LeftOut,
}

/// Lines of a cause that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) lines: u64,
    pub(super) target: &'static str,
    pub(super) level: Level,
}

/// A cause may log so many lines in a [`WINDOW`].
pub(super) const LINES: u32 = 20;
/// Time after which a cause may log again.
const WINDOW: Duration = Duration::from_secs(10);

impl Budget {
    /// Whether this cause may log another line.
    pub(super) fn admits(&mut self, cause: &'static Metadata<'static>, now: Instant) -> bool {
        let of = self.causes.entry(cause.name()).or_insert_with(|| Cause {
            since: now,
            lines: 0,
            left_out: LeftOut {
                lines: 0,
                target: cause.target(),
                level: *cause.level(),
            },
        });
        if now.saturating_duration_since(of.since) >= WINDOW {
            (of.since, of.lines) = (now, 0);
        }
        if of.lines < LINES {
            of.lines += 1;
            return true;
        }
        of.left_out.lines += 1;
        false
    }

    /// What was left out since this was asked last.
    pub(super) fn take_left_out(&mut self) -> Vec<LeftOut> {
        let causes = self.causes.values_mut().map(|cause| &mut cause.left_out);
        let with_some = causes.filter(|left_out| left_out.lines > 0);
        with_some
            .map(|left_out| {
                let taken = *left_out;
                left_out.lines = 0;
                taken
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use tracing::field::FieldSet;
    use tracing::metadata::Kind;
    use tracing::{Callsite, callsite, subscriber};

    use super::*;

    struct Nowhere;

    impl Callsite for Nowhere {
        fn set_interest(&self, _: subscriber::Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            &LOUD
        }
    }

    static LOUD: Metadata<'static> = about("loud");
    static QUIET: Metadata<'static> = about("quiet");

    const fn about(name: &'static str) -> Metadata<'static> {
        let fields = FieldSet::new(&[], callsite::Identifier(&Nowhere));
        Metadata::new(
            name,
            "socket",
            Level::WARN,
            None,
            None,
            None,
            fields,
            Kind::EVENT,
        )
    }

    #[test]
    fn a_loud_cause_is_cut_short_and_counted_and_a_quiet_one_is_heard() {
        let mut budget = Budget::default();
        let start = Instant::now();
        let admitted = (0..1000).filter(|_| budget.admits(&LOUD, start)).count();
        assert_eq!(admitted, LINES as usize);
        assert!(budget.admits(&QUIET, start));
        let left_out = LeftOut {
            lines: 1000 - u64::from(LINES),
            target: "socket",
            level: Level::WARN,
        };
        assert_eq!(budget.take_left_out(), [left_out]);
        assert_eq!(budget.take_left_out(), []);
        let nearly = start + WINDOW - Duration::from_millis(1);
        assert!(!budget.admits(&LOUD, nearly));
        assert!(budget.admits(&LOUD, start + WINDOW));
        assert_eq!(budget.take_left_out().len(), 1);
    }
}
