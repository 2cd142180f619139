//! A plot of how long lookups take: for each preset a line, for fair and foul weather a panel.

use std::time::Duration;

use khashmir_sim::plan::Preset;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Row, Weather};

/// Why a plot could not be drawn.
type Failure = Box<dyn std::error::Error + Send + Sync>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (960, 420);
const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
const INK: RGBColor = RGBColor(0x44, 0x46, 0x4C);
const GRID: RGBColor = RGBColor(0xE3, 0xE1, 0xDC);

/// From where to where time runs, in seconds.
const SECONDS: (f64, f64) = (0.1, 200.0);

/// Points of a line. More would not be seen.
const POINTS: usize = 100;

const fn colour(preset: Preset) -> RGBColor {
    match preset {
        Preset::Adaptive => RGBColor(0x2C, 0x6A, 0xB0),
        Preset::Late => RGBColor(0xC8, 0x5A, 0x17),
        Preset::Early => RGBColor(0x7A, 0x7C, 0x82),
    }
}

/// The share of lookups that are over after a time, of the presets as they are, in the largest
/// worlds among the rows: none dead, and half of them dead. An SVG, the same for the same rows.
///
/// # Errors
/// When the library cannot draw.
pub fn plot(rows: &[Row]) -> Result<String, Failure> {
    let nodes = rows.iter().map(|row| row.cell.nodes).max().unwrap_or(0);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&PAPER)?;
        let panels = area.split_evenly((1, 2));
        let weathers = [
            (Weather::Fair, "none dead"),
            (Weather::Dead50, "half of them dead"),
        ];
        for (panel, (weather, named)) in panels.iter().zip(weathers) {
            let rows = rows.iter().filter(|row| {
                let cell = row.cell;
                cell.nodes == nodes && cell.weather == weather && cell.is_plain()
            });
            draw(panel, &format!("{nodes} nodes, {named}"), rows)?;
        }
        area.present()?;
    }
    Ok(svg)
}

fn draw<'r>(
    area: &Area<'_>,
    title: &str,
    rows: impl DoubleEndedIterator<Item = &'r Row>,
) -> Result<(), Failure> {
    area.draw_text(title, &text(17.0, HPos::Left), (52, 8))?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(36)
        .margin_right(18)
        .x_label_area_size(48)
        .y_label_area_size(52)
        .build_cartesian_2d((SECONDS.0..SECONDS.1).log_scale(), 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text(14.0, HPos::Center))
        .x_labels(5)
        .y_labels(5)
        .x_label_formatter(&|seconds| format!("{seconds} s"))
        .y_label_formatter(&|percent| format!("{percent} %"))
        .x_desc("lookups that are over after so much virtual time")
        .draw()?;
    // The first of the presets lies on top.
    for row in rows.rev() {
        let preset = row.cell.preset;
        let line = rise(&row.details.latencies);
        let style = colour(preset).stroke_width(3);
        chart
            .draw_series([PathElement::new(line, style)])?
            .label(preset.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(text(14.0, HPos::Left).pos(Pos::new(HPos::Left, VPos::Center)))
        .legend_area_size(30)
        .margin(12)
        .draw()?;
    Ok(())
}

/// The times by which each hundredth of the lookups is over.
fn rise(latencies: &[Duration]) -> Vec<(f64, f64)> {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let point = |part: usize| {
        let rank = (sorted.len() * part).div_ceil(POINTS).saturating_sub(1);
        let seconds = sorted.get(rank)?.as_secs_f64();
        let percent = part as f64 * 100.0 / POINTS as f64;
        Some((seconds.clamp(SECONDS.0, SECONDS.1), percent))
    };
    (0..=POINTS).filter_map(point).collect()
}

fn text(size: f64, side: HPos) -> TextStyle<'static> {
    let style: TextStyle<'_> = ("sans-serif", size).into();
    style.color(&INK).pos(Pos::new(side, VPos::Top))
}
