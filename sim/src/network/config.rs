//! What a network is like, as a user says it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::span::Span;
use crate::text::{BadText, probability};

use super::access::Access;
use super::latency::Latency;
use super::loss::Loss;

/// Bytes that IPv4 and UDP add to a datagram.
pub const HEADERS: usize = 28;

/// What a network is like.
///
/// The default loses nothing, and its links have log-normal delays of 57 ms on average.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Where its chance starts.
    pub seed: u64,
    /// The one-way delay of each link.
    pub latency: Latency,
    /// What is added for each datagram by itself.
    pub jitter: Span,
    /// Which datagrams are lost.
    pub loss: Loss,
    /// The probability that a datagram arrives twice. The copy has a jitter of its own.
    pub duplicate: f64,
    /// Which datagrams are held back, so that later ones overtake them.
    pub reorder: Reorder,
    /// The line of each host; none means that rate and queue have no bounds.
    pub access: Option<Access>,
    /// The largest packet, its [headers](HEADERS) included. Nothing is fragmented: what is larger is
    /// lost.
    pub mtu: usize,
    /// The least one-way delay, to which all others are raised, jitter included. It is also how far
    /// hosts can be computed without looking at each other.
    pub floor: Duration,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            latency: Latency::Drawn(Span::LogNormal {
                median: Duration::from_millis(50),
                sigma: 0.5,
            }),
            jitter: Span::NONE,
            loss: Loss::None,
            duplicate: 0.0,
            reorder: Reorder::NONE,
            access: None,
            mtu: 1500,
            floor: Duration::from_millis(10),
        }
    }
}

impl NetworkConfig {
    /// Looks for settings without sense.
    ///
    /// # Errors
    /// [`BadNetwork`] names the first such field.
    pub fn check(&self) -> Result<(), BadNetwork> {
        let latency = match &self.latency {
            Latency::Drawn(span) => span.problem(),
            Latency::Geo | Latency::Custom(_) => None,
        };
        let is_probability = |number: f64| (0.0..=1.0).contains(&number);
        let duplicate = (!is_probability(self.duplicate)).then_some("must be from 0 to 1");
        let chance = (!is_probability(self.reorder.chance)).then_some("must be from 0 to 1");
        let mtu = (self.mtu <= HEADERS).then_some("must be larger than the headers of 28 bytes");
        let floor = self.floor.is_zero().then_some("must be above 0");
        let fields = [
            ("latency", latency),
            ("jitter", self.jitter.problem()),
            ("loss", self.loss.problem()),
            ("duplicate", duplicate),
            ("reorder.chance", chance),
            ("reorder.hold", self.reorder.hold.problem()),
            ("access", self.access.and_then(|access| access.problem())),
            ("mtu", mtu),
            ("floor", floor),
        ];
        fields.into_iter().try_for_each(|(field, problem)| {
            problem.map_or(Ok(()), |problem| Err(BadNetwork { field, problem }))
        })
    }
}

/// Which datagrams are held back, so that later ones overtake them.
///
/// It is written as `none` or as a probability and a [span](Span): `0.05,exponential:30ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reorder {
    /// The probability for each datagram.
    pub chance: f64,
    /// How long it is held back.
    pub hold: Span,
}

impl Reorder {
    /// None.
    pub const NONE: Self = Self {
        chance: 0.0,
        hold: Span::NONE,
    };
}

impl FromStr for Reorder {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let expected = "none or one such as 0.05,exponential:30ms";
        let bad = || BadText::new(text, "reordering", expected);
        let (chance, hold) = text.split_once(',').ok_or_else(bad)?;
        Ok(Self {
            chance: probability(chance)?,
            hold: hold.parse()?,
        })
    }
}

impl fmt::Display for Reorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        write!(f, "{},{}", self.chance, self.hold)
    }
}

/// A network with a setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNetwork {
    pub(super) field: &'static str,
    pub(super) problem: &'static str,
}

impl fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network: `{}` {}", self.field, self.problem)
    }
}

impl Error for BadNetwork {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_sense_are_named() {
        let good = NetworkConfig::default;
        let nan = Span::LogNormal {
            median: Duration::ZERO,
            sigma: f64::NAN,
        };
        let access = Access {
            up: 1,
            down: 0,
            queue: 0,
        };
        let bad = [
            (
                "latency",
                NetworkConfig {
                    latency: Latency::Drawn(nan),
                    ..good()
                },
            ),
            (
                "jitter",
                NetworkConfig {
                    jitter: nan,
                    ..good()
                },
            ),
            (
                "loss",
                NetworkConfig {
                    loss: Loss::Independent(1.1),
                    ..good()
                },
            ),
            (
                "duplicate",
                NetworkConfig {
                    duplicate: -0.1,
                    ..good()
                },
            ),
            (
                "duplicate",
                NetworkConfig {
                    duplicate: f64::NAN,
                    ..good()
                },
            ),
            (
                "reorder.chance",
                NetworkConfig {
                    reorder: Reorder {
                        chance: 2.0,
                        hold: Span::NONE,
                    },
                    ..good()
                },
            ),
            (
                "reorder.hold",
                NetworkConfig {
                    reorder: Reorder {
                        chance: 0.1,
                        hold: nan,
                    },
                    ..good()
                },
            ),
            (
                "access",
                NetworkConfig {
                    access: Some(access),
                    ..good()
                },
            ),
            ("mtu", NetworkConfig { mtu: 28, ..good() }),
            (
                "floor",
                NetworkConfig {
                    floor: Duration::ZERO,
                    ..good()
                },
            ),
        ];
        for (field, config) in bad {
            let error = config.check().expect_err(field).to_string();
            assert!(
                error.starts_with(&format!("network: `{field}` must ")),
                "{error}"
            );
        }
        assert_eq!(good().check(), Ok(()));
    }

    #[test]
    fn the_text_of_a_reordering_reads_the_same() {
        for text in ["none", "0.05,exponential:30ms", "1,uniform:1ms..2ms"] {
            let reorder: Reorder = text.parse().expect(text);
            assert_eq!(reorder.to_string(), text);
        }
        for text in ["0.05", "x,none", "0.1,later"] {
            assert!(text.parse::<Reorder>().is_err(), "{text}");
        }
    }
}
