//! Loss: datagrams that the network drops by chance.

use std::fmt;
use std::str::FromStr;

use crate::random::{Chance, Draw};
use crate::text::{BadText, probability};

/// Which datagrams are lost on the way.
///
/// It is written as `none`, `independent:P` or just `P`, or `bursty:P,R,B` or `bursty:P,R,B,G` with
/// the fields of [`Bursty`](Self::Bursty) in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with that probability, whatever happened to others.
    Independent(f64),
    /// The model of Gilbert and Elliott: each link is at any time good or bad, and changes from
    /// datagram to datagram. In a virtual minute it begins as good or bad as it is in the long run,
    /// so that links with little traffic lose as much as those with more.
    Bursty {
        /// The probability that a good link is bad for the next datagram.
        to_bad: f64,
        /// The probability that a bad link is good for the next datagram.
        to_good: f64,
        /// The probability that a bad link loses a datagram.
        in_bad: f64,
        /// The probability that a good link loses a datagram.
        in_good: f64,
    },
}

impl Loss {
    /// The share of datagrams that are lost in the long run.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Independent(share) => share,
            Self::Bursty {
                to_bad,
                to_good,
                in_bad,
                in_good,
            } => {
                let bad = bad_share(to_bad, to_good);
                bad * in_bad + (1.0 - bad) * in_good
            }
        }
    }

    /// What is wrong with the parameters, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let parameters = match *self {
            Self::None => [0.0; 4],
            Self::Independent(share) => [share; 4],
            Self::Bursty {
                to_bad,
                to_good,
                in_bad,
                in_good,
            } => [to_bad, to_good, in_bad, in_good],
        };
        let sense = parameters.iter().all(|share| (0.0..=1.0).contains(share));
        (!sense).then_some("must have probabilities from 0 to 1")
    }
}

/// The share of time in which a link is bad; one that never changes is good.
fn bad_share(to_bad: f64, to_good: f64) -> f64 {
    if to_bad > 0.0 {
        to_bad / (to_bad + to_good)
    } else {
        0.0
    }
}

impl FromStr for Loss {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        if text == "none" {
            return Ok(Self::None);
        }
        let Some((name, parameters)) = text.split_once(':') else {
            // What is a number at all is meant as a probability; the rest as a name.
            text.parse::<f64>().map_err(|_| bad(text))?;
            return probability(text).map(Self::Independent);
        };
        let numbers = || {
            parameters
                .split(',')
                .map(probability)
                .collect::<Result<Vec<f64>, _>>()
        };
        match (name, &numbers()?[..]) {
            ("independent", &[share]) => Ok(Self::Independent(share)),
            ("bursty", &[to_bad, to_good, in_bad, ref rest @ ..]) if rest.len() <= 1 => {
                Ok(Self::Bursty {
                    to_bad,
                    to_good,
                    in_bad,
                    in_good: rest.first().copied().unwrap_or_default(),
                })
            }
            _ => Err(bad(text)),
        }
    }
}

fn bad(text: &str) -> BadText {
    let expected = "none, 0.01, independent:0.01, bursty:0.01,0.3,0.5 or bursty:0.01,0.3,0.5,0.001";
    BadText::new(text, "loss model", expected)
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Independent(share) => write!(f, "independent:{share}"),
            Self::Bursty {
                to_bad,
                to_good,
                in_bad,
                in_good,
            } => write!(f, "bursty:{to_bad},{to_good},{in_bad},{in_good}"),
        }
    }
}

/// How a link is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Good,
    Bad,
}

/// A [`Loss`] made ready for being asked about every datagram.
#[derive(Clone, Debug)]
pub(super) enum Losses {
    None,
    Independent(Chance),
    Bursty {
        starts_bad: Chance,
        to_bad: Chance,
        to_good: Chance,
        in_bad: Chance,
        in_good: Chance,
    },
}

impl Losses {
    pub(super) fn new(loss: &Loss) -> Self {
        match *loss {
            Loss::None => Self::None,
            Loss::Independent(share) => Self::Independent(Chance::new(share)),
            Loss::Bursty {
                to_bad,
                to_good,
                in_bad,
                in_good,
            } => Self::Bursty {
                starts_bad: Chance::new(bad_share(to_bad, to_good)),
                to_bad: Chance::new(to_bad),
                to_good: Chance::new(to_good),
                in_bad: Chance::new(in_bad),
                in_good: Chance::new(in_good),
            },
        }
    }

    /// How a link begins a minute.
    pub(super) fn start(&self, mut draw: Draw) -> Channel {
        match self {
            Self::Bursty { starts_bad, .. } if draw.chance(*starts_bad) => Channel::Bad,
            Self::None | Self::Independent(_) | Self::Bursty { .. } => Channel::Good,
        }
    }

    /// Whether the next datagram on a link is lost.
    pub(super) fn strike(&self, channel: &mut Channel, mut draw: Draw) -> bool {
        match self {
            Self::None => false,
            Self::Independent(share) => draw.chance(*share),
            Self::Bursty {
                to_bad,
                to_good,
                in_bad,
                in_good,
                ..
            } => {
                let (share, change, other) = match channel {
                    Channel::Good => (*in_good, *to_bad, Channel::Bad),
                    Channel::Bad => (*in_bad, *to_good, Channel::Good),
                };
                if draw.chance(change) {
                    *channel = other;
                }
                draw.chance(share)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(text: &str) -> Loss {
        text.parse().expect(text)
    }

    /// What becomes of the datagrams of a link in one minute.
    fn minute(loss: &Loss, minute: u64, datagrams: u64) -> Vec<bool> {
        let losses = Losses::new(loss);
        let mut channel = losses.start(Draw::new(1, &[minute]));
        let strike = |n| losses.strike(&mut channel, Draw::new(1, &[minute, n]));
        (0..datagrams).map(strike).collect()
    }

    fn share(fates: &[bool]) -> f64 {
        fates.iter().filter(|lost| **lost).count() as f64 / fates.len() as f64
    }

    #[test]
    fn the_text_of_a_loss_reads_the_same() {
        for text in ["none", "independent:0.01", "bursty:0.01,0.3,0.5,0.001"] {
            assert_eq!(loss(text).to_string(), text);
        }
        assert_eq!(loss("0.01"), Loss::Independent(0.01));
        assert_eq!(loss("bursty:0.01,0.3,0.5"), loss("bursty:0.01,0.3,0.5,0"));
    }

    #[test]
    fn bad_losses_are_named() {
        let bad = [
            ("some", "\"some\" is not a loss model"),
            ("1.5", "\"1.5\" is not a probability"),
            ("independent:2", "\"2\" is not a probability"),
            (
                "independent:0.1,0.2",
                "\"independent:0.1,0.2\" is not a loss model",
            ),
            ("bursty:0.1,0.2", "\"bursty:0.1,0.2\" is not a loss model"),
            (
                "bursty:0.1,0.2,0.3,0.4,0.5",
                "\"bursty:0.1,0.2,0.3,0.4,0.5\" is not a loss model",
            ),
            ("bursty:0.1,x,0.3", "\"x\" is not a probability"),
        ];
        for (text, start) in bad {
            let error = text.parse::<Loss>().expect_err(text).to_string();
            assert!(error.starts_with(start), "{error}");
        }
        assert!(Loss::Independent(f64::NAN).problem().is_some());
        assert!(Loss::Independent(0.5).problem().is_none());
    }

    #[test]
    fn independent_loss_has_its_share_and_no_memory() {
        let fates = minute(&loss("0.1"), 0, 100_000);
        assert!((share(&fates) - 0.1).abs() < 0.005, "{}", share(&fates));
        let after: Vec<bool> = fates
            .windows(2)
            .filter(|two| two[0])
            .map(|two| two[1])
            .collect();
        assert!((share(&after) - 0.1).abs() < 0.01, "{}", share(&after));
        assert_eq!(share(&minute(&Loss::None, 0, 1000)), 0.0);
    }

    #[test]
    fn bursty_loss_has_its_share_and_comes_in_bursts() {
        let bursty = loss("bursty:0.02,0.2,0.9,0.01");
        let fates = minute(&bursty, 0, 200_000);
        assert!(
            (share(&fates) - bursty.mean()).abs() < 0.01,
            "{}",
            share(&fates)
        );
        assert!((bursty.mean() - 0.0909).abs() < 0.001);
        let after: Vec<bool> = fates
            .windows(2)
            .filter(|two| two[0])
            .map(|two| two[1])
            .collect();
        // Nearly all losses happen in the bad state, which lasts in four of five cases.
        assert!((0.6..0.8).contains(&share(&after)), "{}", share(&after));
    }

    #[test]
    fn links_with_one_datagram_a_minute_lose_the_same_share() {
        let bursty = loss("bursty:0.02,0.2,0.9,0.01");
        let firsts: Vec<bool> = (0..50_000).map(|n| minute(&bursty, n, 1)[0]).collect();
        assert!(
            (share(&firsts) - bursty.mean()).abs() < 0.01,
            "{}",
            share(&firsts)
        );
    }

    #[test]
    fn a_link_that_never_changes_is_good() {
        assert_eq!(share(&minute(&loss("bursty:0,0,1"), 0, 1000)), 0.0);
        assert_eq!(share(&minute(&loss("bursty:1,0,1"), 0, 1000)), 1.0);
    }
}
