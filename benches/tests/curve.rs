//! Holds the curve of lookups in small worlds to what it was, and the guard of it to its word.

use std::fs;
use std::time::Duration;

use khashmir_benches::curve::{
    Curve, Figures, Point, Trouble, World, judge, kept_path, kept_table, plot, table, tsv,
};
use khashmir_sim::network::Latency;
use khashmir_sim::plan::Preset;

#[test]
fn the_curve_is_what_it_was() {
    let path = kept_path();
    let kept = fs::read_to_string(&path).expect("the table that is kept");
    let found = kept_table();
    let differing: Vec<String> = kept
        .lines()
        .zip(found.lines())
        .filter(|(kept, found)| kept != found)
        .map(|(kept, found)| format!("- {kept}\n+ {found}"))
        .collect();
    assert!(
        kept == found,
        "the curve is another than {} says:\n{}\nIf that is meant, write it anew:\n\
         cargo run --release -p khashmir-benches --example convergence -- --snapshot",
        path.display(),
        differing.join("\n")
    );
}

/// A world of 2000 nodes, a median, and a share of exact lookups.
fn point(preset: Preset, trouble: Trouble, p50: u64, exact: f64) -> Point {
    let millis = Duration::from_millis;
    Point {
        world: World {
            nodes: 2000,
            latency: Latency::Geo,
            trouble,
            preset,
        },
        figures: Some(Figures {
            lookups: 800,
            found: 1.0,
            exact,
            queries: 15.0,
            p50: millis(p50),
            p90: millis(p50 * 3 / 2),
            p99: millis(p50 * 2),
            first_value: None,
            bytes: 10.0,
            upkeep: 5.0,
        }),
    }
}

/// A curve that keeps to every bound, with another median at one of its shares.
fn curve(humped: u64) -> Curve {
    let ours = |per_mille, p50| point(Preset::Adaptive, Trouble::Dead(per_mille), p50, 1.0);
    Curve {
        points: vec![
            ours(0, 500),
            ours(100, humped),
            ours(300, 600),
            ours(500, 700),
            point(Preset::Early, Trouble::NONE, 600, 1.0),
        ],
    }
}

/// The bounds that a curve breaks, by name.
fn broken(curve: &Curve) -> Vec<String> {
    let broken = judge(curve).into_iter().filter(|verdict| !verdict.holds());
    broken
        .map(|verdict| format!("{}: {}", verdict.bound.quantity, verdict.world.trouble))
        .collect()
}

#[test]
fn a_hump_and_a_lookup_that_is_not_exact_are_noticed() {
    assert_eq!(broken(&curve(550)), [""; 0]);
    assert_eq!(
        broken(&curve(20_000)),
        [
            "p50 / fair's: 10 % dead",
            "p50 / a larger share's: 10 % dead",
            "p99 / fair's: 10 % dead"
        ]
    );
    let mut inexact = curve(550);
    inexact.points[0] = point(Preset::Adaptive, Trouble::NONE, 500, 0.99);
    inexact.points[3] = point(Preset::Adaptive, Trouble::Dead(500), 700, 0.2);
    assert_eq!(broken(&inexact), ["exact, %: none", "exact, %: 50 % dead"]);
    // What other presets do is no matter.
    let mut early = curve(550);
    early.points[4] = point(Preset::Early, Trouble::NONE, 90_000, 0.1);
    assert_eq!(broken(&early), [""; 0]);
}

#[test]
fn ratios_are_to_the_same_world_without_the_trouble() {
    let curve = curve(1500);
    let dead = &curve.points[1].world;
    let p50 = |of: &Figures| of.p50.as_secs_f64();
    let near = |ratio: Option<f64>, to: f64| ratio.is_some_and(|it| (it - to).abs() < 1e-9);
    assert!(near(curve.ratio(dead, &dead.fair(), p50), 3.0));
    assert!(near(curve.ratio(dead, &dead.plain(), |of| of.queries), 1.0));
    assert!(near(curve.hump(dead), 2.5));
    assert!(near(curve.hump(&curve.points[2].world), 600.0 / 700.0));
    assert_eq!(curve.hump(&curve.points[3].world), None);
}

#[test]
fn a_curve_is_a_table_and_a_plot() {
    let curve = curve(1500);
    let (text, tabs) = (table(&curve), tsv(&curve));
    assert_eq!((text.lines().count(), tabs.lines().count()), (6, 6));
    let row = tabs.lines().nth(2).expect("a row");
    let cells: Vec<&str> = row.split('\t').collect();
    assert_eq!(cells[..4], ["2000", "geo", "adaptive", "10 % dead"]);
    assert!(
        cells.contains(&"1500.0") && cells.contains(&"3.00"),
        "{row}"
    );
    let svg = plot(&curve, &Latency::Geo).expect("it can be drawn");
    assert!(svg.starts_with("<svg ") && svg.contains("queries"), "{svg}");
    assert_eq!(svg, plot(&curve, &Latency::Geo).expect("it can be drawn"));
}
