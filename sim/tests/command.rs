//! The command as its users meet it.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;
use std::time::Duration;

use common::{Folder, simulate, text};

/// What a run came to, without what differs from run to run.
fn outcome(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    let table = text(&output.stdout);
    let (figures, _) = table.split_once("wall time").expect("a row");
    figures.to_owned()
}

/// The figure in the row of a table that begins with a name.
fn figure(table: &str, name: &str) -> String {
    let mut lines = table.lines();
    let row = lines.find_map(|line| line.trim_start().strip_prefix(name));
    let row = row.unwrap_or_else(|| panic!("no {name:?} in\n{table}"));
    row.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Nothing on stdout, one line on stderr that names what is wrong, exit code 2.
fn is_refused(output: &Output, named: &str) {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(output.stdout, b"", "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.starts_with("khashmir-sim: ") && told.contains(named),
        "{named:?} is not in {told:?}"
    );
}

/// The names of figures that the README lists.
fn documented() -> BTreeSet<String> {
    let readme = include_str!("../README.md");
    let (_, table) = readme.split_once("| name in JSON |").expect("the table");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let names = table
        .lines()
        .skip(2)
        .filter_map(|row| row.trim_start_matches('|').split('|').next());
    names
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect()
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
    let json = fs::read_to_string(&file).expect("the file");
    fs::remove_file(&file).expect("the file");
    let figures: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let names = figures.as_object().expect("an object").keys();
    assert_eq!(names.cloned().collect::<BTreeSet<_>>(), documented());
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
        (&[][..], "say what to do"),
        (&["walk"], "walk"),
        (&["run", "--nodes", "0"], "--nodes"),
        (&["run", "--start", "sideways"], "\"sideways\""),
        (&["run", "--latency", "slow"], "--latency"),
        (&["run", "--loss", "2"], "--loss"),
        (&["run", "--churn", "x"], "\"x\""),
        (&["run", "--duration", "soon"], "--duration"),
        (&["run", "--dead", "2"], "dead must be from 0 to 1"),
        (&["run", "--alpha", "0"], "alpha"),
        (
            &["run", "--nodes", "20", "--lookups", "21", "--fresh-askers"],
            "fresh-askers: 21 lookups",
        ),
        (&["run", "--no-such-option"], "--no-such-option"),
        (&["run", "/no/such.plan"], "/no/such.plan: "),
        (&["compare", "adaptive"], "<B>"),
        (&["compare", "adaptive", "fast"], "\"fast\""),
        (&["replay"], "<FILE>"),
        (&["replay", "/no/such.plan"], "/no/such.plan: "),
        (&["swarm"], "--seeds"),
        (&["swarm", "--seeds", "5..5"], "5..5: there are none"),
        (&["swarm", "--seeds", "7..5"], "7..5: there are none"),
        (&["swarm", "--seeds", "many"], "a range such as 0..1000"),
        (&["swarm", "--seeds", "0..1", "--jobs", "0"], "--jobs"),
        (&["swarm", "--seeds", "0..1", "--plans", "/no"], "/no: "),
    ] {
        is_refused(&simulate(arguments), named);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_plans_is_refused_before_the_search() {
    // It would take days.
    let search = ["swarm", "--seeds", "0..9999999", "--plans", "/proc"];
    let output = common::simulate_within(Duration::from_secs(20), &search);
    is_refused(&output, "--plans /proc: ");
}

#[test]
fn a_bad_plan_is_one_line_that_names_the_file_and_the_line() {
    let folder = Folder::new("bad-plans");
    for (number, (plan, line)) in [
        (
            "seed 1\nnodes 10\ncolour red\n",
            "line 3: \"colour\" is not a setting",
        ),
        (
            "# few\nnodes few\n",
            "line 2: \"few\" is not a whole number",
        ),
        (
            "at 1s n00 explode\n",
            "line 1: \"n00 explode\" is not a step",
        ),
        ("dead 2\n", "line 1: \"2\" is not a probability"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.file(&format!("{number}.plan"), plan);
        let named = format!("{file}: {line}");
        is_refused(&simulate(&["run", &file]), &named);
        is_refused(&simulate(&["replay", &file]), &named);
        is_refused(&simulate(&["compare", "adaptive", &file]), &named);
    }
    let senseless = folder.file("senseless.plan", "nodes 10\nk 0\n");
    is_refused(&simulate(&["run", &senseless]), "k must be");
    is_refused(&simulate(&["replay", &senseless]), &senseless);
}

#[test]
fn a_plan_runs_with_the_options_on_top_of_it() {
    let folder = Folder::new("run");
    let plan = "seed 3\nnodes 30\nlookups 10\nduration 10s\n";
    let file = folder.file("a.plan", plan);
    let plain = outcome(&simulate(&["run", &file]));
    assert_eq!(figure(&plain, "nodes"), "30");
    let same = [
        "--nodes",
        "30",
        "--lookups",
        "10",
        "--duration",
        "10s",
        "--seed",
        "3",
    ];
    assert_eq!(outcome(&simulate(&[&["run"], &same[..]].concat())), plain);
    let changed = outcome(&simulate(&["run", "--nodes", "20", &file, "--seed", "4"]));
    assert_eq!(figure(&changed, "nodes"), "20");
    assert_eq!(figure(&changed, "lookups"), "10");
    let hash = |table| figure(table, "trace hash");
    assert_ne!(hash(&changed), hash(&plain));
    let with_a_step = folder.file("b.plan", &format!("{plan}at 5s n07 crash\n"));
    let changed = outcome(&simulate(&["run", &with_a_step]));
    assert_ne!(hash(&changed), hash(&plain));
}

#[test]
fn a_run_with_churn_lasts_for_a_median_session() {
    let churn = ["run", "--nodes", "40", "--lookups", "10", "--churn", "5m"];
    let seconds = |table: &str| figure(table, "virtual time").parse::<f64>();
    let table = outcome(&simulate(&churn));
    // Two hundred seconds of rest come first.
    let lasts = seconds(&table).expect("a number");
    assert!((500.0..530.0).contains(&lasts), "{table}");
    let table = outcome(&simulate(&[&churn[..], &["--duration", "1m"]].concat()));
    let lasts = seconds(&table).expect("a number");
    assert!((260.0..290.0).contains(&lasts), "{table}");
}

#[test]
fn a_comparison_takes_plans_and_presets() {
    let folder = Folder::new("compare");
    let plan =
        |latency| format!("nodes 30\nlookups 10\nduration 10s\nlatency constant:{latency}\n");
    let (near, far) = (
        folder.file("near.plan", &plan("20ms")),
        folder.file("far.plan", &plan("80ms")),
    );
    let output = simulate(&["compare", &near, &far]);
    assert!(output.status.success(), "{output:?}");
    let table = text(&output.stdout);
    let head = table.lines().next().unwrap_or_default();
    let words: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(words, ["near.plan", "far.plan", "ratio"]);
    let p50 = table.lines().find(|line| line.starts_with("latency p50"));
    let ratio = p50.and_then(|row| row.split_whitespace().last());
    // Four times the delay, as many rounds.
    assert_eq!(ratio, Some("4.000"), "{table}");
    let mixed = [
        "compare",
        &near,
        "adaptive",
        "--lookups",
        "10",
        "--nodes",
        "20",
    ];
    assert!(simulate(&mixed).status.success());
}

#[test]
fn a_replay_prints_what_happens_and_what_is_violated() {
    let folder = Folder::new("replay");
    let id = "3fa2456789abcdef0123456789abcdef01234567";
    let good = folder.file(
        "good.plan",
        &format!("nodes 12\nat 12.345s n07 find_node {id}\nhealed 20s\n"),
    );
    let output = simulate(&["replay", &good]);
    assert!(output.status.success(), "{output:?}");
    let summary = text(&output.stdout);
    assert!(!summary.contains('→') && !summary.contains("violated"));
    let output = simulate(&["replay", "--trace", &good]);
    assert!(output.status.success(), "{output:?}");
    let trace = text(&output.stdout);
    assert!(trace.ends_with(&summary), "looking on changes nothing");
    let asked = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words[..], ["12.350000s", "n07", "→", to, "find_node", "3fa24567…"]
            if to.starts_with('n'))
    };
    let sent = trace.lines().filter(asked).count();
    assert!(
        sent > 0,
        "at the edge of the window after 12.345 s:\n{trace}"
    );

    // No datagram with contacts in it gets through.
    let narrow = "nodes 12\nmtu 200\nfresh 1m\nstaleness 4m\ncheckpoint 30s\nhealed 10s\n";
    let narrow = folder.file("narrow.plan", narrow);
    let output = simulate(&["replay", &narrow]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = text(&output.stdout);
    assert!(
        told.lines().any(|line| line.starts_with("violated: ")
            && line.contains("lookups find the K closest after healing")),
        "{told}"
    );
}

#[test]
fn a_swarm_counts_the_faults_of_its_seeds() {
    let folder = Folder::new("swarm");
    let path = folder.0.to_str().expect("a plain path");
    let output = simulate(&["swarm", "--seeds", "0..5", "--jobs", "2", "--plans", path]);
    assert!(output.status.success(), "{output:?}");
    let told = text(&output.stdout);
    assert_eq!(figure(&told, "seeds"), "5");
    assert_eq!(figure(&told, "that fail"), "0");
    let never = told
        .lines()
        .find_map(|line| line.strip_prefix("never occurred: "));
    let never: BTreeSet<String> = never
        .into_iter()
        .flat_map(|all| all.split(", "))
        .map(str::to_owned)
        .collect();
    let mut occurred = 0;
    for fault in khashmir_sim::swarm::Fault::ALL.map(|fault| fault.to_string()) {
        let count: u64 = figure(&told, &fault).parse().expect("a count");
        assert_eq!(count == 0, never.contains(&fault), "{fault}\n{told}");
        occurred += count;
    }
    assert!(occurred > 0 && !never.is_empty(), "{told}");
    assert_eq!(fs::read_dir(&folder.0).expect("the folder").count(), 0);
}

#[test]
fn a_file_that_cannot_be_opened_is_refused_before_the_run() {
    /// The run itself would take hours.
    const LIMIT: Duration = Duration::from_secs(20);
    let folder = Folder::new("unopened");
    let path = folder.0.to_str().expect("a plain path");
    let run = [
        "run",
        "--nodes",
        "100",
        "--lookups",
        "1",
        "--duration",
        "9999h",
    ];
    for option in ["--json", "--report", "--pcap"] {
        for bad in ["/no/such/folder/file", path] {
            let output = common::simulate_within(LIMIT, &[&run[..], &[option, bad]].concat());
            is_refused(&output, &format!("{bad}: "));
        }
    }
    let both = format!("{path}/figures");
    let output = common::simulate_within(
        LIMIT,
        &[&run[..], &["--json", &both, "--report", &both]].concat(),
    );
    is_refused(&output, "figures: written twice");
    assert_eq!(folder.names(), [""; 0], "nothing is left behind");
}

#[test]
fn a_file_keeps_what_it_holds_if_the_plan_makes_no_sense() {
    let folder = Folder::new("kept");
    let file = folder.file("figures.json", "of yesterday");
    let output = simulate(&["run", "--alpha", "0", "--json", &file]);
    is_refused(&output, "alpha");
    assert_eq!(fs::read_to_string(&file).expect("the file"), "of yesterday");
    assert_eq!(folder.names(), ["figures.json"]);
}

#[test]
fn figures_and_pages_carry_all_that_it_takes_to_make_them_again() {
    let folder = Folder::new("again");
    let plan = "seed 3\nnodes 30\nlookups 10\nduration 10s\nat 5s n07 crash\n";
    let file = folder.file("a.plan", plan);
    let (json, page) = (folder.file("a.json", ""), folder.file("a.html", ""));
    let options = ["--seed", "18446744073709551615", "--loss", "0.01"];
    let first = ["run", &file, "--json", &json, "--report", &page];
    let first = outcome(&simulate(&[&first[..], &options].concat()));
    let figures = fs::read_to_string(&json).expect("the file");
    let figures: serde_json::Value = serde_json::from_str(&figures).expect("JSON");
    assert_eq!(figures["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(figures["seed"], u64::MAX);
    let whole = figures["plan"].as_str().expect("text");
    let again = folder.file("again.plan", whole);
    assert_eq!(outcome(&simulate(&["run", &again])), first);
    let page = fs::read_to_string(&page).expect("the page");
    assert!(page.contains(whole.trim_end()), "{page}");
    assert!(page.contains(&u64::MAX.to_string()) && page.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_largest_seeds_are_tried_and_no_others() {
    let folder = Folder::new("largest");
    let path = folder.0.to_str().expect("a plain path");
    let seeds = "18446744073709551613..18446744073709551615";
    let swarm = ["swarm", "--seeds", seeds, "--jobs", "3", "--plans", path];
    let output = common::simulate_within(Duration::from_secs(120), &swarm);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(figure(&text(&output.stdout), "seeds"), "2");
}
