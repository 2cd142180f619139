//! Numbers as people read them: units that suit their size, round steps, and thousands apart.

use std::time::Duration;

/// A unit for the numbers of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    /// How many base units make one: nanoseconds or bytes.
    pub(super) size: f64,
}

const TIMES: [Unit; 4] = [
    Unit {
        name: "ms",
        size: 1e6,
    },
    Unit {
        name: "s",
        size: 1e9,
    },
    Unit {
        name: "min",
        size: 60e9,
    },
    Unit {
        name: "h",
        size: 3600e9,
    },
];

const BYTES: [Unit; 4] = [
    Unit {
        name: "B",
        size: 1.0,
    },
    Unit {
        name: "kB",
        size: 1e3,
    },
    Unit {
        name: "MB",
        size: 1e6,
    },
    Unit {
        name: "GB",
        size: 1e9,
    },
];

/// How many of a unit there must be before a longer one is used: 5 s rather than 5000 ms, but
/// 90 s rather than 1.5 min.
const ENOUGH: f64 = 5.0;

impl Unit {
    /// The unit for times up to that.
    pub(super) fn of_time(longest: Duration) -> Self {
        Self::choose(&TIMES, nanos(longest))
    }

    /// The unit for so many bytes at most.
    pub(super) fn of_bytes(most: u64) -> Self {
        Self::choose(&BYTES, most as f64)
    }

    /// That many nanoseconds or bytes in this unit.
    pub(super) fn of(self, amount: f64) -> f64 {
        amount / self.size
    }

    fn choose(units: &[Self; 4], most: f64) -> Self {
        let fits = |unit: &&Self| unit.size * ENOUGH <= most;
        *units.iter().rev().find(fits).unwrap_or(&units[0])
    }
}

pub(super) fn nanos(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// The smallest of 1, 2, 5, 10, 20, 50, and so on up and down, that is no less than that.
pub(super) fn round_up(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let mut power = 1.0;
    while power > step {
        power /= 10.0;
    }
    while power * 10.0 <= step {
        power *= 10.0;
    }
    let rounds = [1.0, 2.0, 5.0].map(|digit| digit * power);
    // Division may have left a power slightly beside its place.
    let fits = |round: &f64| *round >= step * (1.0 - 1e-9);
    rounds.into_iter().find(fits).unwrap_or(power * 10.0)
}

/// A number with as few decimals as its size allows, thousands apart.
pub(super) fn number(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    let text = decimal(value, places);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A number with so many decimals, thousands apart.
pub(super) fn decimal(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    // What was rounded to nothing has no sign.
    let nothing = text.chars().all(|char| matches!(char, '-' | '0' | '.'));
    let text = if nothing {
        text.trim_start_matches('-')
    } else {
        &text
    };
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", thousands(whole)),
        None => thousands(text),
    }
}

/// How many decimals multiples of a step need to be told apart.
pub(super) fn decimals(step: f64) -> usize {
    let mut scaled = step.abs();
    for places in 0..9 {
        if (scaled - scaled.round()).abs() < 1e-6 * scaled {
            return places;
        }
        scaled *= 10.0;
    }
    9
}

/// So many of something.
pub(super) fn so_many(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("one {one}"),
        number => format!("{} {more}", count(number)),
    }
}

/// A count, thousands apart.
pub(super) fn count(count: usize) -> String {
    thousands(&count.to_string())
}

/// A figure that is looked at first: its name, and itself as text.
pub(super) type Tile = (&'static str, String);

/// A share in percent, which is 100 only if nothing is missing, and 0 only if nothing is there.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    match text.as_str() {
        "100.000" if share < 1.0 => "> 99.999 %".to_owned(),
        "0.000" if share > 0.0 => "< 0.001 %".to_owned(),
        text => format!("{} %", text.trim_end_matches('0').trim_end_matches('.')),
    }
}

fn thousands(digits: &str) -> String {
    let start = usize::from(digits.starts_with('-'));
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > start && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_suit_the_size() {
        let cases = [
            (0, "ms"),
            (4_999, "ms"),
            (5_000, "s"),
            (299_999, "s"),
            (300_000, "min"),
            (36_000_000, "h"),
        ];
        for (millis, name) in cases {
            assert_eq!(
                Unit::of_time(Duration::from_millis(millis)).name,
                name,
                "{millis} ms"
            );
        }
        for (bytes, name) in [(0, "B"), (5_000, "kB"), (u64::MAX, "GB")] {
            assert_eq!(Unit::of_bytes(bytes).name, name, "{bytes} B");
        }
        assert_eq!(Unit::of_bytes(7_500).of(7_500.0), 7.5);
    }

    #[test]
    fn steps_are_round() {
        let cases = [
            (0.3, 0.5),
            (1.0, 1.0),
            (1.1, 2.0),
            (2.5, 5.0),
            (7.0, 10.0),
            (430.0, 500.0),
            (0.001, 0.001),
        ];
        for (step, round) in cases {
            let got = round_up(step);
            assert!((got - round).abs() < round * 1e-9, "{step}: {got}");
        }
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(round_up(odd), 1.0, "{odd}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.00001, "0"),
            (0.25, "0.25"),
            (2.6789, "2.68"),
            (99.5, "99.5"),
            (1234.5, "1,234"),
            (1_000_000.0, "1,000,000"),
            (-123_456.0, "-123,456"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!([count(0), count(999), count(1000)], ["0", "999", "1,000"]);
    }

    #[test]
    fn decimals_tell_steps_apart() {
        for (step, places) in [
            (50.0, 0),
            (2.0, 0),
            (0.5, 1),
            (0.2, 1),
            (0.25, 2),
            (0.002, 3),
        ] {
            assert_eq!(decimals(step), places, "{step}");
        }
        assert_eq!(decimals(0.0), 9);
        assert_eq!([decimal(1500.0, 1), decimal(-0.01, 1)], ["1,500.0", "0.0"]);
    }

    #[test]
    fn one_is_not_many() {
        let told = [1, 2, 1000].map(|number| so_many(number, "node", "nodes"));
        assert_eq!(told, ["one node", "2 nodes", "1,000 nodes"]);
    }

    #[test]
    fn a_share_is_whole_only_if_nothing_is_missing() {
        let cases = [
            (1.0, "100 %"),
            (0.999_999_9, "> 99.999 %"),
            (0.99985, "99.985 %"),
            (0.5, "50 %"),
            (0.000_000_1, "< 0.001 %"),
            (0.0, "0 %"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }
}
