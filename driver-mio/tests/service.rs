//! A node as a service: what it tells systemd, the socket that it is handed, and what signals make it do.

#![cfg(unix)]

#[cfg(target_os = "linux")]
#[allow(dead_code)]
mod asker;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod scratch;

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use asker::{Asker, Stored};
use process::{Node, PATIENCE, khashmir, run};
use scratch::Scratch;
use serde_json::Value;

/// The other end of what a service tells.
struct Supervisor(UnixDatagram);

impl Supervisor {
    /// Waits for a message that begins like this, and gives the whole.
    fn hears(&self, begin: &str) -> String {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let mut message = [0; 4096];
            let len = self.0.recv(&mut message).expect("it tells something");
            let message = String::from_utf8_lossy(&message[..len]).into_owned();
            if message.starts_with(begin) {
                return message;
            }
        }
        panic!("it never tells {begin}");
    }
}

#[test]
fn systemd_hears_what_becomes_of_a_node() {
    let scratch = Scratch::new();
    let socket = UnixDatagram::bind(scratch.of("notify")).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let supervisor = Supervisor(socket);
    let first = Node::start(&["--alone"]);
    let node = [
        "node",
        "--memory",
        "--listen",
        "127.0.0.1:0",
        "--bootstrap",
        &first.addr,
    ];
    let mut node = Node::spawn(
        khashmir(&node)
            .env("NOTIFY_SOCKET", scratch.of("notify"))
            .env("WATCHDOG_USEC", "60000"),
    );
    supervisor.hears("READY=1");
    supervisor.hears("STATUS=joined 1 contacts");
    let since = Instant::now();
    for _ in 0..5 {
        supervisor.hears("WATCHDOG=1");
    }
    assert!(since.elapsed() < Duration::from_secs(5), "in time, mostly");
    node.signal("HUP");
    assert!(
        supervisor
            .hears("RELOADING=1")
            .contains("\nMONOTONIC_USEC=")
    );
    supervisor.hears("READY=1");
    node.signal("TERM");
    supervisor.hears("STOPPING=1");
    assert!(node.end_by("0").success());
}

/// The command of a node that is handed this socket, as the descriptor 3.
fn with_socket(socket: OwnedFd) -> Command {
    let hand_over = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" node --memory --alone 3<&0 </dev/null";
    let mut command = Command::new("sh");
    command
        .args(["-c", hand_over, env!("CARGO_BIN_EXE_khashmir")])
        .stdin(Stdio::from(socket));
    command
}

#[test]
fn a_node_takes_the_socket_that_it_is_handed() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let addr = socket.local_addr().expect("it is bound").to_string();
    let node = Node::spawn(&mut with_socket(socket.into()));
    assert_eq!(node.addr, addr);
    assert!(run(&["ping", &addr]).good().starts_with(&node.id));

    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let output = with_socket(listener.into()).output().expect("it runs");
    let complaint = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("handed over"), "{complaint}");
}

#[test]
fn settings_that_can_change_do_so_at_a_sighup_and_the_others_are_named() {
    let scratch = Scratch::new();
    let file = scratch.of("khashmir.toml");
    let set = |text: &str| std::fs::write(&file, text).expect("it can be written");
    set("alone = true\nlog_level = 'warn'\n");
    let first = Node::start(&["--alone"]);
    let mut node = Node::start(&["--config", &file]);

    set(&format!(
        "bootstrap = ['{}']\nlog_level = 'info'\n",
        first.addr
    ));
    node.signal("HUP");
    assert_eq!(node.line(), "joined 1 contacts");
    let taken = node.complaint();
    assert!(
        taken.ends_with("taken over: log_level, alone, bootstrap"),
        "{taken}"
    );

    // All but what is said of the socket, which the command line says.
    set(
        "alone = true\nlog_level = 'error'\nlisten = '0.0.0.0:1'\n[protocol]\nk = 9\n[store]\nmax_keys = 7\n",
    );
    node.signal("HUP");
    node.signal("USR1");
    assert!(
        node.complaint().contains("joined"),
        "that was logged before"
    );
    let screen = node.complaint();
    assert!(
        screen.starts_with("node "),
        "errors alone are logged now: {screen}"
    );

    set("log_level = 'info'\n[protocol]\nk = 9\n[store]\nmax_keys = 7\n");
    node.signal("HUP");
    let taken = loop {
        let line = node.complaint();
        if line.contains("taken over") {
            break line;
        }
    };
    assert!(taken.contains("log_level"), "{taken}");
    let fixed = node.complaint();
    assert!(fixed.ends_with(": protocol.k, store.max_keys"), "{fixed}");

    set("log_level = 'info'\nfrob = 1");
    node.signal("HUP");
    let wrong = node.complaint();
    assert!(
        wrong.contains("stays as it is") && wrong.contains(":2:1: frob"),
        "{wrong}"
    );
    assert!(node.end_by("TERM").success());
}

#[test]
fn a_node_says_on_one_screen_how_it_stands() {
    let node = Node::start(&["--alone"]);
    let _other = Node::join(&node);
    node.signal("USR1");
    let screen: Vec<String> = (0..12).map(|_| node.complaint()).collect();
    assert!(screen[0].contains(&node.id) && screen[0].contains(&node.addr));
    let has = |part: &str| screen.iter().any(|line| line.contains(part));
    assert!(
        has("network  1 contacts, ") && has(", reachable"),
        "{screen:?}"
    );
    let joins = screen.iter().find(|line| line.starts_with("join "));
    let joins: Vec<&str> = joins.expect("a line").split_whitespace().collect();
    assert_eq!(joins[4], "1", "one was received: {screen:?}");

    let node = Node::start(&["--alone", "--log-format", "json"]);
    node.signal("USR1");
    let object: Value = serde_json::from_str(&node.complaint()).expect("an object");
    assert_eq!(object["id"], node.id);
    assert_eq!(object["status"]["contacts"], 0);
}

#[test]
fn the_unit_starts_the_command_with_options_that_it_knows() {
    let unit = include_str!("../systemd/khashmir.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let words: Vec<&str> = start.expect("it starts something").split(' ').collect();
    let help = run(&[&words[1..], &["--help"]].concat()).good();
    assert!(help.contains("Usage: khashmir node"), "{help}");
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{option}");
    }
}

/// The README names these bounds.
#[cfg(target_os = "linux")]
#[test]
fn no_number_of_other_nodes_makes_a_node_take_more_descriptors_and_threads() {
    let scratch = Scratch::new();
    let few = "ulimit -n 24; exec \"$0\" node --alone --listen 127.0.0.1:0 --data \"$1\"";
    let mut command = Command::new("sh");
    command.args([
        "-c",
        few,
        env!("CARGO_BIN_EXE_khashmir"),
        &scratch.of("node"),
    ]);
    let mut node = Node::spawn(&mut command);
    let count = |of: &str| {
        let entries = std::fs::read_dir(format!("/proc/{}/{of}", node.pid()));
        entries.expect("it runs").count()
    };
    // What the test itself passes on may come on top.
    let before = count("fd").max(16);
    let mut askers: Vec<Asker> = Vec::new();
    for _ in 0..100 {
        askers.push(Asker::new(node.addr.parse().expect("an address")));
    }
    for (number, asker) in askers.iter_mut().enumerate() {
        let token = asker.token().expect("the node answers");
        let value = format!("value {number}");
        let key = khashmir::Id::hash_of(value.as_bytes());
        assert_eq!(
            asker.store(&token, key, value.as_bytes()),
            Stored::Acknowledged
        );
    }
    node.signal("USR1");
    assert!(node.complaint().starts_with("node "));
    assert!(count("fd") <= before, "{} descriptors", count("fd"));
    assert_eq!(
        count("task"),
        6,
        "main, loop, disk, signals, two for output"
    );
    assert!(node.end_by("TERM").success());
}
