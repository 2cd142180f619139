//! The command in real use: nodes in processes of their own, and what one asks of them.

#[allow(dead_code)]
mod process;

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::{Duration, Instant};

use khashmir::Id;
use khashmir::wire::{Dialect, Message, Query, Reply};
use process::{Node, PATIENCE, khashmir, run};
use serde_json::Value;

/// The SHA-1 of "greeting".
const GREETING: &str = "a0f7e779f9247566c84036f07f7bdf4a40a869bd";

/// Three nodes in one network.
fn three() -> [Node; 3] {
    let first = Node::start(&["--alone"]);
    let second = Node::join(&first);
    let third = Node::join(&first);
    let nodes = [first, second, third];
    // Whoever is asked by a stranger asks back before it tells others of it.
    for node in &nodes {
        let since = Instant::now();
        while run(&["find", "--bootstrap", &node.addr, "x"])
            .stdout
            .lines()
            .count()
            < nodes.len()
        {
            assert!(since.elapsed() < PATIENCE, "they never come together");
        }
    }
    nodes
}

fn objects(lines: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("a JSON object");
    lines.lines().map(parse).collect()
}

/// A port where somebody listens and never answers.
fn silent() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let addr = socket.local_addr().expect("it is bound").to_string();
    (socket, addr)
}

#[test]
fn what_is_put_through_one_node_is_got_through_another() {
    let nodes = three();
    let [through_1, through_2] = [&nodes[1].addr, &nodes[2].addr];
    let stored = run(&["put", "--bootstrap", through_1, "greeting", "hello, world"]).good();
    assert_eq!(stored, "stored at 3 nodes\n");
    run(&["put", "--bootstrap", through_1, "--hex", GREETING, "fF00"]).good();

    let get = |args: &[&str]| {
        let get = ["get", "--bootstrap", through_2];
        let got = khashmir(&[&get, args].concat()).output();
        let got = got.expect("the command was built");
        assert_eq!(got.status.code(), Some(0));
        got.stdout
    };
    // Values come in the order of their base64 texts.
    assert_eq!(get(&["greeting"]), b"\xff\x00\nhello, world\n");
    assert_eq!(
        get(&["--hex", "greeting"]),
        b"ff00\n68656c6c6f2c20776f726c64\n"
    );
    let json = String::from_utf8(get(&["--json", GREETING])).expect("text");
    let [bytes, text] = &objects(&json)[..] else {
        panic!("two values were stored: {json}");
    };
    assert_eq!(text["key"], GREETING);
    assert_eq!(
        (&text["value"], &text["value_hex"]),
        (&"hello, world".into(), &Value::Null)
    );
    assert_eq!(
        (&bytes["value"], &bytes["value_hex"]),
        (&Value::Null, &"ff00".into())
    );
}

#[test]
fn nodes_are_found_closest_first_and_say_what_they_hold() {
    let nodes = three();
    let through = &nodes[0].addr;
    let put = run(&["put", "--bootstrap", through, "--json", "greeting", "hi"]).good();
    let put = &objects(&put)[0];
    assert_eq!(put["key"], GREETING);

    let found = run(&["find", "--bootstrap", through, "--json", GREETING]).good();
    let found = objects(&found);
    assert_eq!(
        put["stored_at"].as_array(),
        Some(&found),
        "closest first, both"
    );
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let all: BTreeSet<_> = found
        .iter()
        .map(|node| (text(&node["id"]), text(&node["addr"])))
        .collect();
    let expected = nodes
        .iter()
        .map(|node| (node.id.clone(), node.addr.clone()));
    assert_eq!(all, expected.collect());
    let lines = run(&["find", "--bootstrap", through, GREETING]).good();
    let same = found
        .iter()
        .map(|node| format!("{} {}\n", text(&node["id"]), text(&node["addr"])));
    assert_eq!(lines, same.collect::<String>());

    let holders = run(&["find", "--values", "--bootstrap", through, "greeting"]).good();
    for node in &nodes {
        let line = format!("{} {} 1 values\n", node.id, node.addr);
        assert!(holders.contains(&line), "{holders}");
    }
    assert_eq!(holders.lines().count(), 3);
}

#[test]
fn a_ping_says_who_is_there_and_how_it_sees_us() {
    let node = Node::start(&["--alone"]);
    let pong = run(&["ping", &node.addr]).good();
    let words: Vec<&str> = pong.trim_end().split(' ').collect();
    let [id, millis, "ms,", "sees", "us", "as", seen_as] = words[..] else {
        panic!("an unexpected answer: {pong}");
    };
    assert_eq!(id, node.id);
    assert!(millis.parse::<f64>().expect("a number") > 0.0);
    assert!(seen_as.starts_with("127.0.0.1:"), "{seen_as}");
    // By name, the same node at one of the name's addresses.
    let by_name = node.addr.replace("127.0.0.1", "localhost");
    let pong = &objects(&run(&["ping", "--json", &by_name]).good())[0];
    assert_eq!(pong["id"], node.id);
    assert!(pong["rtt_ms"].as_f64() > Some(0.0));
    assert!(pong["sees_us_as"].as_str().is_some());
}

#[test]
fn a_dead_contact_does_not_keep_a_command_from_a_live_one() {
    let node = Node::start(&["--alone"]);
    let (_socket, silent) = silent();
    let since = Instant::now();
    let args = [
        "find",
        "--bootstrap",
        &silent,
        "--bootstrap",
        &node.addr,
        "x",
    ];
    let found = run(&args).good();
    assert_eq!(found, format!("{} {}\n", node.id, node.addr));
    assert!(since.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_fails_later_is_said_in_one_line() {
    let node = Node::start(&["--alone"]);
    let through = &node.addr;
    let complaint = run(&["get", "--bootstrap", through, "nothing"]).bad(1);
    assert!(complaint.contains("no value found"), "{complaint}");
    let complaint = run(&["find", "--values", "--bootstrap", through, "nothing"]).bad(1);
    assert!(complaint.contains("nobody holds values"), "{complaint}");
    let complaint = run(&["node", "--memory", "--alone", "--listen", through]).bad(1);
    assert!(complaint.contains(through), "{complaint}");
    let complaint = run(&["get", "--bootstrap", "no.such.name.invalid:1", "x"]).bad(1);
    assert!(complaint.contains("no.such.name.invalid:1"), "{complaint}");
}

/// A node that says it holds nine values, and never sends more than two.
fn holds_back() -> String {
    let (socket, addr) = silent();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            let Ok(Message::Query { tid, query, .. }) = Dialect::Khashmir.decode(&buffer[..len])
            else {
                continue;
            };
            let values: [&[u8]; 2] = [b"one", b"two"];
            let mut reply = Reply::from(Id::new([9; Id::LEN]));
            match query {
                Query::Join => reply.seen_as = Some(from),
                Query::FindNode { .. } => {
                    reply.nodes = Some((&[]).into());
                    reply.token = Some(b"token");
                }
                Query::FindValue { .. } => {
                    reply.nodes = Some((&[]).into());
                    reply.num = Some(9);
                }
                Query::GetValue { .. } => reply.values = Some((&values[..]).into()),
                Query::Ping | Query::StoreValue { .. } => {}
            }
            let mut answer = Vec::new();
            Dialect::Khashmir.encode_reply(tid, &reply, &mut answer);
            drop(socket.send_to(&answer, from));
        }
    });
    addr
}

#[test]
fn a_get_that_stays_incomplete_says_so_on_standard_error() {
    let got = run(&["get", "--bootstrap", &holds_back(), "key"]);
    assert_eq!((got.code, got.stdout.lines().count()), (0, 2));
    let complaint = got.stderr;
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.starts_with("khashmir: 2 values"), "{complaint}");
}

#[test]
fn a_timeout_bounds_the_whole_command() {
    let (_socket, silent) = silent();
    for args in [
        &["ping", &silent, "--timeout", "0.3"][..],
        &["find", "--bootstrap", &silent, "--timeout", "0.3", "x"],
        &["put", "--bootstrap", &silent, "--timeout", "0.3", "k", "v"],
        &["get", "--bootstrap", &silent, "--timeout", "0.3", "k"],
    ] {
        let since = Instant::now();
        let complaint = run(args).bad(1);
        let took = since.elapsed();
        assert!(complaint.contains("within 300ms"), "{complaint}");
        assert!(took >= Duration::from_millis(300), "{args:?}: {took:?}");
        assert!(took < Duration::from_secs(3), "{args:?}: {took:?}");
    }
}

#[test]
fn signals_make_a_node_leave_with_success() {
    for signal in ["TERM", "INT"] {
        let mut node = Node::start(&["--alone"]);
        assert_eq!(node.end_by(signal).code(), Some(0), "{signal}");
        assert!(!node.complained_again());
    }
}

#[test]
fn a_node_takes_the_id_that_it_is_given() {
    let node = Node::start(&["--alone", "--id", GREETING]);
    assert_eq!(node.id, GREETING);
    let pong = run(&["ping", &node.addr]).good();
    assert!(pong.starts_with(GREETING), "{pong}");
}

#[test]
fn a_node_that_reaches_nobody_says_so_once_and_keeps_running() {
    let mut node = Node::start(&["--bootstrap", "no.such.name.invalid:9977"]);
    let complaint = node.complaint();
    assert!(
        complaint.starts_with("khashmir: no node could be reached"),
        "{complaint}"
    );
    assert!(
        complaint.contains("no.such.name.invalid:9977"),
        "{complaint}"
    );
    // It serves all the same, and is in the network as soon as somebody finds it.
    let other = Node::join(&node);
    assert_eq!(node.line(), "joined 1 contacts");
    assert!(run(&["ping", &other.addr]).good().starts_with(&other.id));
    assert_eq!(node.end_by("TERM").code(), Some(0));
    assert!(!node.complained_again());
}

#[test]
fn verbose_commands_show_operations_and_datagrams_on_standard_error() {
    let node = Node::start(&["--alone"]);
    let shown = |level: &str| {
        let shown = run(&["find", level, "--bootstrap", &node.addr, GREETING]);
        assert_eq!(shown.code, 0);
        assert_eq!(shown.stdout, format!("{} {}\n", node.id, node.addr));
        shown.stderr
    };
    let operations = shown("-v");
    assert!(operations.contains(&format!("find node {GREETING}: 1 nodes found")));
    assert!(!operations.contains(" > "), "{operations}");
    let datagrams = shown("-vv");
    let sent = format!("> {} ", node.addr);
    let asked = |line: &str| line.contains(&sent) && line.contains(" find_node ");
    assert!(datagrams.lines().any(asked), "{datagrams}");
    assert!(datagrams.contains(&format!("reply of {}", node.id)));
}

#[test]
fn output_that_nobody_reads_is_no_reason_to_panic() {
    let node = Node::start(&["--alone"]);
    run(&["put", "--bootstrap", &node.addr, "greeting", "hi"]).good();
    for args in [
        &["get", "--bootstrap", &node.addr, "greeting"][..],
        &["ping", &node.addr],
        &["--help"],
    ] {
        let mut child = khashmir(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command was built");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        let complaint = String::from_utf8(ended.stderr).expect("text");
        assert_eq!((ended.status.code(), complaint.as_str()), (Some(0), ""));
    }
}

#[test]
fn the_demo_finds_everything_that_it_stores() {
    let ran = run(&["demo", "--json", "--seed", "7"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let [summary] = &objects(&ran.stdout)[..] else {
        panic!("one object was expected: {}", ran.stdout);
    };
    assert_eq!(
        (&summary["nodes"], &summary["seed"]),
        (&20.into(), &7.into())
    );
    assert_eq!(summary["stores"]["done"], 30);
    assert_eq!(
        (&summary["reads"]["found"], &summary["reads"]["tried"]),
        (&90.into(), &90.into())
    );
    assert!(summary["datagrams"]["sent"].as_u64() > Some(1000));
    let table = run(&["demo", "--nodes", "2"]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    assert!(table.stdout.contains("90 of 90 found"), "{}", table.stdout);
    assert!(table.stderr.contains("2 nodes listen"), "{}", table.stderr);
}
