//! The figures of values that are kept: whether reads find them, how many copies there are, and
//! what that takes, over time.

use super::figures::{Figure, Key, floor};
use super::plot::{self, Axes, Line, Whole};
use super::scale::{Tile, Unit, nanos, number, percent};
use crate::experiment::{Details, KeepingFigures, KeepingPoint};

/// All of them, none if nothing was kept.
pub(super) fn all(details: &Details) -> Vec<Figure> {
    let figures = [found(details), copies(details), traffic(details)];
    figures.into_iter().flatten().collect()
}

/// Those of them that are looked at first; a dash for what was not measured.
pub(super) fn tiles(keeping: &KeepingFigures) -> Vec<Tile> {
    let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "–".into());
    let share = |share: Option<f64>| or_dash(share.map(percent));
    let count = |count: Option<f64>| or_dash(count.map(number));
    vec![
        ("values kept", keeping.values.to_string()),
        ("found by reads", share(keeping.found_rate)),
        ("copies", count(keeping.copies_mean)),
        ("copies below half", share(keeping.below_half_rate)),
        (
            "datagrams a value, hour",
            count(keeping.datagrams_per_value_hour),
        ),
        ("floor of these", count(keeping.floor_per_value_hour)),
    ]
}

fn found(details: &Details) -> Option<Figure> {
    let course = Course::new(details)?;
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    let reads = course.lines(&|point| percent(point.found_rate));
    let half = course.lines(&|point| percent(point.below_half_rate.map(|below| 1.0 - below)));
    let floor = floor(lowest(&reads).min(lowest(&half)));
    let note = if floor > 0.0 {
        format!(" The scale begins at {} %.", number(floor))
    } else {
        String::new()
    };
    Some(Figure {
        title: "Kept values over time",
        says: format!(
            "How many reads found their value, and for how much of the time at least half of the \
             copies were there, in spans of {}.{note}",
            crate::duration::format(course.span)
        ),
        key: Key::Two("found by reads", "half of the copies or more"),
        plot: plot::steps(
            course.axes("reads, time, %"),
            course.x(),
            floor..100.0 + (100.0 - floor) * 0.05,
            [&reads, &half],
        ),
    })
}

fn copies(details: &Details) -> Option<Figure> {
    let course = Course::new(details)?;
    let copies = course.lines(&|point| point.copies_mean);
    Some(Figure {
        title: "Copies over time",
        says: format!(
            "Copies of a kept value at nodes that run, other than its publisher, as a mean in \
             spans of {}.",
            crate::duration::format(course.span)
        ),
        key: Key::None,
        plot: plot::steps(
            course.axes("copies, mean"),
            course.x(),
            0.0..air(highest(&copies)),
            [&copies, &[]],
        ),
    })
}

fn traffic(details: &Details) -> Option<Figure> {
    let course = Course::new(details)?;
    let sent = course.lines(&|point| point.datagrams_per_value_hour);
    let least = course.lines(&|_| details.keeping_floor);
    let key = if details.keeping_floor.is_some() {
        Key::Two("all that was sent", "the floor")
    } else {
        Key::None
    };
    Some(Figure {
        title: "What keeping takes",
        says: format!(
            "Datagrams that all hosts sent to keep a value for an hour, in spans of {}.",
            crate::duration::format(course.span)
        ),
        key,
        plot: plot::steps(
            course.axes("datagrams a value and hour"),
            course.x(),
            0.0..air(highest(&sent).max(highest(&least))),
            [&sent, &least],
        ),
    })
}

/// The spans of a curve, on a common axis.
struct Course<'d> {
    points: &'d [KeepingPoint],
    span: std::time::Duration,
    unit: Unit,
    label: String,
}

impl<'d> Course<'d> {
    fn new(details: &'d Details) -> Option<Self> {
        let last = details.keeping.last()?;
        let unit = Unit::of_time(last.at.saturating_add(last.span));
        Some(Self {
            points: &details.keeping,
            span: last.span,
            label: format!("virtual time, {}", unit.name),
            unit,
        })
    }

    fn axes<'a>(&'a self, y: &'a str) -> Axes<'a> {
        Axes {
            x: &self.label,
            y,
            whole: Whole::Any,
        }
    }

    fn ends(&self, point: &KeepingPoint) -> (f64, f64) {
        let of = |at| self.unit.of(nanos(at));
        (of(point.at), of(point.at.saturating_add(point.span)))
    }

    fn x(&self) -> std::ops::Range<f64> {
        let ends = self.points.iter().map(|point| self.ends(point));
        let start = ends.clone().map(|ends| ends.0).fold(f64::MAX, f64::min);
        start..ends.map(|ends| ends.1).fold(0.0, f64::max)
    }

    /// A line for each stretch of spans in which the figure was measured.
    fn lines(&self, figure: &dyn Fn(&KeepingPoint) -> Option<f64>) -> Vec<Line> {
        let mut lines: Vec<Line> = vec![Line::new()];
        for point in self.points {
            match (figure(point), lines.last_mut()) {
                (Some(height), Some(line)) => {
                    let (from, to) = self.ends(point);
                    line.extend([(from, height), (to, height)]);
                }
                (Some(_) | None, _) => lines.push(Line::new()),
            }
        }
        lines.retain(|line| !line.is_empty());
        lines
    }
}

fn heights(lines: &[Line]) -> impl Iterator<Item = f64> + '_ {
    lines.iter().flatten().map(|(_, height)| *height)
}

fn highest(lines: &[Line]) -> f64 {
    heights(lines).fold(0.0, f64::max)
}

fn lowest(lines: &[Line]) -> f64 {
    heights(lines).fold(100.0, f64::min)
}

/// The top of a scale that leaves a little air above the highest.
fn air(highest: f64) -> f64 {
    if highest > 0.0 { highest * 1.1 } else { 1.0 }
}
