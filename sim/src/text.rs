//! What is wrong with a piece of text that a user wrote: one line that names it and says what was
//! expected.

use std::error::Error;
use std::fmt;

/// Text that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadText {
    text: String,
    what: &'static str,
    expected: &'static str,
}

impl BadText {
    /// `text` is not a `what`, as which `expected` would do.
    pub(crate) fn new(text: &str, what: &'static str, expected: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            what,
            expected,
        }
    }
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            text,
            what,
            expected,
        } = self;
        write!(f, "{text:?} is not a {what}: write {expected}")
    }
}

impl Error for BadText {}

/// Reads a probability, a number from 0 to 1.
pub(crate) fn probability(text: &str) -> Result<f64, BadText> {
    let expected = "a number from 0 to 1";
    let bad = || BadText::new(text, "probability", expected);
    let number: f64 = text.parse().map_err(|_| bad())?;
    // A negative zero would be printed with its sign.
    let number = if number == 0.0 { 0.0 } else { number };
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(bad())
    }
}

/// Reads a number above zero, such as the shape of a distribution.
pub(crate) fn positive(text: &str) -> Result<f64, BadText> {
    let number = text.parse().ok();
    let number = number.filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| BadText::new(text, "number above zero", "one such as 0.5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_probability_is_named() {
        for text in ["1.5", "-0.1", "NaN", "inf", "", "half"] {
            let error = probability(text).expect_err(text);
            let expected = format!("{text:?} is not a probability: write a number from 0 to 1");
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(probability("0.25"), Ok(0.25));
        assert_eq!(probability("-0").map(f64::to_bits), Ok(0));
        assert_eq!(probability("1"), Ok(1.0));
    }

    #[test]
    fn a_shape_is_above_zero_and_finite() {
        for text in ["0", "-1", "NaN", "inf", "x"] {
            assert!(positive(text).is_err(), "{text}");
        }
        assert_eq!(positive("0.6"), Ok(0.6));
    }
}
