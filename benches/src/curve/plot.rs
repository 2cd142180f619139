//! A curve as a plot: a row of panels for each figure, with a line for each preset; the first column
//! over the share of the dead, the second over losses, the third over churn.

use std::ops::Range;

use khashmir_sim::network::{Latency, Loss};
use khashmir_sim::plan::Preset;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Curve, Figures, Trouble, World};

/// Why a plot could not be drawn.
type Failure = Box<dyn std::error::Error + Send + Sync>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 1080;
const ROW: u32 = 200;
const HEAD: u32 = 64;
const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
const INK: RGBColor = RGBColor(0x44, 0x46, 0x4C);
const GRID: RGBColor = RGBColor(0xE3, 0xE1, 0xDC);

const fn colour(preset: Preset) -> RGBColor {
    match preset {
        Preset::Adaptive => RGBColor(0x2C, 0x6A, 0xB0),
        Preset::Late => RGBColor(0xC8, 0x5A, 0x17),
        Preset::Early => RGBColor(0x7A, 0x7C, 0x82),
    }
}

/// A row of panels.
struct Row {
    name: &'static str,
    figure: fn(&Figures) -> f64,
    scale: Scale,
}

/// How high a figure stands.
#[derive(Clone, Copy)]
enum Scale {
    /// As it is.
    Even,
    /// As its logarithm: presets differ by whole orders of magnitude.
    Log,
}

const ROWS: [Row; 5] = [
    Row {
        name: "p50, s",
        figure: |of| of.p50.as_secs_f64(),
        scale: Scale::Log,
    },
    Row {
        name: "p90, s",
        figure: |of| of.p90.as_secs_f64(),
        scale: Scale::Log,
    },
    Row {
        name: "p99, s",
        figure: |of| of.p99.as_secs_f64(),
        scale: Scale::Log,
    },
    Row {
        name: "exact, %",
        figure: |of| of.exact * 100.0,
        scale: Scale::Even,
    },
    Row {
        name: "queries",
        figure: |of| of.queries,
        scale: Scale::Even,
    },
];

/// What a column of panels is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Dead,
    Loss,
    Churn,
}

impl Column {
    const ALL: [Self; 3] = [Self::Dead, Self::Loss, Self::Churn];

    const fn name(self) -> &'static str {
        match self {
            Self::Dead => "share of hosts that are dead, %",
            Self::Loss => "share of datagrams that are lost",
            Self::Churn => "sessions and pauses, median",
        }
    }

    const fn is_of(self, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Dead(0) => true,
            Trouble::Dead(_) => matches!(self, Self::Dead),
            Trouble::Loss(_) | Trouble::LossAndDead(..) => matches!(self, Self::Loss),
            Trouble::Churn(_) => matches!(self, Self::Churn),
        }
    }

    /// Whether the trouble at a place is more of that at the place before, and so in one line with it.
    fn is_along(self, places: &[(Trouble, f64, String)], place: f64) -> bool {
        let trouble = places.iter().find(|(_, at, _)| (at - place).abs() < 1e-6);
        trouble.is_none_or(|(trouble, ..)| {
            let independent = matches!(trouble, Trouble::Loss(Loss::Independent(_)));
            self != Self::Loss || *trouble == Trouble::NONE || independent
        })
    }

    /// The name of a trouble on the axis: short, for there are many.
    fn mark(self, trouble: &Trouble) -> String {
        let text = trouble.to_string();
        let short = text.strip_prefix("churn ").unwrap_or(&text);
        short
            .replace(" % loss, ", "+")
            .replace(" % loss", " %")
            .replace(" % dead", " dead")
            .replace(" loss", "")
    }
}

/// All points of one latency. An SVG, the same for the same points.
///
/// # Errors
/// When the library cannot draw.
pub fn plot(curve: &Curve, latency: &Latency) -> Result<String, Failure> {
    let of_latency = curve
        .points
        .iter()
        .filter(|at| at.world.latency == *latency);
    let shown = Curve {
        points: of_latency.cloned().collect(),
    };
    let nodes = shown.points.iter().map(|at| at.world.nodes).max();
    let columns: Vec<Column> = Column::ALL
        .into_iter()
        .filter(|column| {
            let troubles = shown.points.iter().map(|at| at.world.trouble);
            troubles
                .filter(|it| *it != Trouble::NONE)
                .any(|it| column.is_of(&it))
        })
        .collect();
    let rows = u32::try_from(ROWS.len()).unwrap_or(u32::MAX);
    let mut svg = String::new();
    {
        let size = (WIDTH, HEAD + rows * ROW + 40);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&PAPER)?;
        let title = format!(
            "Worlds of {} nodes, latency {latency}, each lookup a node’s first",
            nodes.unwrap_or_default()
        );
        area.draw_text(&title, &text(18.0, HPos::Left), (16, 10))?;
        key(&area, &shown)?;
        let (_, panels) = area.split_vertically(HEAD);
        let (panels, _) = panels.split_vertically(rows * ROW + 30);
        let panels = panels.split_evenly((ROWS.len(), columns.len().max(1)));
        for (number, panel) in panels.iter().enumerate() {
            let (Some(row), Some(column)) = (
                ROWS.get(number / columns.len().max(1)),
                columns.get(number % columns.len().max(1)),
            ) else {
                continue;
            };
            let is_last = number + columns.len() >= panels.len();
            draw(panel, &shown, row, *column, is_last)?;
        }
        area.present()?;
    }
    Ok(svg)
}

/// What the colours mean.
fn key(area: &Area<'_>, shown: &Curve) -> Result<(), Failure> {
    let mut x = 16;
    for preset in Preset::ALL {
        if shown.points.iter().any(|at| at.world.preset == preset) {
            let style = colour(preset).stroke_width(3);
            area.draw(&PathElement::new([(x, 44), (x + 24, 44)], style))?;
            area.draw_text(preset.name(), &text(14.0, HPos::Left), (x + 30, 37))?;
            x += 120;
        }
    }
    Ok(())
}

/// The place of each trouble on the axis, with its name.
fn places(shown: &Curve, column: Column) -> Vec<(Trouble, f64, String)> {
    let mut places: Vec<(Trouble, f64, String)> = Vec::new();
    for point in &shown.points {
        let trouble = point.world.trouble;
        if column.is_of(&trouble) && places.iter().all(|(other, ..)| *other != trouble) {
            let place = match (column, trouble) {
                (Column::Dead, Trouble::Dead(per_mille)) => f64::from(per_mille) / 10.0,
                _ => places.len() as f64,
            };
            places.push((trouble, place, column.mark(&trouble)));
        }
    }
    places
}

fn draw(
    area: &Area<'_>,
    shown: &Curve,
    row: &Row,
    column: Column,
    is_last: bool,
) -> Result<(), Failure> {
    let places = places(shown, column);
    let lines: Vec<(Preset, Vec<(f64, f64)>)> = Preset::ALL
        .into_iter()
        .map(|preset| (preset, line(shown, &places, row, preset)))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let last = places
        .iter()
        .map(|(_, place, _)| *place)
        .fold(1.0, f64::max);
    let air = last * 0.04;
    let x = -air..last + air;
    let y = heights(shown, row);
    let (label, below) = if is_last {
        (column.name(), 44)
    } else {
        ("", 22)
    };
    let mark = |place: &f64| match column {
        Column::Dead => format!("{place}"),
        Column::Loss | Column::Churn => {
            let named = places.iter().find(|(_, at, _)| (at - place).abs() < 1e-6);
            named.map_or_else(String::new, |(_, _, name)| name.clone())
        }
    };
    let shape = |place: &f64| match row.scale {
        Scale::Even => format!("{place}"),
        Scale::Log => format!("{:.1}", 10_f64.powf(*place))
            .trim_end_matches(".0")
            .to_owned(),
    };
    let mut chart = ChartBuilder::on(area)
        .margin_top(8)
        .margin_right(14)
        .x_label_area_size(below)
        .y_label_area_size(58)
        .build_cartesian_2d(x, Heights::new(y, row.scale))?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text(12.0, HPos::Center))
        .axis_desc_style(text(13.0, HPos::Center))
        .x_labels(if column == Column::Dead {
            6
        } else {
            places.len() + 1
        })
        .y_labels(5)
        .x_label_formatter(&mark)
        .y_label_formatter(&shape)
        .x_desc(label)
        .y_desc(row.name)
        .draw()?;
    // The first of the presets lies on top.
    for (preset, line) in lines.into_iter().rev() {
        let style = colour(preset).stroke_width(2);
        if column != Column::Dead {
            let dots = line
                .iter()
                .map(|at| Circle::new(*at, 3, colour(preset).filled()));
            chart.draw_series(dots)?;
        }
        // What is of another kind is no further along the line.
        let along = line
            .into_iter()
            .take_while(|at| column.is_along(&places, at.0));
        chart.draw_series([PathElement::new(along.collect::<Vec<_>>(), style)])?;
    }
    Ok(())
}

/// The figures of one preset at all places.
fn line(
    shown: &Curve,
    places: &[(Trouble, f64, String)],
    row: &Row,
    preset: Preset,
) -> Vec<(f64, f64)> {
    let figure = |trouble: Trouble| {
        let of = |world: &World| world.preset == preset && world.trouble == trouble;
        let point = shown.points.iter().find(|at| of(&at.world));
        point
            .and_then(|at| at.figures.as_ref())
            .map(|of| height(row, of))
    };
    let places = places.iter();
    places
        .filter_map(|(trouble, place, _)| Some((*place, figure(*trouble)?)))
        .collect()
}

fn height(row: &Row, figures: &Figures) -> f64 {
    let figure = (row.figure)(figures);
    match row.scale {
        Scale::Even => figure,
        Scale::Log => figure.max(1e-3).log10(),
    }
}

/// From where to where the panels of a row reach: all of them alike.
fn heights(shown: &Curve, row: &Row) -> Range<f64> {
    let figures = shown.points.iter().filter_map(|at| at.figures.as_ref());
    let heights: Vec<f64> = figures.map(|of| height(row, of)).collect();
    let low = heights.iter().copied().fold(f64::INFINITY, f64::min);
    let high = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return 0.0..1.0;
    }
    match row.scale {
        Scale::Even if row.name.ends_with('%') => (low - 2.0).max(0.0)..101.0,
        Scale::Even => 0.0..high * 1.05,
        Scale::Log => low - 0.1..high + 0.1,
    }
}

/// The heights of a panel, with those at which lines are drawn across it.
struct Heights {
    range: Range<f64>,
    marks: Vec<f64>,
}

impl Heights {
    fn new(range: Range<f64>, scale: Scale) -> Self {
        let marks = marks(&range, scale);
        Self { range, marks }
    }
}

impl Ranged for Heights {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Where lines are drawn across a panel.
fn marks(heights: &Range<f64>, scale: Scale) -> Vec<f64> {
    let all: Vec<f64> = match scale {
        Scale::Even => {
            let span = heights.end - heights.start;
            let step = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0];
            let step = step
                .into_iter()
                .find(|step| span / step <= 6.0)
                .unwrap_or(span);
            (0..=1000).map(|mark| f64::from(mark) * step).collect()
        }
        Scale::Log => {
            let decades = (-3..4).map(f64::from);
            decades
                .flat_map(|decade| [decade, decade + 3_f64.log10()])
                .collect()
        }
    };
    all.into_iter()
        .filter(|mark| heights.contains(mark))
        .collect()
}

fn text(size: f64, side: HPos) -> TextStyle<'static> {
    let style: TextStyle<'_> = ("sans-serif", size).into();
    style.color(&INK).pos(Pos::new(side, VPos::Top))
}
