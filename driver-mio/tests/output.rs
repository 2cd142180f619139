//! What people do to the output of a node, and which signals end it: a node goes on, and an end is an
//! end.

#![cfg(unix)]

#[allow(dead_code)]
mod process;

use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process::{Node, PATIENCE, khashmir, run};

/// An end by a signal comes in that time, whatever hangs.
const LONGEST_END: Duration = Duration::from_secs(5);

/// A node of which nobody reads what it says on standard error, and its address.
fn unread(args: &[&str]) -> (Child, String) {
    let node = ["node", "--memory", "--alone", "--listen", "127.0.0.1:0"];
    let mut child = khashmir(&[args, &node].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("it is piped"))
        .read_line(&mut first)
        .expect("it says a first line");
    let addr = first.split(' ').nth(1).expect("an address").to_owned();
    (child, addr)
}

fn signal(child: &Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.expect("there is a shell").success());
}

fn end(child: &mut Child, patience: Duration) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status;
        }
        if since.elapsed() > patience {
            let _ = child.kill();
            panic!("it is still there after {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_node_serves_on_when_nobody_reads_its_trace_and_says_later_what_was_lost() {
    let (mut child, addr) = unread(&["-vv"]);
    // A line in and a line out for each; a pipe holds 64 KiB, and a MiB waits behind it.
    let asker = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    asker.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    asker.connect(&addr).expect("an address");
    let mut ping = Vec::new();
    let (dialect, sender) = (
        khashmir::wire::Dialect::Khashmir,
        khashmir::Id::hash_of(b"x"),
    );
    dialect.encode_query(&[7; 20], &sender, &khashmir::wire::Query::Ping, &mut ping);
    for number in 0..10_000 {
        asker.send(&ping).expect("loopback takes it");
        let answered = asker.recv(&mut [0; 1500]);
        answered.unwrap_or_else(|error| panic!("ping {number} is not answered: {error}"));
    }
    run(&["ping", &addr]).good();
    let reader = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let missing = lines.find(|line| line.contains(" lines are missing here"));
    assert!(missing.is_some());
    let latest = lines.by_ref().take(1000).count();
    assert_eq!(latest, 1000, "the latest lines are kept");
    signal(&child, "TERM");
    assert!(end(&mut child, LONGEST_END).success());
}

#[test]
fn sigterm_ends_a_node_whose_output_nobody_reads() {
    let (mut child, addr) = unread(&["-vv"]);
    let asker = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for _ in 0..2000 {
        asker.send_to(b"garbage", &addr).expect("loopback takes it");
    }
    run(&["ping", &addr]).good();
    signal(&child, "TERM");
    assert!(end(&mut child, LONGEST_END).success());
    let mut trace = Vec::new();
    let mut reader = child.stderr.take().expect("it is piped");
    reader.read_to_end(&mut trace).expect("it is over");
    // What a pipe holds, but for a line that no longer fits.
    assert!(trace.len() > 60_000, "the pipe was full: {}", trace.len());
}

#[test]
fn a_node_that_hangs_is_ended_by_a_second_signal() {
    // Standard output is a full pipe before the node has said a word.
    let (mut full, writer) = std::io::pipe().expect("a pipe");
    let mut fill = Command::new("sh")
        .args(["-c", "exec head -c 1000000 /dev/zero"])
        .stdout(writer.try_clone().expect("a handle"))
        .spawn()
        .expect("there is a shell");
    std::thread::sleep(Duration::from_millis(300));
    let args = ["node", "--memory", "--alone", "--listen", "127.0.0.1:0"];
    let mut child = khashmir(&args)
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .expect("the command was built");
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().expect("it is ours").is_none(), "it runs");
    let since = Instant::now();
    signal(&child, "TERM");
    signal(&child, "INT");
    let status = end(&mut child, Duration::from_secs(1));
    assert_eq!((status.signal(), status.code()), (None, Some(130)));
    assert!(since.elapsed() < Duration::from_secs(1));
    fill.kill().expect("it is ours");
    fill.wait().expect("it is ours");
    full.read_exact(&mut [0; 10]).expect("the pipe was full");
}

#[test]
fn a_closed_terminal_does_not_end_a_node() {
    let mut node = Node::start(&["--alone"]);
    node.signal("HUP");
    let pong = run(&["ping", &node.addr]).good();
    assert!(pong.starts_with(&node.id), "{pong}");
    assert!(node.end_by("TERM").success());
}
