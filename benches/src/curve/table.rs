//! A curve as text: for people, and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Curve, Figures, Point};

/// A column: its name, and the text of a point, a dash where nothing was measured.
type Column = (&'static str, fn(&Curve, &Point) -> Option<String>);

const COLUMNS: [Column; 14] = [
    ("found %", |_, at| percent(at, |of| of.found)),
    ("exact %", |_, at| percent(at, |of| of.exact)),
    ("queries", |_, at| {
        Some(format!("{:.1}", at.figures?.queries))
    }),
    ("/plain", |curve, at| {
        ratio(curve.ratio(&at.world, &at.world.plain(), |of| of.queries))
    }),
    ("p50 ms", |_, at| millis(at, |of| of.p50)),
    ("/fair", |curve, at| beside_fair(curve, at, |of| of.p50)),
    ("p90 ms", |_, at| millis(at, |of| of.p90)),
    ("/fair", |curve, at| beside_fair(curve, at, |of| of.p90)),
    ("p99 ms", |_, at| millis(at, |of| of.p99)),
    ("/fair", |curve, at| beside_fair(curve, at, |of| of.p99)),
    ("hump", |curve, at| ratio(curve.hump(&at.world))),
    ("value ms", |_, at| {
        let first = at.figures?.first_value?;
        Some(format!("{:.1}", first.as_secs_f64() * 1000.0))
    }),
    ("bytes/s", |_, at| Some(format!("{:.1}", at.figures?.bytes))),
    ("upkeep/s", |_, at| {
        Some(format!("{:.1}", at.figures?.upkeep))
    }),
];

/// A line for each point, in aligned columns.
#[must_use]
pub fn table(curve: &Curve) -> String {
    let mut text = format!(
        "{:>6} {:<18} {:<8} {:<20}",
        "nodes", "latency", "preset", "trouble"
    );
    for (name, _) in COLUMNS {
        let _ = write!(text, " {name:>9}");
    }
    text.push('\n');
    for point in &curve.points {
        let world = &point.world;
        let _ = write!(
            text,
            "{:>6} {:<18} {:<8} {:<20}",
            world.nodes,
            world.latency.to_string(),
            world.preset.name(),
            world.trouble
        );
        for (_, shown) in COLUMNS {
            let shown = shown(curve, point).unwrap_or_else(|| "-".to_owned());
            let _ = write!(text, " {shown:>9}");
        }
        text.push('\n');
    }
    text
}

/// The same with tabs between the columns.
#[must_use]
pub fn tsv(curve: &Curve) -> String {
    let mut text = "nodes\tlatency\tpreset\ttrouble".to_owned();
    for (name, _) in COLUMNS {
        let _ = write!(text, "\t{name}");
    }
    text.push('\n');
    for point in &curve.points {
        let world = &point.world;
        let _ = write!(
            text,
            "{}\t{}\t{}\t{}",
            world.nodes,
            world.latency,
            world.preset.name(),
            world.trouble
        );
        for (_, shown) in COLUMNS {
            let shown = shown(curve, point).unwrap_or_else(|| "-".to_owned());
            let _ = write!(text, "\t{shown}");
        }
        text.push('\n');
    }
    text
}

fn percent(point: &Point, share: fn(&Figures) -> f64) -> Option<String> {
    let figures = point.figures.as_ref()?;
    Some(format!("{:.2}", share(figures) * 100.0))
}

fn millis(point: &Point, span: fn(&Figures) -> Duration) -> Option<String> {
    let figures = point.figures.as_ref()?;
    Some(format!("{:.1}", span(figures).as_secs_f64() * 1000.0))
}

fn beside_fair(curve: &Curve, point: &Point, span: fn(&Figures) -> Duration) -> Option<String> {
    let fair = point.world.fair();
    ratio(curve.ratio(&point.world, &fair, |of| span(of).as_secs_f64()))
}

fn ratio(ratio: Option<f64>) -> Option<String> {
    ratio.map(|ratio| format!("{ratio:.2}"))
}
