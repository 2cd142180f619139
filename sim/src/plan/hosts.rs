//! Sets of hosts, as plans name them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::host::HostId;
use crate::text::BadText;

/// A set of hosts.
///
/// It is written as names and ranges with commas, such as `n03,n05..n07`, or as `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSet {
    /// Ascending, with a gap between each and the next.
    ranges: Vec<RangeInclusive<u32>>,
}

impl HostSet {
    /// Every host that there can be.
    #[must_use]
    pub fn all() -> Self {
        Self {
            ranges: vec![0..=u32::MAX],
        }
    }

    /// The first so many hosts.
    #[must_use]
    pub fn first(count: u32) -> Self {
        count
            .checked_sub(1)
            .map_or_else(Self::default, |last| Self {
                ranges: vec![0..=last],
            })
    }

    /// Whether it is every host that there can be.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        let length = |range: &RangeInclusive<u32>| u64::from(range.end() - range.start()) + 1;
        self.ranges.iter().map(length).sum()
    }

    /// Whether a host is among them.
    #[must_use]
    pub fn contains(&self, host: HostId) -> bool {
        let number = host.number();
        let at = self.ranges.partition_point(|range| *range.end() < number);
        self.ranges
            .get(at)
            .is_some_and(|range| range.contains(&number))
    }

    /// The hosts, ascending.
    pub fn iter(&self) -> impl Iterator<Item = HostId> + '_ {
        self.ranges.iter().cloned().flatten().map(HostId::new)
    }

    /// The one with the highest number.
    #[must_use]
    pub fn last(&self) -> Option<HostId> {
        self.ranges.last().map(|range| HostId::new(*range.end()))
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let overlap = |a: &RangeInclusive<u32>, b: &RangeInclusive<u32>| {
            let (from, to) = (*a.start().max(b.start()), *a.end().min(b.end()));
            (from <= to).then_some(from..=to)
        };
        let ranges = self.ranges.iter();
        ranges
            .flat_map(|a| other.ranges.iter().filter_map(move |b| overlap(a, b)))
            .collect()
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.ranges.clone();
        for gone in &other.ranges {
            let cut = |range: RangeInclusive<u32>| {
                let (from, to) = (*range.start(), *range.end());
                let below = (*gone.start()).checked_sub(1).map(|end| from..=end.min(to));
                let above = (*gone.end())
                    .checked_add(1)
                    .map(|start| start.max(from)..=to);
                [below, above].into_iter().flatten()
            };
            rest = rest.into_iter().flat_map(cut).collect();
            rest.retain(|range| !range.is_empty());
        }
        Self { ranges: rest }
    }
}

/// Ranges in any order, with or without gaps.
impl FromIterator<RangeInclusive<u32>> for HostSet {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u32>>>(ranges: I) -> Self {
        let mut all: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect();
        all.sort_unstable_by_key(|range| *range.start());
        let mut set = Self::default();
        for range in all {
            match set.ranges.last_mut() {
                Some(last) if u64::from(*range.start()) <= u64::from(*last.end()) + 1 => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                Some(_) | None => set.ranges.push(range),
            }
        }
        set
    }
}

impl FromIterator<HostId> for HostSet {
    fn from_iter<I: IntoIterator<Item = HostId>>(hosts: I) -> Self {
        let single = |host: HostId| host.number()..=host.number();
        hosts.into_iter().map(single).collect()
    }
}

impl From<HostId> for HostSet {
    fn from(host: HostId) -> Self {
        std::iter::once(host).collect()
    }
}

impl FromStr for HostSet {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        if text == "all" {
            return Ok(Self::all());
        }
        let range = |part: &str| match part.split_once("..") {
            None => host(part).map(|host| host.number()..=host.number()),
            Some((from, to)) => {
                let (from, to) = (host(from)?, host(to)?);
                let forward = (from <= to).then_some(from.number()..=to.number());
                forward.ok_or_else(|| BadText::new(part, "range of hosts", "the lower one first"))
            }
        };
        text.split(',').map(range).collect()
    }
}

impl fmt::Display for HostSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        for (place, range) in self.ranges.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            let (from, to) = (HostId::new(*range.start()), HostId::new(*range.end()));
            write!(f, "{from}")?;
            if from < to {
                write!(f, "..{to}")?;
            }
        }
        Ok(())
    }
}

/// Reads the name of a host, such as `n03`.
pub(super) fn host(text: &str) -> Result<HostId, BadText> {
    let number = text
        .strip_prefix('n')
        .and_then(|digits| digits.parse().ok());
    let number = number.filter(|number| *number < HostId::ADDRESSES);
    number
        .map(HostId::new)
        .ok_or_else(|| BadText::new(text, "host", "one such as n03"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quickcheck::quickcheck;

    use super::*;

    fn set(hosts: &BTreeSet<u8>) -> HostSet {
        hosts.iter().map(|n| HostId::new((*n).into())).collect()
    }

    fn plain(set: &HostSet) -> BTreeSet<u8> {
        set.iter()
            .map(|host| u8::try_from(host.number()).expect("small"))
            .collect()
    }

    quickcheck! {
        fn sets_are_sets(a: BTreeSet<u8>, b: BTreeSet<u8>) -> bool {
            let (one, two) = (set(&a), set(&b));
            plain(&one) == a
                && one.len() == a.len() as u64
                && plain(&one.and(&two)) == &a & &b
                && plain(&one.without(&two)) == &a - &b
                && one.and(&HostSet::all()) == one
                && (0..=255).all(|n| one.contains(HostId::new(n.into())) == a.contains(&n))
        }

        fn the_text_of_a_set_reads_the_same(hosts: BTreeSet<u8>) -> bool {
            let set = set(&hosts);
            set.is_empty() || set.to_string().parse() == Ok(set)
        }
    }

    #[test]
    fn sets_are_written_shortly() {
        let set: HostSet = "n7,n05..n06,n1".parse().expect("a set");
        assert_eq!(set.to_string(), "n01,n05..n07");
        assert_eq!(HostSet::first(3).to_string(), "n00..n02");
        assert_eq!("all".parse(), Ok(HostSet::all()));
        for (text, start) in [
            ("", "\"\" is not a host"),
            ("n1,x2", "\"x2\" is not a host"),
            ("n5..n1", "\"n5..n1\" is not a range of hosts"),
        ] {
            let error = text.parse::<HostSet>().expect_err(text).to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
