//! The page as a whole.

use std::time::Duration;

use quickcheck::quickcheck;

use super::*;
use crate::experiment::{Ending, Experiment, KeepingPoint, Quality};

/// What came of a small run.
fn summary(lookups: u32) -> Summary {
    let plan = format!("nodes 20\nlookups {lookups}\nduration 5s");
    let experiment = Experiment::new(plan.parse().expect("a plan"));
    experiment.run(&mut |_| ()).expect("it makes sense")
}

fn details() -> Details {
    let ending = |second| Ending {
        at: Duration::from_secs(second),
        quality: if second % 7 == 0 {
            Quality::Success
        } else {
            Quality::Exact
        },
    };
    let point = |number: u32| {
        let measured = |figure: f64| (number != 3).then_some(figure);
        KeepingPoint {
            at: Duration::from_secs(600) * number,
            span: Duration::from_secs(600),
            reads: 7,
            found_rate: measured(0.99),
            copies_mean: measured(5.5),
            below_half_rate: measured(0.01),
            datagrams_per_value_hour: measured(110.0 + f64::from(number)),
        }
    };
    Details {
        seed: 4711,
        keeping: (0..8).map(point).collect(),
        keeping_floor: Some(103.0),
        latencies: (0..90)
            .map(|number| Duration::from_millis(100 + number * 7))
            .collect(),
        hops: (0..90).map(|number| 1 + number % 4).collect(),
        endings: (0..90).map(ending).collect(),
        bytes_sent_per_node: (0..20).map(|number| 9000 + number * 311).collect(),
        contacts_by_depth: vec![8.0, 7.5, 3.25, 0.5, 0.0, 0.0],
        contacts_per_node: (0..20).map(|number| 17 + number % 3).collect(),
    }
}

#[test]
fn a_page_shows_everything_and_needs_nothing() {
    let summary = summary(3);
    let page = html("khashmir-sim run --nodes 20", &summary, &details());
    assert_eq!(page.matches("<svg ").count(), 10);
    assert_eq!(page.matches("</svg>").count(), 10);
    for shown in [
        "--nodes",
        "4711",
        &summary.trace_hash.to_string(),
        "width=device-width",
        "prefers-color-scheme: dark",
        "virtual time, ms",
        "hops",
        "sent, kB",
        "depth of the bucket",
        "found by reads",
        "copies, mean",
        "datagrams a value and hour",
        "p99",
        "exactly the K closest",
        "20 nodes",
        "<dt>version</dt><dd>0.",
        "<h2>The plan</h2>",
        "lookups 3\nduration 5s",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    for row in summary.to_string().lines() {
        let figure = row.split("  ").last().expect("a figure").trim();
        assert!(page.contains(&format!("<td>{figure}</td>")), "{row}");
    }
    let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in [
        "http", "//", "url(", "src=", "href", "<script", "<link", "@import",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn each_colour_of_a_plot_suits_light_and_dark() {
    let page = html("", &summary(0), &details());
    let colours = page
        .split(['"'])
        .filter(|text| text.starts_with('#') && text.len() == 7);
    let mut seen = 0;
    for colour in colours {
        seen += 1;
        let replaced = page.contains(&format!("svg [fill=\"{colour}\"]"))
            || page.contains(&format!("svg [stroke=\"{colour}\"]"));
        assert!(replaced, "{colour} has no other for the dark");
    }
    assert!(seen > 50, "plots have colours");
}

#[test]
fn equal_runs_make_equal_pages() {
    let summary = summary(3);
    let page = |command| html(command, &summary, &details());
    assert_eq!(page("run"), page("run"));
    assert_ne!(page("run"), page("walk"));
}

#[test]
fn a_command_is_text_whatever_it_holds() {
    let command = "khashmir-sim run --json '</pre><script>&\"\u{1b}'";
    let page = html(command, &summary(0), &Details::default());
    assert!(
        page.contains("&lt;/pre&gt;&lt;script&gt;&amp;&quot;\u{FFFD}&#39;"),
        "{page}"
    );
}

#[test]
fn a_run_without_lookups_has_a_page() {
    let page = html("run --lookups 0", &summary(0), &Details::default());
    assert!(page.contains("Nothing was looked up"), "{page}");
    assert!(
        !page.contains("<figure>") && page.contains("<table>"),
        "{page}"
    );
}

#[test]
fn a_run_that_only_keeps_values_begins_with_what_came_of_them() {
    let plan = "nodes 30\nlatency constant:50ms\nkept 2\nreads 20\nlookups 0\nduration 20m";
    let experiment = Experiment::new(plan.parse().expect("a plan"));
    let summary = experiment.run(&mut |_| ()).expect("it makes sense");
    let page = html("run", &summary, &Details::default());
    let tiles = page.split("</dl>").find(|part| part.contains("\"tiles\""));
    let tiles = tiles.expect("there are some");
    for shown in [
        "<dt>values kept</dt><dd>2</dd>",
        "<dt>found by reads</dt><dd>100 %</dd>",
        "<dt>copies</dt><dd>",
        "<dt>floor of these</dt>",
    ] {
        assert!(tiles.contains(shown), "{shown}: {tiles}");
    }
    assert!(!page.contains("Nothing was looked up"), "{page}");
}

#[test]
fn whatever_was_measured_can_be_drawn() {
    fn holds(latencies: Vec<(u64, u32)>, bytes: Vec<u64>, contacts: Vec<u32>, few: bool) -> bool {
        let time = |(seconds, nanos): &(u64, u32)| {
            let seconds = if few { seconds % 8 } else { *seconds };
            Duration::new(seconds, nanos % 1_000_000_000)
        };
        let ending = |took: &(u64, u32)| Ending {
            at: time(took),
            quality: Quality::Failure,
        };
        let point = |took: &(u64, u32)| KeepingPoint {
            at: time(took),
            span: Duration::from_secs(1 + took.0 % 100),
            reads: took.0,
            found_rate: (took.0 & 1 == 0).then_some(f64::from(took.1 % 101) / 100.0),
            copies_mean: (took.0 & 6 > 0).then_some(f64::from(took.1)),
            below_half_rate: None,
            datagrams_per_value_hour: few.then_some(took.0 as f64),
        };
        let details = Details {
            seed: u64::MAX,
            latencies: latencies.iter().map(time).collect(),
            hops: contacts.clone(),
            endings: latencies.iter().map(ending).collect(),
            bytes_sent_per_node: bytes,
            contacts_by_depth: contacts
                .iter()
                .map(|contacts| f64::from(*contacts) / 3.0)
                .collect(),
            contacts_per_node: contacts,
            keeping: latencies.iter().map(point).collect(),
            keeping_floor: few.then_some(1.0),
        };
        figures::all(&details).iter().all(|figure| {
            let svg = figure.plot.as_ref().expect("drawn");
            !svg.contains("NaN") && !svg.contains("inf")
        })
    }
    quickcheck(holds as fn(Vec<(u64, u32)>, Vec<u64>, Vec<u32>, bool) -> bool);
}
