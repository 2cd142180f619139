//! Distributions of durations, with the text in which users name them.

use std::f64::consts::LN_2;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::random::{Draw, scaled};
use crate::text::{BadText, positive};

/// How a duration is drawn.
///
/// All but the first two are told by their median, so that they can be exchanged for one another.
/// A span is written as its name, a colon and its parameters: `constant:50ms`,
/// `uniform:20ms..200ms`, `exponential:20m`, `weibull:20m,0.6` (median, shape),
/// `lognormal:80ms,0.5` (median, sigma); a constant of zero is `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    /// Always the same.
    Constant(Duration),
    /// Anything between the two, as likely as anything else.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// Without memory: what has lasted for long is as likely to end as what has just begun.
    Exponential {
        /// Half of all are shorter.
        median: Duration,
    },
    /// With a shape below 1, what has lasted for long is likely to last for longer still.
    Weibull {
        /// Half of all are shorter.
        median: Duration,
        /// 1 is the exponential distribution.
        shape: f64,
    },
    /// The logarithm has a normal distribution.
    LogNormal {
        /// Half of all are shorter.
        median: Duration,
        /// The deviation of the natural logarithm.
        sigma: f64,
    },
}

impl Span {
    /// Always zero.
    pub const NONE: Self = Self::Constant(Duration::ZERO);

    /// Draws a duration.
    #[must_use]
    pub fn draw(&self, draw: &mut Draw) -> Duration {
        match *self {
            Self::Constant(duration) => duration,
            Self::Uniform { from, to } => draw.between(from, to),
            Self::Exponential { median } => draw.exponential(scaled(median, 1.0 / LN_2)),
            Self::Weibull { median, shape } => {
                let scale = scaled(median, libm::pow(LN_2, -1.0 / shape));
                draw.weibull(scale, shape)
            }
            Self::LogNormal { median, sigma } => draw.log_normal(median, sigma),
        }
    }

    /// Draws what is left of a span that is under way at a moment picked at random. Long spans are
    /// more likely to be met than short ones, and no moment of a span more likely than another.
    #[must_use]
    pub fn draw_left(&self, draw: &mut Draw) -> Duration {
        let met = match *self {
            Self::Constant(duration) => duration,
            Self::Uniform { from, to } => {
                let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
                let square = from * from + draw.unit() * (to * to - from * from);
                scaled(Duration::from_secs(1), libm::sqrt(square))
            }
            // Without memory, as much is left as there was at the beginning.
            Self::Exponential { .. } => return self.draw(draw),
            Self::Weibull { median, shape } => {
                let scale = scaled(median, libm::pow(LN_2, -1.0 / shape));
                let exponent = draw.gamma(1.0 + 1.0 / shape);
                scaled(scale, libm::pow(exponent, 1.0 / shape))
            }
            Self::LogNormal { median, sigma } => {
                draw.log_normal(scaled(median, libm::exp(sigma * sigma)), sigma)
            }
        };
        scaled(met, draw.unit())
    }

    /// The mean of all draws, in seconds: infinite if it is too large to be told.
    #[must_use]
    pub fn mean_seconds(&self) -> f64 {
        match *self {
            Self::Constant(duration) => duration.as_secs_f64(),
            Self::Uniform { from, to } => f64::midpoint(from.as_secs_f64(), to.as_secs_f64()),
            Self::Exponential { median } => median.as_secs_f64() / LN_2,
            Self::Weibull { median, shape } => {
                let scale = median.as_secs_f64() * libm::pow(LN_2, -1.0 / shape);
                scale * libm::tgamma(1.0 + 1.0 / shape)
            }
            Self::LogNormal { median, sigma } => {
                median.as_secs_f64() * libm::exp(sigma * sigma / 2.0)
            }
        }
    }

    /// Half of all draws are shorter.
    #[must_use]
    pub fn median(&self) -> Duration {
        match *self {
            Self::Constant(duration) => duration,
            Self::Uniform { from, to } => from + to.saturating_sub(from) / 2,
            Self::Exponential { median }
            | Self::Weibull { median, .. }
            | Self::LogNormal { median, .. } => median,
        }
    }

    /// What is wrong with the parameters, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match *self {
            Self::Uniform { from, to } if from > to => Some("must not end before it begins"),
            Self::Weibull { shape, .. } if !(shape.is_finite() && shape > 0.0) => {
                Some("must have a shape above 0")
            }
            Self::LogNormal { sigma, .. } if !(sigma.is_finite() && sigma > 0.0) => {
                Some("must have a sigma above 0")
            }
            Self::Constant(_)
            | Self::Uniform { .. }
            | Self::Exponential { .. }
            | Self::Weibull { .. }
            | Self::LogNormal { .. } => None,
        }
    }
}

impl FromStr for Span {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = || BadText::new(text, "distribution", FORMS);
        if text == "none" {
            return Ok(Self::NONE);
        }
        let (name, parameters) = text.split_once(':').ok_or_else(bad)?;
        let median = || duration::parse(parameters);
        let two = |between| parameters.split_once(between).ok_or_else(bad);
        let span = match name {
            "constant" => Self::Constant(median()?),
            "uniform" => {
                let (from, to) = two("..")?;
                let (from, to) = (duration::parse(from)?, duration::parse(to)?);
                Self::Uniform { from, to }
            }
            "exponential" => Self::Exponential { median: median()? },
            "weibull" => {
                let (median, shape) = two(",")?;
                let (median, shape) = (duration::parse(median)?, positive(shape)?);
                Self::Weibull { median, shape }
            }
            "lognormal" => {
                let (median, sigma) = two(",")?;
                let (median, sigma) = (duration::parse(median)?, positive(sigma)?);
                Self::LogNormal { median, sigma }
            }
            _ => return Err(bad()),
        };
        span.problem().map_or(Ok(span), |_| Err(bad()))
    }
}

const FORMS: &str = "none, constant:50ms, uniform:20ms..200ms, exponential:20m, weibull:20m,0.6 \
                     or lognormal:80ms,0.5";

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => f.write_str("none"),
            Self::Constant(always) => write!(f, "constant:{}", duration::format(always)),
            Self::Uniform { from, to } => {
                let (from, to) = (duration::format(from), duration::format(to));
                write!(f, "uniform:{from}..{to}")
            }
            Self::Exponential { median } => write!(f, "exponential:{}", duration::format(median)),
            Self::Weibull { median, shape } => {
                write!(f, "weibull:{},{shape}", duration::format(median))
            }
            Self::LogNormal { median, sigma } => {
                write!(f, "lognormal:{},{sigma}", duration::format(median))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPANS: [&str; 5] = [
        "constant:50ms",
        "uniform:20ms..200ms",
        "exponential:20m",
        "weibull:20m,0.6",
        "lognormal:80ms,0.5",
    ];

    fn span(text: &str) -> Span {
        text.parse().expect(text)
    }

    #[test]
    fn the_text_of_a_span_reads_the_same() {
        for text in SPANS {
            assert_eq!(span(text).to_string(), text);
        }
        assert_eq!(span("none"), Span::NONE);
        assert_eq!(span("constant:0s").to_string(), "none");
    }

    #[test]
    fn bad_spans_are_named() {
        let bad = [
            ("poisson:3s", "\"poisson:3s\" is not a distribution"),
            ("50ms", "\"50ms\" is not a distribution"),
            ("constant:50", "\"50\" is not a duration"),
            ("uniform:20ms", "\"uniform:20ms\" is not a distribution"),
            ("uniform:3s..2s", "\"uniform:3s..2s\" is not a distribution"),
            ("weibull:20m,0", "\"0\" is not a number above zero"),
            ("lognormal:20m,-1", "\"-1\" is not a number above zero"),
            (
                "lognormal:20m,0.5,1",
                "\"0.5,1\" is not a number above zero",
            ),
        ];
        for (text, start) in bad {
            let error = text.parse::<Span>().expect_err(text).to_string();
            assert!(error.starts_with(start) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn half_of_all_draws_are_shorter_than_the_median() {
        for text in SPANS {
            let span = span(text);
            let mut draws: Vec<Duration> = (0..50_000)
                .map(|n| span.draw(&mut Draw::new(1, &[n])))
                .collect();
            draws.sort();
            let (found, expected) = (draws[draws.len() / 2], span.median());
            let off = found.abs_diff(expected).as_secs_f64() / expected.as_secs_f64();
            assert!(off < 0.03, "{text}: {found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn the_mean_is_that_of_all_draws() {
        for text in SPANS {
            let span = span(text);
            let draws = (0..200_000).map(|n| span.draw(&mut Draw::new(1, &[n])).as_secs_f64());
            let (found, expected) = (draws.sum::<f64>() / 200_000.0, span.mean_seconds());
            assert!((found / expected - 1.0).abs() < 0.03, "{text}: {found} s");
        }
    }

    #[test]
    fn what_is_left_is_what_somebody_finds_who_comes_at_any_time() {
        for text in SPANS {
            let span = span(text);
            // Spans one after the other, met at moments that are equally far apart.
            let lengths = (0..100_000).map(|n| span.draw(&mut Draw::new(1, &[n])).as_secs_f64());
            let step = span.mean_seconds() * 0.97;
            let (mut met, mut end) = (Vec::new(), 0.0);
            for length in lengths {
                end += length;
                while met.len() as f64 * step < end {
                    met.push(end - met.len() as f64 * step);
                }
            }
            let mut drawn: Vec<f64> = (0..met.len() as u64)
                .map(|n| span.draw_left(&mut Draw::new(2, &[n])).as_secs_f64())
                .collect();
            met.sort_by(f64::total_cmp);
            drawn.sort_by(f64::total_cmp);
            for tenth in [1, 3, 5, 7, 9] {
                let (met, drawn) = (met[met.len() * tenth / 10], drawn[drawn.len() * tenth / 10]);
                let off = (met - drawn).abs() / met.max(span.mean_seconds());
                assert!(off < 0.03, "{text}, {tenth} tenths: {drawn} s, not {met} s");
            }
        }
    }

    #[test]
    fn parameters_without_sense_are_found() {
        let (day, hour) = (Duration::from_secs(86_400), Duration::from_secs(3600));
        let bad = [
            Span::Uniform {
                from: day,
                to: hour,
            },
            Span::Weibull {
                median: day,
                shape: 0.0,
            },
            Span::Weibull {
                median: day,
                shape: f64::NAN,
            },
            Span::LogNormal {
                median: day,
                sigma: f64::INFINITY,
            },
            Span::LogNormal {
                median: day,
                sigma: -1.0,
            },
        ];
        for span in bad {
            assert!(span.problem().is_some(), "{span}");
            let _anything = span.draw(&mut Draw::new(1, &[]));
            let _anything = span.draw_left(&mut Draw::new(1, &[]));
        }
        assert!(SPANS.iter().all(|text| span(text).problem().is_none()));
    }
}
