//! The command as its users meet it.

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_khashmir-sim"));
    command.args(arguments).output().expect("it starts")
}

#[test]
fn a_run_prints_a_table_and_writes_its_figures() {
    let file = std::env::temp_dir().join(format!("khashmir-sim-{}.json", std::process::id()));
    let path = file.to_str().expect("a plain path");
    let small = [
        "run",
        "--nodes",
        "40",
        "--lookups",
        "20",
        "--values",
        "5",
        "--duration",
        "30s",
    ];
    let output = simulate(&[&small[..], &["--threads", "2", "--json", path]].concat());
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).expect("text");
    let json = std::fs::read_to_string(&file).expect("the file");
    std::fs::remove_file(&file).expect("the file");
    let figures: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for name in [
        "trace_hash",
        "nodes",
        "lookups",
        "success_rate",
        "exact_rate",
        "values_found_rate",
        "hops_mean",
        "rounds_mean",
        "queries_per_lookup",
        "datagrams_per_lookup",
        "bytes_per_lookup",
        "latency_ms",
        "events",
        "events_per_second",
        "lookups_per_second",
        "wall_seconds",
        "bytes_per_node",
    ] {
        assert!(!figures[name].is_null(), "{name}");
    }
    for name in ["p50", "p90", "p99", "max"] {
        assert!(
            figures["latency_ms"][name]
                .as_f64()
                .is_some_and(|ms| ms > 0.0),
            "{name}"
        );
    }
    assert!(
        table.contains(figures["trace_hash"].as_str().expect("text")),
        "{table}"
    );
    assert_eq!(
        (&figures["nodes"], &figures["lookups"]),
        (&40.into(), &20.into())
    );
}

#[test]
fn a_comparison_sets_two_presets_side_by_side() {
    let small = [
        "compare",
        "--nodes",
        "60",
        "--lookups",
        "30",
        "--duration",
        "30s",
        "--dead",
        "0.3",
    ];
    let output = simulate(&[&small[..], &["adaptive", "late"]].concat());
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).expect("text");
    let p50 = table
        .lines()
        .find(|line| line.starts_with("latency p50"))
        .expect("a row");
    let figures: Vec<f64> = p50
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [adaptive, late, ratio] = figures[..] else {
        panic!("{p50}")
    };
    assert!(
        late > adaptive * 2.0,
        "the dead hold up fixed timeouts: {p50}"
    );
    assert!((ratio - late / adaptive).abs() < 0.01, "{p50}");
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    for (arguments, named) in [
        (&["run", "--nodes", "0"][..], "--nodes"),
        (&["run", "--latency", "slow"], "--latency"),
        (&["run", "--loss", "2"], "--loss"),
        (&["run", "--duration", "soon"], "--duration"),
        (&["run", "--dead", "1.5"], "dead"),
        (&["run", "--alpha", "0"], "alpha"),
        (&["run", "--no-such-option"], "--no-such-option"),
        (&["compare", "adaptive", "fast"], "fast"),
        (&["walk"], "walk"),
    ] {
        let output = simulate(arguments);
        let told = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{arguments:?}: {told}");
        assert!(
            told.starts_with("khashmir-sim: ") && told.contains(named),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_written_fails_after_the_run() {
    let run = ["run", "--nodes", "10", "--lookups", "1", "--duration", "1s"];
    let output = simulate(&[&run[..], &["--json", "/no/such/folder/figures.json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/folder/figures.json"));
}
