//! Standard streams that are closed or full, names that are not text, and signals.
#![cfg(unix)]

mod common;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Folder, command, ends_within, simulate, text};

const SMALL: [&str; 7] = ["run", "--nodes", "20", "--lookups", "3", "--duration", "5s"];

/// Everything that the command does, briefly: arguments that print on standard output.
fn all(folder: &Folder) -> Vec<Vec<String>> {
    let plan = folder.file("small.plan", "nodes 12\nat 1s n03 find_close\n");
    let plans = folder.0.to_str().expect("a plain path");
    let all: [&[&str]; 6] = [
        &SMALL,
        &[
            "compare",
            "adaptive",
            "late",
            "--nodes",
            "20",
            "--lookups",
            "3",
            "--duration",
            "5s",
        ],
        &["replay", &plan],
        &["replay", "--trace", &plan],
        &["swarm", "--seeds", "0..2", "--plans", plans],
        &["--help"],
    ];
    let owned = |arguments: &[&str]| arguments.iter().map(|&word| word.to_owned()).collect();
    all.into_iter().map(owned).collect()
}

fn simulate_to(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>, words: &[String]) -> Output {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = command(&words);
    command.stdout(stdout).stderr(stderr);
    command.output().expect("it starts")
}

/// A device that is always full, where there is one.
fn full() -> Option<File> {
    OpenOptions::new().write(true).open("/dev/full").ok()
}

/// The writing end of a pipe whose reading end is closed.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn a_full_standard_output_is_a_failure_that_is_told() {
    let folder = Folder::new("full");
    for words in all(&folder) {
        let Some(full) = full() else { return };
        let output = simulate_to(full, Stdio::piped(), &words);
        assert_eq!(output.status.code(), Some(1), "{words:?} {output:?}");
        let told = text(&output.stderr);
        assert!(told.contains("khashmir-sim: stdout: "), "{words:?} {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn a_reader_that_has_read_enough_ends_the_command_in_silence() {
    let folder = Folder::new("unread");
    for words in all(&folder) {
        let output = simulate_to(unread(), Stdio::piped(), &words);
        assert_eq!(output.status.code(), Some(0), "{words:?} {output:?}");
        assert_eq!(text(&output.stderr), "", "{words:?}");
    }
}

#[test]
fn a_standard_error_that_takes_nothing_changes_nothing() {
    let bad = ["run", "--nodes", "0"].map(str::to_owned);
    let small = SMALL.map(str::to_owned);
    for broken in [full().map(Stdio::from), Some(unread())] {
        let Some(broken) = broken else { continue };
        let output = simulate_to(Stdio::piped(), broken, &bad);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    for broken in [full().map(Stdio::from), Some(unread())] {
        let Some(broken) = broken else { continue };
        let output = simulate_to(Stdio::piped(), broken, &small);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).starts_with("nodes"));
    }
}

#[test]
fn closed_standard_streams_are_no_panic() {
    let command = env!("CARGO_BIN_EXE_khashmir-sim");
    for (arguments, code) in [("run --nodes 20 --lookups 1 --duration 1s", 0), ("walk", 2)] {
        for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
            let line = format!("{command} {arguments} {closed}");
            let output = Command::new("sh").args(["-c", &line]).output();
            let output = output.expect("a shell");
            assert_eq!(output.status.code(), Some(code), "{closed} {output:?}");
        }
    }
}

#[test]
fn the_table_is_printed_although_files_cannot_be_written() {
    if full().is_none() {
        return;
    }
    for option in ["--json", "--report", "--pcap"] {
        let output = simulate(&[&SMALL[..], &[option, "/dev/full"]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stdout).contains("trace hash"), "{output:?}");
        let told = text(&output.stderr);
        assert!(told.starts_with("khashmir-sim: /dev/full: "), "{told}");
    }
}

#[test]
fn names_need_not_be_text() {
    let folder = Folder::new("names");
    let name = |name: &[u8]| folder.0.join(OsStr::from_bytes(name));
    let plan = name(b"a-\xFF.plan");
    if fs::write(&plan, "nodes 20\nlookups 2\nduration 2s\n").is_err() {
        // Some systems have no such names.
        return;
    }
    let run = |words: &[&str]| {
        let mut command = command(words);
        command.arg(&plan);
        command
    };
    for (mut command, told) in [
        (run(&["run"]), "trace hash"),
        (run(&["compare", "late"]), "a-\u{FFFD}.plan"),
        (run(&["replay"]), "trace hash"),
    ] {
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).contains(told), "{output:?}");
    }
    let (json, page) = (name(b"\xFE.json"), name(b"\xFE.html"));
    let mut command = run(&["run"]);
    command.arg("--json").arg(&json).arg("--report").arg(&page);
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = fs::read_to_string(&page).expect("a page");
    assert!(json.exists() && page.contains("\u{FFFD}.html"));
    let missing = command_with(&["replay"], b"\xFF\nmissing");
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert_eq!(text(&missing.stderr).lines().count(), 1, "{missing:?}");
}

fn command_with(words: &[&str], name: &[u8]) -> Output {
    let mut command = command(words);
    command.arg(OsStr::from_bytes(name));
    command.output().expect("it starts")
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(sent.expect("a command").success());
}

/// Starts the command, lets it run for a while, interrupts it, and sees it end within a second and
/// what a busy machine takes besides.
fn interrupted(words: &[&str], name: &str, stdout: Stdio) -> (Output, Duration) {
    let mut command = command(words);
    let mut child = command
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().expect("it is ours").is_none(), "too short");
    let begun = Instant::now();
    signal(&child, name);
    ends_within(Duration::from_secs(5), &mut child);
    let took = begun.elapsed();
    (child.wait_with_output().expect("what it said"), took)
}

const PATIENCE: Duration = Duration::from_millis(2000);

#[test]
fn an_interrupted_run_says_what_was_done_and_leaves_no_file() {
    let folder = Folder::new("interrupted");
    let old = folder.file("figures.json", "of yesterday");
    let page = folder.0.join("page.html");
    let page = page.to_str().expect("a plain path");
    let long = [
        "run",
        "--nodes",
        "300",
        "--lookups",
        "20000",
        "--duration",
        "9000h",
    ];
    let files = ["--json", &old, "--report", page];
    for (threads, name, code) in [("1", "INT", 130), ("2", "TERM", 143)] {
        let words = [&long[..], &files, &["--threads", threads]].concat();
        let (output, took) = interrupted(&words, name, Stdio::piped());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(took < PATIENCE, "{took:?}");
        let told = text(&output.stderr);
        assert!(
            told.starts_with("khashmir-sim: interrupted: looking up, at ")
                && told.lines().count() == 1,
            "{told}"
        );
        let table = text(&output.stdout);
        assert!(table.contains("found the closest"), "{table}");
        assert_eq!(folder.names(), ["figures.json"]);
        assert_eq!(fs::read_to_string(&old).expect("it"), "of yesterday");
    }
}

#[test]
fn an_interrupted_comparison_says_what_it_has_measured() {
    let words = [
        "compare",
        "late",
        "adaptive",
        "--lookups",
        "20000",
        "--duration",
        "9000h",
    ];
    let (output, took) = interrupted(&words, "INT", Stdio::piped());
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(took < PATIENCE, "{took:?}");
    let (told, table) = (text(&output.stderr), text(&output.stdout));
    assert!(
        told.starts_with("khashmir-sim: interrupted: late: "),
        "{told}"
    );
    assert!(table.starts_with("late\nnodes"), "{table}");
}

#[test]
fn an_interrupted_search_says_which_seeds_were_tried() {
    let folder = Folder::new("searching");
    let path = folder.0.to_str().expect("a plain path");
    let words = [
        "swarm",
        "--seeds",
        "0..9999999",
        "--plans",
        path,
        "--jobs",
        "2",
    ];
    let (output, took) = interrupted(&words, "INT", Stdio::piped());
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(took < PATIENCE, "{took:?}");
    let told = text(&output.stderr);
    assert!(told.contains(" of 9999999 seeds were tried"), "{told}");
    assert!(text(&output.stdout).starts_with("seeds "), "{output:?}");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn an_interrupted_replay_prints_its_lines_to_the_end() {
    let folder = Folder::new("replaying");
    let plan = folder.file("long.plan", "nodes 40\nat 9000h n00 crash\n");
    let mut command = command(&["replay", "--trace", &plan]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.starts_with("0.0"), "{first}");
    signal(&child, "INT");
    let last = lines.map(|line| line.expect("text")).last();
    ends_within(PATIENCE, &mut child);
    let output = child.wait_with_output().expect("what it said");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(last.is_some_and(|last| last.starts_with("trace hash")));
    assert!(text(&output.stderr).contains("interrupted: "), "{output:?}");
}

#[test]
fn a_command_whose_output_nobody_takes_ends_all_the_same() {
    let folder = Folder::new("stuck");
    let plan = folder.file("long.plan", "nodes 40\nat 9000h n00 crash\n");
    // The pipe is full after a moment, and the command waits for a reader.
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let words = ["replay", "--trace", &plan];
    let (output, took) = interrupted(&words, "INT", writer.into());
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(took < PATIENCE, "{took:?}");
    assert!(text(&output.stderr).contains("interrupted"), "{output:?}");
    let mut first = [0; 4];
    reader.read_exact(&mut first).expect("what was written");
    assert_eq!(&first, b"0.00");
}
