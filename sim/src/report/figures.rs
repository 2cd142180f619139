//! The figures of a page: each plot with its title and what it says.

use super::bins::{Bins, TimeSeries, cumulative, quantile, shares};
use super::keeping;
use super::plot::{self, Axes, Bar, Failure, Line, Whole};
use super::scale::{Unit, count, nanos, number, so_many};
use crate::experiment::Details;

/// A plot, and the words that go with it.
pub(super) struct Figure {
    pub(super) title: &'static str,
    /// What it shows, in a sentence or two; plain text.
    pub(super) says: String,
    pub(super) key: Key,
    /// The plot as SVG.
    pub(super) plot: Result<String, Failure>,
}

/// What the colours of a plot mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// There is only one.
    None,
    /// The first and the second.
    Two(&'static str, &'static str),
}

/// All figures for which there is something to show.
pub(super) fn all(details: &Details) -> Vec<Figure> {
    let figures = [
        series(details),
        latency(details),
        latency_cumulative(details),
        hops(details),
        traffic(details),
        depths(details),
        contacts(details),
    ];
    let figures = figures.into_iter().flatten();
    keeping::all(details).into_iter().chain(figures).collect()
}

/// Points of a line that the eye can still tell apart.
const POINTS: usize = 400;

fn latency(details: &Details) -> Option<Figure> {
    let sorted = sorted(details.latencies.iter().map(|took| nanos(*took)));
    let unit = Unit::of_time(*details.latencies.iter().max()?);
    let sorted: Vec<f64> = sorted.into_iter().map(|took| unit.of(took)).collect();
    let bins = Bins::new(&sorted, 0.0)?;
    let marks = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)].map(|(name, share)| {
        let place = quantile(&sorted, share);
        (place, format!("{name} {} {}", number(place), unit.name))
    });
    let inside: Vec<(f64, &str)> = marks
        .iter()
        .filter(|(place, _)| *place < bins.end())
        .map(|(place, name)| (*place, name.as_str()))
        .collect();
    let axes = Axes {
        x: &format!("virtual time, {}", unit.name),
        y: "lookups, %",
        whole: Whole::Any,
    };
    Some(Figure {
        title: "Latency",
        says: format!(
            "How long {} took.{}",
            so_many(sorted.len(), "lookup", "lookups"),
            beyond(&bins, &sorted, unit.name)
        ),
        key: Key::None,
        plot: plot::bars(axes, &columns(&bins), &inside),
    })
}

fn latency_cumulative(details: &Details) -> Option<Figure> {
    let longest = *details.latencies.iter().max()?;
    let unit = Unit::of_time(longest);
    let sorted = sorted(details.latencies.iter().map(|took| unit.of(nanos(*took))));
    let line: Line = cumulative(&sorted, POINTS)
        .into_iter()
        .map(|(took, share)| (took, share * 100.0))
        .collect();
    let named = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0)]
        .map(|(name, percent)| (quantile(&sorted, percent / 100.0), percent, name));
    let axes = Axes {
        x: &format!("virtual time, {}", unit.name),
        y: "lookups that took no longer, %",
        whole: Whole::Any,
    };
    Some(Figure {
        title: "Latency, cumulative",
        says: format!(
            "The whole range: the slowest lookup took {} {}.",
            number(unit.of(nanos(longest))),
            unit.name
        ),
        key: Key::None,
        plot: plot::rise(axes, &line, &named),
    })
}

fn hops(details: &Details) -> Option<Figure> {
    if details.hops.is_empty() {
        return None;
    }
    let axes = Axes {
        x: "hops",
        y: "lookups, %",
        whole: Whole::Numbers,
    };
    let bars = each(shares(&details.hops).into_iter().map(|share| share * 100.0));
    Some(Figure {
        title: "Hops",
        says: "The depth at which the closest node was found; the asker’s own table is depth 1."
            .to_owned(),
        key: Key::None,
        plot: plot::bars(axes, &bars, &[]),
    })
}

fn series(details: &Details) -> Option<Figure> {
    let series = TimeSeries::new(&details.endings)?;
    let unit = Unit::of_time(series.end());
    let groups = series.groups();
    let line = |share: &dyn Fn(super::bins::Shares) -> f64| -> Vec<Line> {
        let step = |(at, shares): &(std::time::Duration, super::bins::Shares)| {
            let height = share(*shares) * 100.0;
            let (from, to) = (nanos(*at), nanos(*at + series.span));
            [(unit.of(from), height), (unit.of(to), height)]
        };
        let lines = groups.iter();
        lines
            .map(|group| group.iter().flat_map(step).collect())
            .collect()
    };
    let (success, exact) = (line(&|shares| shares.success), line(&|shares| shares.exact));
    let low = exact.iter().flatten().map(|(_, height)| *height);
    let floor = floor(low.fold(100.0, f64::min));
    let air = (100.0 - floor) * 0.05;
    let axes = Axes {
        x: &format!("virtual time, {}", unit.name),
        y: "lookups, %",
        whole: Whole::Any,
    };
    let x = unit.of(nanos(series.start))..unit.of(nanos(series.end()));
    let note = if floor > 0.0 {
        format!(" The scale begins at {} %.", number(floor))
    } else {
        String::new()
    };
    Some(Figure {
        title: "Success over time",
        says: format!(
            "How good the results were, by the time at which lookups ended, in spans of {}.{note}",
            crate::duration::format(series.span)
        ),
        key: Key::Two("found the closest", "exactly the K closest"),
        plot: plot::steps(axes, x, floor..100.0 + air, [&success, &exact]),
    })
}

/// Where a scale of percentages begins that shows how the lowest of them differ from 100.
pub(super) fn floor(lowest: f64) -> f64 {
    if lowest >= 100.0 {
        return 0.0;
    }
    let floors = [99.9, 99.0, 90.0, 50.0];
    floors
        .into_iter()
        .find(|floor| lowest >= *floor)
        .unwrap_or(0.0)
}

fn traffic(details: &Details) -> Option<Figure> {
    let bytes = &details.bytes_sent_per_node;
    let unit = Unit::of_bytes(*bytes.iter().max()?);
    let sorted = sorted(bytes.iter().map(|bytes| unit.of(*bytes as f64)));
    let bins = Bins::new(&sorted, 1.0 / unit.size)?;
    let axes = Axes {
        x: &format!("sent, {}", unit.name),
        y: "nodes, %",
        whole: Whole::Any,
    };
    Some(Figure {
        title: "Traffic of a node",
        says: format!(
            "What each node sent during the whole run, its answers and its upkeep included; half \
             of them no more than {} {}.{}",
            number(quantile(&sorted, 0.5)),
            unit.name,
            beyond(&bins, &sorted, unit.name)
        ),
        key: Key::None,
        plot: plot::bars(axes, &columns(&bins), &[]),
    })
}

fn depths(details: &Details) -> Option<Figure> {
    let depths = &details.contacts_by_depth;
    let last = depths.iter().rposition(|contacts| *contacts > 0.0)?;
    let axes = Axes {
        x: "depth of the bucket",
        y: "contacts in it, mean",
        whole: Whole::Numbers,
    };
    Some(Figure {
        title: "Table fill by depth",
        says:
            "Contacts in a bucket. The bucket of depth 0 is for the far half of all identifiers, \
               the next for half of the rest, and so on."
                .to_owned(),
        key: Key::None,
        plot: plot::bars(axes, &each(depths[..=last].iter().copied()), &[]),
    })
}

fn contacts(details: &Details) -> Option<Figure> {
    let sorted = sorted(
        details
            .contacts_per_node
            .iter()
            .map(|contacts| f64::from(*contacts)),
    );
    let bins = Bins::new(&sorted, 1.0)?;
    let axes = Axes {
        x: "contacts",
        y: "nodes, %",
        whole: Whole::Numbers,
    };
    // Each bar stands around its whole numbers, not to the right of the first.
    let bars: Vec<Bar> = columns(&bins)
        .into_iter()
        .map(|(place, share)| (place.start - 0.5..place.end - 0.5, share))
        .collect();
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    Some(Figure {
        title: "Table fill of a node",
        says: format!(
            "Contacts in the tables of {}; {} as a mean.{}",
            so_many(sorted.len(), "node", "nodes"),
            number(mean),
            beyond(&bins, &sorted, "contacts")
        ),
        key: Key::None,
        plot: plot::bars(axes, &bars, &[]),
    })
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Bars around 0, 1, 2, and so on.
fn each(heights: impl Iterator<Item = f64>) -> Vec<Bar> {
    let centers = (0_u32..).map(f64::from);
    let bars = centers.zip(heights);
    bars.map(|(center, height)| (center - 0.5..center + 0.5, height))
        .collect()
}

/// A bar for each bin, in percent.
fn columns(bins: &Bins) -> Vec<Bar> {
    let starts = (0_u32..).map(|index| bins.start + bins.width * f64::from(index));
    let bars = starts.zip(&bins.shares);
    bars.map(|(start, share)| (start..start + bins.width, share * 100.0))
        .collect()
}

/// What is not in the plot.
fn beyond(bins: &Bins, sorted: &[f64], unit: &str) -> String {
    let most = number(sorted.last().copied().unwrap_or_default());
    match bins.beyond {
        0 => String::new(),
        1 => format!(" Not shown: one of {most} {unit}."),
        more => format!(" Not shown: {} of up to {most} {unit}.", count(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_begins_where_differences_show() {
        let cases = [
            (100.0, 0.0),
            (99.95, 99.9),
            (99.5, 99.0),
            (93.0, 90.0),
            (60.0, 50.0),
            (12.0, 0.0),
        ];
        for (lowest, begin) in cases {
            assert_eq!(floor(lowest), begin, "{lowest}");
        }
    }
}
