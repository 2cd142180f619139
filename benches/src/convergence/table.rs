//! The figures of cells as text: for people, for programs, and held against each other.

use std::fmt::Write as _;
use std::time::Duration;

use khashmir_sim::experiment::LookupFigures;
use khashmir_sim::plan::Preset;

use super::{Cell, Row, UNLIMITED, Weather};

/// A figure: its name, how many digits stand after the point, and how it comes out of the lookups
/// of a row.
type Column = (&'static str, usize, fn(&LookupFigures) -> f64);

const COLUMNS: [Column; 12] = [
    ("found %", 2, |of| of.success_rate * 100.0),
    ("exact %", 2, |of| of.exact_rate * 100.0),
    ("hops", 2, |of| of.hops_mean),
    ("rounds", 2, |of| of.rounds_mean),
    ("queries", 2, |of| of.queries_mean),
    ("unanswered", 2, |of| of.unanswered_mean),
    ("datagrams", 2, |of| of.datagrams_mean),
    ("bytes", 0, |of| of.bytes_mean),
    ("p50 ms", 1, |of| millis(of.latency.p50)),
    ("p90 ms", 1, |of| millis(of.latency.p90)),
    ("p99 ms", 1, |of| millis(of.latency.p99)),
    ("max ms", 1, |of| millis(of.latency.max)),
];

/// A line for each row, in aligned columns.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:>7} {:<9} {:<8} {:>5}",
        "nodes", "weather", "preset", "alpha"
    );
    for (name, ..) in COLUMNS {
        let _ = write!(text, " {name:>10}");
    }
    text.push('\n');
    for row in rows {
        let cell = &row.cell;
        let (preset, alpha) = (cell.preset.name(), alpha(cell.alpha));
        let _ = write!(
            text,
            "{:>7} {:<9} {preset:<8} {alpha:>5}",
            cell.nodes, cell.weather
        );
        for (_, digits, figure) in COLUMNS {
            let _ = write!(text, " {:>10}", shown(row, digits, figure));
        }
        text.push('\n');
    }
    text
}

/// The same with tabs between the columns.
#[must_use]
pub fn tsv(rows: &[Row]) -> String {
    let mut text = "nodes\tweather\tpreset\talpha".to_owned();
    for (name, ..) in COLUMNS {
        let _ = write!(text, "\t{name}");
    }
    text.push('\n');
    for row in rows {
        let cell = &row.cell;
        let _ = write!(
            text,
            "{}\t{}\t{}\t{}",
            cell.nodes, cell.weather, cell.preset, cell.alpha
        );
        for (_, digits, figure) in COLUMNS {
            let _ = write!(text, "\t{}", shown(row, digits, figure));
        }
        text.push('\n');
    }
    text
}

/// What the presets take beside what they could: a line for each world and preset as it is.
///
/// The median beside the same preset's in fair weather, and for `adaptive` beside that with
/// unlimited alpha, and its queries beside those of `early`, which is a plain walk with alpha 4.
#[must_use]
pub fn ratios(rows: &[Row]) -> String {
    let mut text = format!(
        "{:>7} {:<9} {:<8} {:>10} {:>13} {:>19}\n",
        "nodes", "weather", "preset", "p50/fair's", "p50/unlimited", "queries/early's"
    );
    for row in rows.iter().filter(|row| row.cell.is_plain()) {
        let cell = row.cell;
        let p50 = |of: &LookupFigures| millis(of.latency.p50);
        let beside = |other: Cell, figure: &dyn Fn(&LookupFigures) -> f64| {
            let other = rows.iter().find(|row| row.cell == other);
            let own = row.summary.lookup_figures.map(|of| figure(&of));
            let other = other.and_then(|other| other.summary.lookup_figures);
            let ratio = own.zip(other).map(|(own, other)| own / figure(&other));
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        let fair = Cell {
            weather: Weather::Fair,
            ..cell
        };
        let unlimited = Cell {
            alpha: UNLIMITED,
            ..cell
        };
        let early = Cell {
            preset: Preset::Early,
            alpha: Preset::Early.config().alpha,
            ..cell
        };
        let queries = |of: &LookupFigures| of.queries_mean;
        let (unlimited, queries) = if cell.preset == Preset::Adaptive {
            (beside(unlimited, &p50), beside(early, &queries))
        } else {
            ("-".to_owned(), "-".to_owned())
        };
        let fair = beside(fair, &p50);
        let _ = writeln!(
            text,
            "{:>7} {:<9} {:<8} {fair:>10} {unlimited:>13} {queries:>19}",
            cell.nodes,
            cell.weather,
            cell.preset.name()
        );
    }
    text
}

/// The text of a figure: a dash where nothing was looked up.
fn shown(row: &Row, digits: usize, figure: fn(&LookupFigures) -> f64) -> String {
    let figures = row.summary.lookup_figures.as_ref();
    figures.map_or("-".to_owned(), |of| format!("{:.digits$}", figure(of)))
}

fn alpha(alpha: usize) -> String {
    if alpha == UNLIMITED {
        "all".to_owned()
    } else {
        alpha.to_string()
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
