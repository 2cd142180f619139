//! How long hosts stay and how long they are away.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::host::HostId;
use crate::random::{Draw, topic};
use crate::span::Span;
use crate::text::BadText;

const SESSION: u64 = topic("churn/session");
const PAUSE: u64 = topic("churn/pause");

/// The coming and going of hosts. Each host has sessions, and a pause after each of them.
///
/// It is written as `SESSION/PAUSE/COMEBACK`, such as `weibull:20m,0.6/exponential:5m/same`: two
/// [spans](Span) and `fresh` or `same`. Without the comeback it is `fresh`, without the pause the
/// pauses are like the sessions, and a duration alone is the median of an exponential distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// How long a host stays.
    pub session: Span,
    /// How long it is away between two sessions.
    pub pause: Span,
    /// As whom it returns.
    pub comeback: Comeback,
}

/// As whom a host returns after a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comeback {
    /// As a new node that knows nothing.
    #[default]
    Fresh,
    /// As the node that it was, from the snapshot that it took along.
    Same,
}

impl Churn {
    /// Sessions and pauses are at least that long, so that no host spins without time passing.
    pub const SHORTEST: Duration = Duration::from_millis(1);

    /// Sessions and pauses without memory, both with that median: half of the hosts are there at
    /// any time, and each returns as a new node.
    #[must_use]
    pub const fn exponential(median: Duration) -> Self {
        Self {
            session: Span::Exponential { median },
            pause: Span::Exponential { median },
            comeback: Comeback::Fresh,
        }
    }

    /// How long a host's `n`-th session lasts, counted from 0. It depends on nothing else.
    #[must_use]
    pub fn session(&self, seed: u64, host: HostId, n: u64) -> Duration {
        drawn(self.session, seed, &[SESSION, host.number().into(), n])
    }

    /// How long a host is away after its `n`-th session.
    #[must_use]
    pub fn pause(&self, seed: u64, host: HostId, n: u64) -> Duration {
        drawn(self.pause, seed, &[PAUSE, host.number().into(), n])
    }

    /// Looks for parameters without sense.
    ///
    /// # Errors
    /// [`BadChurn`] names the field.
    pub fn check(&self) -> Result<(), BadChurn> {
        for (field, span) in [("session", self.session), ("pause", self.pause)] {
            if let Some(problem) = span.problem() {
                return Err(BadChurn { field, problem });
            }
        }
        Ok(())
    }
}

/// A churn with a field that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadChurn {
    field: &'static str,
    problem: &'static str,
}

impl fmt::Display for BadChurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "churn: `{}` {}", self.field, self.problem)
    }
}

impl Error for BadChurn {}

fn drawn(span: Span, seed: u64, words: &[u64]) -> Duration {
    span.draw(&mut Draw::new(seed, words)).max(Churn::SHORTEST)
}

impl FromStr for Churn {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let mut parts = text.split('/');
        let session = span(parts.next().unwrap_or_default())?;
        let pause = parts.next().map_or(Ok(session), span)?;
        let comeback = parts.next().map_or(Ok(Comeback::default()), str::parse)?;
        if parts.next().is_some() {
            let expected = "SESSION/PAUSE/COMEBACK, such as weibull:20m,0.6/exponential:5m/same";
            return Err(BadText::new(text, "churn", expected));
        }
        Ok(Self {
            session,
            pause,
            comeback,
        })
    }
}

/// A span, or a duration that is meant as the median of an exponential one.
fn span(text: &str) -> Result<Span, BadText> {
    match crate::duration::parse(text) {
        Ok(median) => Ok(Span::Exponential { median }),
        Err(_) if text.contains(':') || text == "none" => text.parse(),
        Err(_) => {
            let expected = "a median such as 20m, or one such as weibull:20m,0.6";
            Err(BadText::new(text, "distribution", expected))
        }
    }
}

impl fmt::Display for Churn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.session, self.pause, self.comeback)
    }
}

impl FromStr for Comeback {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match text {
            "fresh" => Ok(Self::Fresh),
            "same" => Ok(Self::Same),
            _ => Err(BadText::new(text, "comeback", "fresh or same")),
        }
    }
}

impl fmt::Display for Comeback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Same => "same",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn churn(text: &str) -> Churn {
        text.parse().expect(text)
    }

    #[test]
    fn the_text_of_a_churn_reads_the_same() {
        let text = "weibull:20m,0.6/lognormal:5m,1.2/same";
        assert_eq!(churn(text).to_string(), text);
        assert_eq!(churn("20m"), Churn::exponential(20 * MINUTE));
        assert_eq!(
            churn("20m").to_string(),
            "exponential:20m/exponential:20m/fresh"
        );
        assert_eq!(
            churn("20m/5m").pause,
            Span::Exponential { median: 5 * MINUTE }
        );
        assert_eq!(churn("20m/none/same").comeback, Comeback::Same);
    }

    #[test]
    fn bad_churn_is_named() {
        let bad = [
            ("", "\"\" is not a distribution"),
            ("20x", "\"20x\" is not a distribution"),
            ("20m/5m/back", "\"back\" is not a comeback"),
            ("20m/5m/same/x", "\"20m/5m/same/x\" is not a churn"),
            ("20m/weibull:1h,x", "\"x\" is not a number above zero"),
        ];
        for (text, start) in bad {
            let error = text.parse::<Churn>().expect_err(text).to_string();
            assert!(error.starts_with(start), "{error}");
        }
        let sense = churn("20m");
        let pause = Span::Uniform {
            from: MINUTE,
            to: Duration::ZERO,
        };
        let error = Churn { pause, ..sense }
            .check()
            .expect_err("runs backwards");
        assert_eq!(
            error.to_string(),
            "churn: `pause` must not end before it begins"
        );
        assert_eq!(sense.check(), Ok(()));
    }

    #[test]
    fn sessions_and_pauses_have_the_medians_that_they_should() {
        for text in [
            "exponential:20m/weibull:5m,0.6",
            "lognormal:20m,1.2/constant:5m",
        ] {
            let churn = churn(text);
            let middle = |of: &dyn Fn(HostId, u64) -> Duration| {
                let draw = |n: u32| of(HostId::new(n % 100), u64::from(n / 100));
                let mut all: Vec<Duration> = (0..40_000).map(draw).collect();
                all.sort();
                all[all.len() / 2].as_secs_f64() / 60.0
            };
            let session = middle(&|host, n| churn.session(1, host, n));
            let pause = middle(&|host, n| churn.pause(1, host, n));
            assert!((session - 20.0).abs() < 0.6, "{text}: {session} min");
            assert!((pause - 5.0).abs() < 0.2, "{text}: {pause} min");
        }
    }

    #[test]
    fn each_session_of_each_host_is_drawn_by_itself() {
        let churn = churn("20m");
        let host = HostId::new(5);
        let first = churn.session(1, host, 0);
        assert_eq!(churn.session(1, host, 0), first);
        let others = [
            churn.session(2, host, 0),
            churn.session(1, HostId::new(6), 0),
            churn.session(1, host, 1),
            churn.pause(1, host, 0),
        ];
        assert!(others.iter().all(|other| *other != first));
    }

    #[test]
    fn no_session_and_no_pause_is_empty() {
        let churn = churn("none/none");
        let host = HostId::new(0);
        assert_eq!(churn.session(1, host, 0), Churn::SHORTEST);
        assert_eq!(churn.pause(1, host, 0), Churn::SHORTEST);
    }
}
