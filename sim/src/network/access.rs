//! The line between a host and the rest of the network: its rate, and the queue before it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use khashmir::Instant;

use crate::text::BadText;

use super::HEADERS;
use super::fate::LossCause;

/// How fast a host's line is, and how much waits for it before datagrams are dropped.
///
/// It is written as `UP/DOWN,QUEUE`, such as `10Mbit/50Mbit,64kB`: bits a second and bytes, with the
/// decimal prefixes `k`, `M`, `G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Bits a second from the host.
    pub up: u64,
    /// Bits a second to the host.
    pub down: u64,
    /// Bytes that each direction holds, the packet under way included. What does not fit any more
    /// is dropped, but an empty line takes any packet.
    pub queue: u64,
}

impl Access {
    /// What is wrong with the numbers, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let still = self.up == 0 || self.down == 0;
        still.then_some("must have rates above 0")
    }
}

impl FromStr for Access {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let read = || {
            let (rates, queue) = text.split_once(',')?;
            let (up, down) = rates.split_once('/')?;
            Some(Self {
                up: quantity(up, "bit")?,
                down: quantity(down, "bit")?,
                queue: quantity(queue, "B")?,
            })
        };
        let access = read().filter(|access| access.problem().is_none());
        access.ok_or_else(|| BadText::new(text, "line", "one such as 10Mbit/50Mbit,64kB"))
    }
}

const PREFIXES: [(&str, u64); 4] = [
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("", 1),
];

fn quantity(text: &str, unit: &str) -> Option<u64> {
    let number = text.strip_suffix(unit)?;
    let (number, factor) = PREFIXES
        .iter()
        .find_map(|(prefix, factor)| Some((number.strip_suffix(prefix)?, factor)))?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number
        .parse::<u64>()
        .ok()
        .filter(|_| plain)?
        .checked_mul(*factor)
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |number: u64| {
            let fits = |(_, factor): &&(&str, u64)| number != 0 && number.is_multiple_of(*factor);
            let (prefix, factor) = PREFIXES.iter().find(fits).unwrap_or(&("", 1));
            format!("{}{prefix}", number / factor)
        };
        let (up, down, queue) = (short(self.up), short(self.down), short(self.queue));
        write!(f, "{up}bit/{down}bit,{queue}B")
    }
}

/// A host's line at work.
#[derive(Debug)]
pub(super) struct Line {
    access: Access,
    /// When it has sent all that waits.
    up_free: Instant,
    /// When it has received all that waits.
    down_free: Instant,
}

impl Line {
    pub(super) const fn new(access: Access) -> Self {
        Self {
            access,
            up_free: Instant::ORIGIN,
            down_free: Instant::ORIGIN,
        }
    }

    /// Takes a datagram from the host; how long until the last of it has left.
    pub(super) fn send(&mut self, now: Instant, len: usize) -> Result<Duration, LossCause> {
        pass(
            &mut self.up_free,
            self.access.up,
            self.access.queue,
            now,
            len,
        )
    }

    /// Takes a datagram for the host; how long until the last of it is there.
    pub(super) fn receive(&mut self, now: Instant, len: usize) -> Result<Duration, LossCause> {
        pass(
            &mut self.down_free,
            self.access.down,
            self.access.queue,
            now,
            len,
        )
    }
}

fn pass(
    free: &mut Instant,
    rate: u64,
    queue: u64,
    now: Instant,
    len: usize,
) -> Result<Duration, LossCause> {
    const BIT_NANOS: u128 = 8_000_000_000;
    let bytes = (len + HEADERS) as u128;
    let rate = u128::from(rate.max(1));
    let backlog = free.since(now).as_nanos();
    let waiting = (backlog * rate).div_ceil(BIT_NANOS);
    if waiting > 0 && waiting + bytes > u128::from(queue) {
        return Err(LossCause::Queue);
    }
    let nanos = backlog + (bytes * BIT_NANOS).div_ceil(rate);
    let delay = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    *free = now + delay;
    Ok(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A byte takes a microsecond up and a tenth of one down.
    fn line(queue: u64) -> Line {
        Line::new(Access {
            up: 8_000_000,
            down: 80_000_000,
            queue,
        })
    }

    #[test]
    fn the_text_of_an_access_reads_the_same() {
        for text in [
            "10Mbit/50Mbit,64kB",
            "1Gbit/1500kbit,0B",
            "7bit/33kbit,1500B",
        ] {
            let access: Access = text.parse().expect(text);
            assert_eq!(access.to_string(), text);
        }
        let access: Access = "10Mbit/50Mbit,64kB".parse().expect("right");
        assert_eq!(
            (access.up, access.down, access.queue),
            (10_000_000, 50_000_000, 64_000)
        );
    }

    #[test]
    fn bad_lines_are_named() {
        for text in [
            "",
            "10Mbit",
            "10M/50M,64k",
            "10Mbit/50Mbit",
            "0bit/1bit,1B",
            "+1bit/1bit,1B",
            "1.5Mbit/1bit,1B",
            "bit/bit,B",
            "99999999999Gbit/1bit,1B",
        ] {
            let error = text.parse::<Access>().expect_err(text).to_string();
            assert!(
                error.starts_with(&format!("{text:?} is not a line")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_datagram_takes_its_length_and_waits_for_those_before_it() {
        let mut line = line(10_000);
        let now = Instant::ORIGIN;
        assert_eq!(line.send(now, 972), Ok(MILLISECOND));
        assert_eq!(line.send(now, 972), Ok(2 * MILLISECOND));
        assert_eq!(
            line.receive(now, 972),
            Ok(MILLISECOND / 10),
            "the other way is free"
        );
        assert_eq!(
            line.send(now + MILLISECOND / 2, 972),
            Ok(MILLISECOND * 5 / 2)
        );
        assert_eq!(
            line.send(now + 10 * MILLISECOND, 972),
            Ok(MILLISECOND),
            "all have left"
        );
    }

    #[test]
    fn what_does_not_fit_into_the_queue_is_dropped_and_takes_no_room() {
        let mut line = line(2_500);
        let now = Instant::ORIGIN;
        assert_eq!(line.send(now, 972), Ok(MILLISECOND));
        assert_eq!(line.send(now, 972), Ok(2 * MILLISECOND));
        assert_eq!(line.send(now, 972), Err(LossCause::Queue));
        assert_eq!(
            line.send(now, 472),
            Ok(MILLISECOND * 5 / 2),
            "500 bytes still fit"
        );
        assert_eq!(line.send(now + MILLISECOND, 972), Ok(MILLISECOND * 5 / 2));
    }

    #[test]
    fn an_empty_line_takes_a_packet_longer_than_its_queue() {
        let mut line = line(0);
        let now = Instant::ORIGIN;
        assert_eq!(line.send(now, 972), Ok(MILLISECOND));
        assert_eq!(line.send(now, 0), Err(LossCause::Queue));
        assert_eq!(
            line.send(now + MILLISECOND, 0),
            Ok(Duration::from_micros(28))
        );
    }

    #[test]
    fn a_line_never_carries_more_than_its_rate_and_keeps_the_order() {
        fn holds(steps: Vec<(u16, u16)>) -> bool {
            let mut line = line(20_000);
            let (mut now, mut bytes, mut last) = (Instant::ORIGIN, 0, Instant::ORIGIN);
            for (pause, len) in steps {
                now = now + Duration::from_micros(pause.into());
                if let Ok(delay) = line.send(now, len.into()) {
                    bytes += u64::from(len) + HEADERS as u64;
                    if now + delay <= last || (now + delay).as_nanos() < bytes * 1000 {
                        return false;
                    }
                    last = now + delay;
                }
            }
            true
        }
        quickcheck::quickcheck(holds as fn(Vec<(u16, u16)>) -> bool);
    }
}
