//! Plots as SVG: bars, a rising line, and steps over time.
//!
//! They are drawn large, for the library places things at whole units, and the page scales them to
//! the width at hand. Their colours are names more than colours: the page's style sheet replaces
//! each by one that suits light or dark.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::scale::{decimal, decimals};

/// Text and axes.
const INK: RGBColor = RGBColor(0x5F, 0x60, 0x66);
/// Lines of the grid.
const GRID: RGBColor = RGBColor(0xE3, 0xE1, 0xDC);
/// The first, or the only, row of figures.
const FIRST: RGBColor = RGBColor(0x2C, 0x6A, 0xB0);
/// The second.
const SECOND: RGBColor = RGBColor(0xC8, 0x5A, 0x17);

/// The size of a plot, in units of its own.
const SIZE: (u32, u32) = (1600, 1000);
/// The size of text. The library writes 1.24 times smaller; the style sheet has the last word.
const TEXT: f64 = 56.0 * 1.24;
/// Space for the text on each side.
const LEFT: u32 = 190;
const RIGHT: u32 = 50;
const ABOVE: u32 = 110;
const BELOW: u32 = 170;
/// Numbers at an axis, at most.
const X_TICKS: usize = 6;
const Y_TICKS: usize = 5;

/// What stands at an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes<'a> {
    /// What runs to the right, with its unit.
    pub(super) x: &'a str,
    /// What runs upwards, with its unit.
    pub(super) y: &'a str,
    pub(super) whole: Whole,
}

/// What numbers stand at the axis that runs to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Whole ones only: half a hop is nothing.
    Numbers,
    /// Any.
    Any,
}

/// A bar, from where to where, and how high.
pub(super) type Bar = (Range<f64>, f64);

/// A line from point to point.
pub(super) type Line = Vec<(f64, f64)>;

/// Why a plot could not be drawn.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Bars from the ground up, and marks: what stands at a place, and how it is called.
pub(super) fn bars(axes: Axes<'_>, bars: &[Bar], marks: &[(f64, &str)]) -> Result<String, Failure> {
    let from = bars.first().map_or(0.0, |(place, _)| place.start);
    let to = bars.last().map_or(1.0, |(place, _)| place.end);
    let highest = bars.iter().map(|(_, height)| *height).fold(0.0, f64::max);
    // Bars leave a little air, and marks have their names above the bars.
    let air = if marks.is_empty() { 1.06 } else { 1.4 };
    let top = if highest > 0.0 { highest * air } else { 1.0 };
    draw(axes, from..to, 0.0..top, |area, chart| {
        for (place, height) in bars.iter().filter(|(_, height)| *height > 0.0) {
            let gap = (place.end - place.start) * 0.06;
            let corners = [(place.start + gap, 0.0), (place.end - gap, *height)];
            chart.draw_series([Rectangle::new(corners, FIRST.filled())])?;
        }
        for (row, (place, name)) in marks.iter().enumerate() {
            mark(area, chart, row, *place, top, name)?;
        }
        Ok(())
    })
}

/// A line, and points on it with names.
pub(super) fn rise(
    axes: Axes<'_>,
    line: &[(f64, f64)],
    named: &[(f64, f64, &str)],
) -> Result<String, Failure> {
    let from = line.first().map_or(0.0, |point| point.0);
    let to = line.last().map_or(1.0, |point| point.0);
    let to = if to > from { to } else { from + 1.0 };
    draw(axes, from..to, 0.0..104.0, |area, chart| {
        let points = std::iter::once((from, 0.0)).chain(line.iter().copied());
        chart.draw_series([PathElement::new(
            points.collect::<Vec<_>>(),
            FIRST.stroke_width(8),
        )])?;
        for (x, y, name) in named {
            let (left, up) = chart.backend_coord(&(*x, *y));
            chart.draw_series([Circle::new((*x, *y), 16, SECOND.filled())])?;
            let room = left + 36 + name.len() as i32 * 30 < SIZE.0 as i32;
            let (side, at) = if room {
                (HPos::Left, left + 36)
            } else {
                (HPos::Right, left - 36)
            };
            // Just below the line, which climbs to the right.
            area.draw_text(name, &text(side, VPos::Top), (at, up + 8))?;
        }
        Ok(())
    })
}

/// Two rows of lines over the same ground, the first of them behind the second.
pub(super) fn steps(
    axes: Axes<'_>,
    x: Range<f64>,
    y: Range<f64>,
    [first, second]: [&[Line]; 2],
) -> Result<String, Failure> {
    draw(axes, x, y, |_, chart| {
        for (lines, style) in [
            (first, FIRST.stroke_width(18)),
            (second, SECOND.stroke_width(8)),
        ] {
            let paths = lines
                .iter()
                .map(|line| PathElement::new(line.clone(), style));
            chart.draw_series(paths)?;
        }
        Ok(())
    })
}

/// Draws axes, and within them what `within` draws.
fn draw(
    axes: Axes<'_>,
    x: Range<f64>,
    y: Range<f64>,
    within: impl FnOnce(&Area<'_>, &mut Chart<'_, '_>) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(ABOVE)
            .margin_right(RIGHT)
            .x_label_area_size(BELOW)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(x.clone(), y.clone())?;
        // The library would not leave out one axis and keep its labels, so it draws none of them.
        let (rights, ups) = (
            ticks(&x, X_TICKS, axes.whole),
            ticks(&y, Y_TICKS, Whole::Any),
        );
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(3))
            .axis_style(TRANSPARENT)
            .set_all_tick_mark_size(12)
            .x_labels(X_TICKS)
            .y_labels(Y_TICKS)
            .label_style(text(HPos::Center, VPos::Center))
            .x_label_formatter(&|value| rights.label(*value))
            .y_label_formatter(&|value| ups.label(*value))
            .draw()?;
        let (width, height) = (SIZE.0 as i32, SIZE.1 as i32);
        area.draw_text(axes.y, &text(HPos::Left, VPos::Top), (8, 12))?;
        let corner = (width - RIGHT as i32, height - 12);
        area.draw_text(axes.x, &text(HPos::Right, VPos::Bottom), corner)?;
        within(&area, &mut chart)?;
        ground(&area, &chart, &x, y.start, &rights)?;
        area.present()?;
    }
    Ok(svg)
}

/// Where numbers stand at an axis.
struct Ticks {
    places: Vec<f64>,
    decimals: usize,
    whole: Whole,
}

impl Ticks {
    fn label(&self, value: f64) -> String {
        match self.whole {
            Whole::Numbers if value.fract().abs() > 1e-9 => String::new(),
            Whole::Numbers | Whole::Any => decimal(value, self.decimals),
        }
    }
}

/// The places that the library chooses by itself when it is asked for so many labels.
fn ticks(range: &Range<f64>, count: usize, whole: Whole) -> Ticks {
    let places = RangedCoordf64::from(range.clone()).key_points(BoldPoints(count));
    let step = match places[..] {
        [first, second, ..] => second - first,
        _ => 1.0,
    };
    let decimals = match whole {
        Whole::Numbers => 0,
        Whole::Any => decimals(step),
    };
    Ticks {
        places,
        decimals,
        whole,
    }
}

/// The line upon which all stands, and a tick for each number below it.
fn ground(
    area: &Area<'_>,
    chart: &Chart<'_, '_>,
    x: &Range<f64>,
    bottom: f64,
    ticks: &Ticks,
) -> Result<(), Failure> {
    let at = |place: f64| chart.backend_coord(&(place, bottom));
    let style = INK.stroke_width(3);
    area.draw(&PathElement::new(vec![at(x.start), at(x.end)], style))?;
    let labelled = ticks
        .places
        .iter()
        .filter(|place| !ticks.label(**place).is_empty());
    for place in labelled {
        let (left, up) = at(*place);
        area.draw(&PathElement::new(vec![(left, up), (left, up + 14)], style))?;
    }
    Ok(())
}

/// A line that stands at a place, with its name at the top, each name in a row of its own.
fn mark(
    area: &Area<'_>,
    chart: &Chart<'_, '_>,
    row: usize,
    place: f64,
    top: f64,
    name: &str,
) -> Result<(), Failure> {
    let (left, highest) = chart.backend_coord(&(place, top));
    let up = highest + 64 * row as i32;
    let bottom = chart.backend_coord(&(place, 0.0)).1;
    let style = SECOND.stroke_width(5);
    area.draw(&PathElement::new(vec![(left, up), (left, bottom)], style))?;
    let room = left + 20 + name.len() as i32 * 30 < SIZE.0 as i32;
    let (side, at) = if room {
        (HPos::Left, left + 20)
    } else {
        (HPos::Right, left - 20)
    };
    area.draw_text(name, &text(side, VPos::Top), (at, up))?;
    Ok(())
}

fn text(side: HPos, up: VPos) -> TextStyle<'static> {
    let style: TextStyle<'_> = ("sans-serif", TEXT).into();
    style.color(&INK).pos(Pos::new(side, up))
}
