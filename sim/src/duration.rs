//! Durations as users write and read them: `250ms`, `1.5s`, `20m`, `3h`.

use std::fmt;
use std::time::Duration;

use crate::text::BadText;

/// Units from the longest down, with their length in nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads a duration: a decimal number and one of the units `d`, `h`, `m`, `s`, `ms`, `us`, `ns`.
///
/// # Errors
/// [`BadText`] when it is something else, longer than the 584 years of virtual time, or no whole
/// number of nanoseconds.
pub fn parse(text: &str) -> Result<Duration, BadText> {
    read(text).ok_or_else(|| BadText::new(text, "duration", "one such as 250ms, 1.5s, 20m or 3h"))
}

/// Writes a duration so that [`parse`] reads the same: with the longest unit that gives a short
/// number.
pub fn format(duration: Duration) -> impl fmt::Display {
    Written(duration)
}

struct Written(Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        // Halves of a second read well; fractions of an hour do not, and may have no end.
        let fits = |&(name, length): &(&str, u128)| {
            nanos.is_multiple_of(length) || (nanos > length && !matches!(name, "d" | "h" | "m"))
        };
        let (name, length) = UNITS.into_iter().find(fits).unwrap_or(("ns", 1));
        let (whole, rest) = (nanos / length, nanos % length);
        if rest == 0 {
            return write!(f, "{whole}{name}");
        }
        // Here the unit is a power of ten, so that its zeros say how many digits a fraction has.
        let digits = usize::try_from(length.ilog10()).unwrap_or_default();
        let fraction = format!("{rest:0digits$}");
        write!(f, "{whole}.{}{name}", fraction.trim_end_matches('0'))
    }
}

fn read(text: &str) -> Option<Duration> {
    let start = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(start);
    let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (digits(whole)?, digits(fraction).map(|_| fraction)?),
        None => (digits(number)?, ""),
    };
    let mut nanos = whole.checked_mul(length)?;
    let mut place = length;
    for digit in fraction.bytes() {
        let part = u128::from(digit - b'0') * place;
        if !part.is_multiple_of(10) {
            return None;
        }
        nanos = nanos.checked_add(part / 10)?;
        place /= 10;
    }
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// The number that some digits, and nothing but digits, make up.
fn digits(text: &str) -> Option<u128> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("250ms", Duration::from_millis(250)),
            ("1.5s", Duration::from_millis(1500)),
            ("20m", Duration::from_secs(1200)),
            ("3h", Duration::from_secs(10_800)),
            ("0.25h", Duration::from_secs(900)),
            ("2d", Duration::from_secs(172_800)),
            ("10us", Duration::from_micros(10)),
            ("0.5us", Duration::from_nanos(500)),
            ("0s", Duration::ZERO),
            ("0.000000001s", Duration::from_nanos(1)),
            ("18446744073709551615ns", Duration::from_nanos(u64::MAX)),
        ];
        for (text, duration) in cases {
            assert_eq!(parse(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_named() {
        let none = [
            "",
            "s",
            "5",
            "20x",
            "-1s",
            "+1s",
            "1 s",
            " 1s",
            ".5s",
            "5.s",
            "1.2.3s",
            "1e3s",
            "0.5ns",
            "0.0000000001s",
            "18446744073709551616ns",
            "99999999999999999999999999999999999999999h",
            "1.99999999999999999999999999999999999999999999999h",
            "5sé",
            "é",
        ];
        for text in none {
            let error = parse(text).expect_err(text).to_string();
            assert!(
                error.starts_with(&format!("{text:?} is not a duration")),
                "{error}"
            );
        }
    }

    #[test]
    fn durations_are_written_short() {
        let cases = [
            (Duration::from_millis(250), "250ms"),
            (Duration::from_millis(1500), "1.5s"),
            (Duration::from_secs(90), "90s"),
            (Duration::from_secs(5400), "90m"),
            (Duration::from_secs(10_800), "3h"),
            (Duration::from_secs(86_400), "1d"),
            (Duration::from_millis(61_500), "61.5s"),
            (Duration::from_nanos(1_050), "1.05us"),
            (Duration::from_nanos(7), "7ns"),
            (Duration::ZERO, "0s"),
        ];
        for (duration, text) in cases {
            assert_eq!(format(duration).to_string(), text);
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        fn holds(nanos: u64, shift: u8) -> bool {
            let duration = Duration::from_nanos(nanos >> (shift % 64));
            parse(&format(duration).to_string()) == Ok(duration)
        }
        quickcheck::quickcheck(holds as fn(u64, u8) -> bool);
    }
}
