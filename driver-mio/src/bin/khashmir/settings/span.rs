//! Spans of time as configuration files write them: a number and a unit, such as `15m` or `2.5h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A span of time. The original has the same units, but for the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// Units, the longest first, and their seconds.
const UNITS: [(&str, u32); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("'{text}' is no span of time such as 500ms, 20s, 15m, 2.5h or 1d");
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = text.split_at(unit_at.ok_or_else(expected)?);
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let number = Some(number).filter(|number| number.chars().all(is_number));
        let number: f64 = number
            .and_then(|number| number.parse().ok())
            .ok_or_else(expected)?;
        let seconds = if unit == "ms" {
            number / 1000.0
        } else {
            let known = UNITS.iter().find(|(name, _)| *name == unit);
            number * f64::from(known.ok_or_else(expected)?.1)
        };
        let span = Duration::try_from_secs_f64(seconds).map_err(|_| expected())?;
        Ok(Self(span))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, seconds) in UNITS {
            let of_unit = u128::from(seconds) * 1000;
            if millis > 0 && millis.is_multiple_of(of_unit) {
                return write!(f, "{}{unit}", millis / of_unit);
            }
        }
        write!(f, "{millis}ms")
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("20s", 20_000),
            ("57m", 57 * 60_000),
            ("2.5h", 9_000_000),
            ("1d", 86_400_000),
            ("0.25s", 250),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Span(Duration::from_millis(millis))),
                "{text}"
            );
        }
        for bad in [
            "", "20", "s", "-1s", "+1s", "1e3s", "1 s", "1w", "1ss", "1.2.3s", "9e999d",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for text in [
            "500ms", "1500ms", "20s", "90s", "57m", "150m", "3h", "2d", "0ms",
        ] {
            let span: Span = text.parse().expect("a span");
            assert_eq!(span.to_string(), text);
        }
    }
}
