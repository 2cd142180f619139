//! Latency: how long a datagram is on its way from one host to another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::host::HostId;
use crate::random::topic;
use crate::span::Span;
use crate::text::BadText;

use super::geo;
use super::links::pair_draw;

const LINK: u64 = topic("network/latency");

/// The one-way delay of a link between two hosts. It is the same both ways and for as long as the
/// world stands; jitter, which is drawn for each datagram, comes on top.
///
/// It is written as `geo` or as a [span](Span): `constant:50ms`, `uniform:20ms..200ms`,
/// `lognormal:80ms,0.5`. What is below the network's floor is raised to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Latency {
    /// Drawn for each link by itself.
    Drawn(Span),
    /// By the [geography](geo) of the two hosts.
    Geo,
    /// By a function of the calling program. It is written as `custom`, which cannot be read back.
    Custom(CustomLatency),
}

/// A latency model that the calling program provides.
#[derive(Clone)]
pub struct CustomLatency(Arc<dyn Fn(u64, HostId, HostId) -> Duration + Send + Sync>);

/// Two are the same when one is a clone of the other.
impl PartialEq for CustomLatency {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for CustomLatency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomLatency(..)")
    }
}

impl Latency {
    /// A model of a program's own. It is given the seed and the two hosts of a link, the one with
    /// the lower number first, and must give the same delay whenever it is asked: chance is to be
    /// taken from a [`Draw`](crate::random::Draw) named by what it is given.
    #[must_use]
    pub fn custom(model: impl Fn(u64, HostId, HostId) -> Duration + Send + Sync + 'static) -> Self {
        Self::Custom(CustomLatency(Arc::new(model)))
    }

    /// The delay of the link between two hosts, before the floor is applied.
    #[must_use]
    pub fn between(&self, seed: u64, a: HostId, b: HostId) -> Duration {
        match self {
            Self::Drawn(Span::Constant(always)) => *always,
            Self::Drawn(span) => span.draw(&mut pair_draw(seed, LINK, a, b)),
            Self::Geo => geo::delay(seed, a, b),
            Self::Custom(CustomLatency(model)) => model(seed, a.min(b), a.max(b)),
        }
    }
}

impl FromStr for Latency {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match text {
            "geo" => Ok(Self::Geo),
            _ if text.contains(':') || text == "none" => text.parse().map(Self::Drawn),
            _ => {
                let expected = "geo, constant:50ms, uniform:20ms..200ms or lognormal:80ms,0.5";
                Err(BadText::new(text, "latency model", expected))
            }
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drawn(span) => span.fmt(f),
            Self::Geo => f.write_str("geo"),
            Self::Custom(_) => f.write_str("custom"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: [&str; 5] = [
        "constant:50ms",
        "uniform:20ms..200ms",
        "lognormal:80ms,0.5",
        "exponential:40ms",
        "geo",
    ];

    fn model(text: &str) -> Latency {
        text.parse().expect(text)
    }

    /// The delays of many links, sorted.
    fn delays(text: &str) -> Vec<Duration> {
        let model = model(text);
        let link = |n| model.between(1, HostId::new(n), HostId::new(n * 13 + 1));
        let mut all: Vec<Duration> = (0..20_000).map(link).collect();
        all.sort();
        all
    }

    fn millis(duration: Duration) -> f64 {
        duration.as_secs_f64() * 1e3
    }

    #[test]
    fn the_text_of_a_model_reads_the_same() {
        for text in MODELS {
            assert_eq!(model(text).to_string(), text);
        }
        for (text, start) in [
            ("far", "\"far\" is not a latency model"),
            ("50ms", "\"50ms\" is not a latency model"),
            ("constant:far", "\"far\" is not a duration"),
            ("geo:1", "\"geo:1\" is not a distribution"),
        ] {
            let error = text.parse::<Latency>().expect_err(text).to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }

    #[test]
    fn a_link_has_the_same_delay_both_ways_and_always() {
        fn holds(seed: u64, a: u32, b: u32) -> bool {
            let (a, b) = (HostId::new(a), HostId::new(b));
            MODELS.iter().all(|text| {
                let there = model(text).between(seed, a, b);
                there == model(text).between(seed, b, a) && there == model(text).between(seed, a, b)
            })
        }
        quickcheck::quickcheck(holds as fn(u64, u32, u32) -> bool);
    }

    #[test]
    fn a_program_may_bring_a_model_of_its_own() {
        let model = Latency::custom(|_, low, high| {
            Duration::from_millis((high.number() - low.number()).into())
        });
        let [a, b] = [3, 45].map(HostId::new);
        assert_eq!(model.between(1, a, b), Duration::from_millis(42));
        assert_eq!(model.between(1, b, a), Duration::from_millis(42));
        assert_eq!(model, model.clone());
        assert_ne!(model, Latency::custom(|_, _, _| Duration::ZERO));
    }

    #[test]
    fn links_and_seeds_have_delays_of_their_own() {
        let [a, b, c] = [0, 1, 2].map(HostId::new);
        for text in MODELS.iter().skip(1) {
            let model = model(text);
            let delay = model.between(1, a, b);
            assert_ne!(delay, model.between(1, a, c), "{text}");
            assert_ne!(delay, model.between(2, a, b), "{text}");
        }
    }

    #[test]
    fn delays_are_distributed_as_the_model_says() {
        assert!(
            delays("constant:50ms")
                .iter()
                .all(|delay| *delay == Duration::from_millis(50))
        );
        let uniform = delays("uniform:20ms..200ms");
        assert!((millis(uniform[0]) - 20.0).abs() < 1.0);
        assert!((millis(uniform[uniform.len() - 1]) - 200.0).abs() < 1.0);
        assert!((millis(uniform[uniform.len() / 2]) - 110.0).abs() < 3.0);
        let log_normal = delays("lognormal:80ms,0.5");
        assert!((millis(log_normal[log_normal.len() / 2]) - 80.0).abs() < 1.5);
        // One deviation up: 80 ms times e to the power of a half, at 84.1 %.
        assert!((millis(log_normal[log_normal.len() * 841 / 1000]) - 131.9).abs() < 4.0);
    }

    #[test]
    fn the_world_is_as_wide_as_the_internet() {
        let geo = delays("geo");
        let mean = geo.iter().sum::<Duration>() / 20_000;
        assert!((70.0..130.0).contains(&millis(mean)), "{mean:?}");
        assert!(millis(geo[0]) > 5.0 && millis(geo[geo.len() - 1]) < 500.0);
    }
}
