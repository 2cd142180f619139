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
const START: u64 = topic("churn/start");
const LEFT: u64 = topic("churn/left");

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
    /// Which node returns after a pause.
    pub comeback: Comeback,
}

/// Which node a host runs after a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comeback {
    /// As a new node that knows nothing.
    #[default]
    Fresh,
    /// As the node that it was, from the snapshot that it took along.
    Same,
}

/// Where a host is found when churn begins that has been going on for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChurnStart {
    /// It is there, and stays for so much longer.
    Here(Duration),
    /// It is away, and for so much longer.
    Away(Duration),
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

    /// Where a host is found at the beginning: from the first moment on as many come and go, and as
    /// many are there, as at any later one.
    #[must_use]
    pub fn start(&self, seed: u64, host: HostId) -> ChurnStart {
        // No mean is so large that two of them have no sum.
        let mean = |span: Span| {
            let shortest = Self::SHORTEST.as_secs_f64();
            span.mean_seconds().clamp(shortest, 1e300)
        };
        let (session, pause) = (mean(self.session), mean(self.pause));
        let mut draw = Draw::new(seed, &[START, host.number().into()]);
        let is_here = draw.unit() * (session + pause) < session;
        if is_here {
            ChurnStart::Here(self.session_left(seed, host, 0))
        } else {
            ChurnStart::Away(self.pause.draw_left(&mut draw).max(Self::SHORTEST))
        }
    }

    /// How long a host stays whose `n`-th session is under way when churn begins.
    #[must_use]
    pub fn session_left(&self, seed: u64, host: HostId, n: u64) -> Duration {
        let mut draw = Draw::new(seed, &[LEFT, host.number().into(), n]);
        self.session.draw_left(&mut draw).max(Self::SHORTEST)
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
    fn churn_is_the_same_from_the_first_moment_on() {
        const HOSTS: u32 = 20_000;
        for text in [
            "20m",
            "constant:20m/constant:5m",
            "uniform:10m..30m/none",
            "weibull:20m,0.6/lognormal:5m,1",
        ] {
            let churn = churn(text);
            let (session, pause) = (churn.session.mean_seconds(), churn.pause.mean_seconds());
            // The share of hosts that are there, and departures within two minutes.
            for after in [0.0, 600.0, 3000.0].map(Duration::from_secs_f64) {
                let end = after + 2 * MINUTE;
                let (mut here, mut departures) = (0, 0);
                for host in (0..HOSTS).map(HostId::new) {
                    let (mut is_here, mut until) = match churn.start(1, host) {
                        ChurnStart::Here(left) => (true, left),
                        ChurnStart::Away(left) => (false, left),
                    };
                    let (mut n, mut begun) = (0, Duration::ZERO);
                    loop {
                        here += u32::from(is_here && begun <= after && after < until);
                        if until >= end {
                            break;
                        }
                        departures += u32::from(is_here && until >= after);
                        n += u64::from(is_here);
                        is_here = !is_here;
                        begun = until;
                        until += if is_here {
                            churn.session(1, host, n + 1)
                        } else {
                            churn.pause(1, host, n)
                        };
                    }
                }
                let share = f64::from(here) / f64::from(HOSTS);
                let expected = session / (session + pause);
                assert!(
                    (share / expected - 1.0).abs() < 0.05,
                    "{text}, {after:?}: {share}"
                );
                let rate = f64::from(departures) / f64::from(HOSTS);
                let expected = 120.0 / (session + pause);
                assert!(
                    (rate / expected - 1.0).abs() < 0.1,
                    "{text}, {after:?}: {rate} leave, not {expected}"
                );
            }
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
