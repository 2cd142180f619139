//! Latency by geography: hosts live in regions of the world, and a table says how far those are
//! apart.
//!
//! # Where the figures come from
//!
//! The round trips between regions are Microsoft's "Azure network round-trip latency statistics"
//! (learn.microsoft.com/azure/networking/azure-network-latency), the medians of the 30 days up to
//! 30 July 2026, each the mean of both directions, rounded to 5 ms. Each of our regions is
//! represented by one region of Azure, named below; the diagonal is the way to a second one near
//! it. For Brazil there is no second one, and 15 ms is a guess.
//!
//! A cloud's backbone is not the Internet, so three assumptions of our own are put on top, which
//! are plausible and not measured: what share of hosts lives where ([`Region::percent`]); that a way
//! between two hosts is up to half as long again as the backbone ([`STRETCH`]); and that each host
//! has a last mile, the same for all its links ([`LAST_MILE`] one way, log-normal).

use std::fmt;
use std::time::Duration;

use crate::host::HostId;
use crate::random::{Draw, topic};

use super::links::pair_draw;

/// The longest that a way between two hosts is, in percent of the table's.
pub const STRETCH: u64 = 150;

/// The median of the one-way delay between a host and its region's network.
pub const LAST_MILE: Duration = Duration::from_millis(6);

const LAST_MILE_SIGMA: f64 = 0.7;

const PLACE: u64 = topic("network/place");
const PATH: u64 = topic("network/path");

/// A region of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// The east of North America: East US; East US 2.
    NorthAmericaEast,
    /// The west of North America: West US; West US 2.
    NorthAmericaWest,
    /// South America: Brazil South.
    SouthAmerica,
    /// The west of Europe: West Europe (Netherlands); France Central.
    EuropeWest,
    /// The east of Europe: Poland Central; Austria East.
    EuropeEast,
    /// Africa: South Africa North; South Africa West.
    Africa,
    /// South Asia: Central India; South India.
    SouthAsia,
    /// The south east of Asia: Southeast Asia (Singapore); Indonesia Central.
    SoutheastAsia,
    /// East Asia: Japan East; Japan West.
    EastAsia,
    /// Oceania: Australia East; Australia Southeast.
    Oceania,
}

impl Region {
    /// All regions.
    pub const ALL: [Self; 10] = [
        Self::NorthAmericaEast,
        Self::NorthAmericaWest,
        Self::SouthAmerica,
        Self::EuropeWest,
        Self::EuropeEast,
        Self::Africa,
        Self::SouthAsia,
        Self::SoutheastAsia,
        Self::EastAsia,
        Self::Oceania,
    ];

    /// How many of a hundred hosts live there.
    #[must_use]
    pub const fn percent(self) -> u64 {
        match self {
            Self::NorthAmericaEast => 14,
            Self::EuropeWest => 24,
            Self::EuropeEast => 18,
            Self::NorthAmericaWest | Self::SouthAmerica | Self::SouthAsia => 8,
            Self::SoutheastAsia | Self::EastAsia => 7,
            Self::Africa => 4,
            Self::Oceania => 2,
        }
    }

    /// The time there and back between the networks of two regions.
    #[must_use]
    pub const fn round_trip(self, other: Self) -> Duration {
        let (a, b) = (self as usize, other as usize);
        let (row, column) = if a < b { (b, a) } else { (a, b) };
        Duration::from_millis(ROUND_TRIPS[row][column])
    }
}

/// Milliseconds; the upper half is the same.
const ROUND_TRIPS: [&[u64]; 10] = [
    &[10],
    &[70, 25],
    &[120, 170, 15],
    &[85, 145, 185, 15],
    &[100, 160, 205, 25, 15],
    &[220, 275, 320, 165, 185, 20],
    &[200, 220, 305, 140, 150, 130, 20],
    &[225, 170, 330, 170, 185, 175, 55, 15],
    &[160, 110, 260, 235, 250, 250, 120, 70, 10],
    &[200, 140, 295, 265, 280, 330, 145, 95, 105, 15],
];

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NorthAmericaEast => "North America, east",
            Self::NorthAmericaWest => "North America, west",
            Self::SouthAmerica => "South America",
            Self::EuropeWest => "Europe, west",
            Self::EuropeEast => "Europe, east",
            Self::Africa => "Africa",
            Self::SouthAsia => "South Asia",
            Self::SoutheastAsia => "Southeast Asia",
            Self::EastAsia => "East Asia",
            Self::Oceania => "Oceania",
        })
    }
}

/// Where a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region in which it lives.
    pub region: Region,
    /// The one-way delay between it and the region's network.
    pub last_mile: Duration,
}

impl Place {
    /// Where a host is, by the seed.
    #[must_use]
    pub fn of(seed: u64, host: HostId) -> Self {
        let mut draw = Draw::new(seed, &[PLACE, host.number().into()]);
        let mut percent = draw.below(100);
        let lives = |region: &&Region| {
            let here = percent < region.percent();
            percent = percent.saturating_sub(region.percent());
            here
        };
        Self {
            region: *Region::ALL.iter().find(lives).unwrap_or(&Region::Oceania),
            last_mile: draw.log_normal(LAST_MILE, LAST_MILE_SIGMA),
        }
    }
}

/// The one-way delay of the link between two hosts, the same both ways.
pub(super) fn delay(seed: u64, a: HostId, b: HostId) -> Duration {
    let (here, there) = (Place::of(seed, a), Place::of(seed, b));
    let stretch = 100 + pair_draw(seed, PATH, a, b).below(STRETCH - 100 + 1);
    let stretch = u32::try_from(stretch).unwrap_or(100);
    let way = here.region.round_trip(there.region) / 2 * stretch / 100;
    way.saturating_add(here.last_mile)
        .saturating_add(there.last_mile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_the_shares_make_a_hundred() {
        for (number, row) in ROUND_TRIPS.iter().enumerate() {
            assert_eq!(row.len(), number + 1);
            assert_eq!(Region::ALL[number] as usize, number);
            assert!(
                row.iter().all(|millis| *millis >= row[number]),
                "near is nearer than far"
            );
        }
        assert_eq!(Region::ALL.map(Region::percent).iter().sum::<u64>(), 100);
        let (tokyo, sydney) = (Region::EastAsia, Region::Oceania);
        assert_eq!(tokyo.round_trip(sydney), Duration::from_millis(105));
        assert_eq!(sydney.round_trip(tokyo), Duration::from_millis(105));
    }

    #[test]
    fn hosts_live_where_the_shares_say() {
        const HOSTS: u32 = 50_000;
        let mut lives = [0_u64; 10];
        for number in 0..HOSTS {
            lives[Place::of(1, HostId::new(number)).region as usize] += 1;
        }
        for region in Region::ALL {
            let expected = u64::from(HOSTS) * region.percent() / 100;
            let found = lives[region as usize];
            assert!(
                found.abs_diff(expected) < expected / 10,
                "{region}: {found}"
            );
        }
    }

    #[test]
    fn last_miles_have_their_median_and_belong_to_the_host() {
        let mut miles: Vec<Duration> = (0..20_000)
            .map(|number| Place::of(1, HostId::new(number)).last_mile)
            .collect();
        let host = HostId::new(17);
        assert_eq!(Place::of(1, host).last_mile, miles[17]);
        assert_ne!(Place::of(2, host).last_mile, miles[17]);
        miles.sort();
        let median = miles[miles.len() / 2];
        assert!(median.abs_diff(LAST_MILE) < LAST_MILE / 20, "{median:?}");
    }

    #[test]
    fn a_way_is_no_shorter_than_the_table_and_not_much_longer() {
        for number in 0..2000 {
            let (a, b) = (HostId::new(number), HostId::new(number * 7 + 1));
            let (here, there) = (Place::of(1, a), Place::of(1, b));
            let backbone = here.region.round_trip(there.region) / 2;
            let way = delay(1, a, b) - here.last_mile - there.last_mile;
            assert!(
                way >= backbone && way <= backbone * 3 / 2,
                "{way:?} for {backbone:?}"
            );
        }
    }
}
