//! Configuration files in the hands of the command: what it prints, what it takes, what it refuses.

#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod scratch;

use process::{Node, khashmir, run};
use scratch::Scratch;

/// A file with this in it.
fn file(scratch: &Scratch, text: &str) -> String {
    let file = scratch.of("khashmir.toml");
    std::fs::write(&file, text).expect("it can be written");
    file
}

#[test]
fn a_node_runs_from_the_example_and_options_win_over_it() {
    let scratch = Scratch::new();
    let example = run(&["config", "--example"]).good();
    let alone = example.replace("alone = false", "alone = true");
    let file = file(&scratch, &alone);
    let mut node = Node::start(&["--config", &file]);
    assert!(node.addr.starts_with("127.0.0.1:"), "--listen wins");
    assert_eq!(node.end_by("TERM").code(), Some(0));
    assert!(!node.complained_again());
}

#[test]
fn a_file_says_where_to_listen_and_who_to_be() {
    let scratch = Scratch::new();
    let id = "a0f7e779f9247566c84036f07f7bdf4a40a869bd";
    let text = format!(
        "listen = '127.0.0.1:0'\nalone = true\nmemory = true\n[protocol]\nid = '{id}'\nrole = 'base'"
    );
    let node = Node::start_with(&["--config", &file(&scratch, &text)]);
    assert_eq!(node.id, id);
    assert!(node.addr.starts_with("127.0.0.1:"));
    let put = run(&["put", "--bootstrap", &node.addr, "key", "value"]);
    assert_eq!(put.code, 1, "a node of the base role takes no values");
}

#[test]
fn mistakes_in_a_file_are_told_in_one_line_with_its_name() {
    let scratch = Scratch::new();
    let file = file(&scratch, "alone = true\n[protocol]\nalpha = 1\nbeta = 2\n");
    let complaint = run(&["node", "--config", &file]).bad(2);
    let expected = format!("khashmir: {file}:4:1: protocol.beta: there is no such setting\n");
    assert_eq!(complaint, expected);
    std::fs::write(&file, b"alone = '\xff'").expect("it can be written");
    let complaint = run(&["node", "--config", &file]).bad(2);
    assert!(
        complaint.contains(&file) && complaint.contains("UTF-8"),
        "{complaint}"
    );
    // Nobody to join is nobody to join, whoever says it.
    std::fs::write(&file, "memory = true").expect("it can be written");
    let complaint = run(&["node", "--config", &file]).bad(2);
    assert!(complaint.contains("--bootstrap"), "{complaint}");
    let mut command = khashmir(&["node", "--config", &scratch.of("")]);
    let output = command.output().expect("the command was built");
    assert_eq!(output.status.code(), Some(2), "a directory is no file");
}

/// What the section of a file of the original means, and whether a node takes it.
fn translated(scratch: &Scratch, name: &str) -> String {
    let original = format!("{}/tests/files/{name}", env!("CARGO_MANIFEST_DIR"));
    let ours = run(&["config", "--from-apt-p2p", &original]).good();
    let options = [
        "--alone",
        "--listen",
        "127.0.0.1:0",
        "--memory",
        "--bootstrap",
        "127.0.0.1:9",
    ];
    let file = file(scratch, &ours);
    let node = Node::start_with(&[&["--config", &file][..], &options].concat());
    assert!(node.addr.starts_with("127.0.0.1:"));
    ours
}

#[test]
fn the_settings_of_the_original_are_understood() {
    let scratch = Scratch::new();
    for (name, expected) in [
        ("early.conf", include_str!("files/early.toml")),
        ("late.conf", include_str!("files/late.toml")),
    ] {
        assert_eq!(translated(&scratch, name), expected, "{name}");
    }
    let file = scratch.of("apt-p2p.conf");
    for (text, named) in [
        ("[DEFAULT]\nPORT = 1\n", "apt_p2p_Khashmir"),
        ("[apt_p2p_Khashmir]\nK 8\n", "apt-p2p.conf:2: "),
    ] {
        std::fs::write(&file, text).expect("it can be written");
        let complaint = run(&["config", "--from-apt-p2p", &file]).bad(2);
        assert!(complaint.contains(named), "{complaint}");
    }
}
