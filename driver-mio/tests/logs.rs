//! What a node logs: as much as it is told to, in the form that it is told to, and never as much as another
//! node would have it.

#[allow(dead_code)]
mod asker;
#[allow(dead_code)]
mod process;

use asker::Asker;
use process::Node;
use serde_json::Value;

/// What a node logs in a life with so many queries.
fn life(options: &[&str], queries: usize) -> Vec<String> {
    let mut node = Node::start(&[&["--alone"], options].concat());
    let mut asker = Asker::new(node.addr.parse().expect("an address"));
    for _ in 0..queries {
        asker.token().expect("the node answers");
    }
    assert_eq!(node.end_by("TERM").code(), Some(0));
    node.complaints()
}

#[test]
fn nothing_is_logged_of_an_ordinary_life_unless_it_is_asked_for() {
    assert_eq!(life(&[], 1), Vec::<String>::new());
    let logged = life(&["--log-level", "info"], 1);
    assert!(
        logged[0].starts_with("khashmir: info: node: version "),
        "{logged:?}"
    );
    assert!(
        !logged.iter().any(|line| line.contains("datagram")),
        "{logged:?}"
    );
    let logged = life(&["--log-level", "info", "--log-format", "full"], 1);
    let is_dated = |line: &String| line.starts_with("20") && line.contains(" INFO node: ");
    assert!(logged.iter().all(is_dated), "{logged:?}");
}

#[test]
fn others_cannot_flood_the_log_and_what_was_left_out_is_counted() {
    const QUERIES: usize = 500;
    let logged = life(&["--log-level", "trace", "--log-format", "json"], QUERIES);
    assert!(logged.len() < 100, "{} lines", logged.len());
    let parse = |line: &String| serde_json::from_str(line).expect("a JSON object");
    let logged: Vec<Value> = logged.iter().map(parse).collect();
    let shown = logged
        .iter()
        .filter(|line| line["target"] == "datagram")
        .count();
    let left_out = logged.iter().filter(|line| line["about"] == "datagram");
    let left_out: u64 = left_out
        .map(|line| line["lines"].as_u64().expect("a number"))
        .sum();
    // Each query and its answer, and what the node asks this stranger.
    let all = shown as u64 + left_out;
    assert!(
        (2 * QUERIES as u64..2 * QUERIES as u64 + 50).contains(&all),
        "{shown} and {left_out}"
    );
    assert!(logged.iter().all(|line| line["timestamp"].is_string()));

    let logged = life(&["--log-level", "trace"], QUERIES);
    let told = |line: &&String| line.contains(" lines about datagram of level TRACE were left out");
    assert_eq!(logged.iter().filter(told).count(), 1, "{logged:?}");
}

#[test]
fn with_json_all_of_standard_error_is_json() {
    let logged = life(&["-vv", "--log-format", "json"], 1);
    assert!(
        logged.iter().any(|line| line.contains("find_node")),
        "{logged:?}"
    );
    let options = [
        "--alone",
        "--memory",
        "--log-format",
        "json",
        "--listen",
        "192.0.2.1:1",
    ];
    let ran = process::run(&[&["node"], &options[..]].concat());
    assert_eq!(ran.code, 1);
    for line in logged.iter().map(String::as_str).chain(ran.stderr.lines()) {
        let object: Value = serde_json::from_str(line).expect("a JSON object");
        assert!(object["message"].is_string(), "{line}");
    }
    assert!(
        ran.stderr.contains("cannot listen at 192.0.2.1:1"),
        "{}",
        ran.stderr
    );
}
