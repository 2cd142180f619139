//! The directory of a node: who may have it, what becomes of it when it is damaged or from another
//! version, its copies, and what is taken over from the original.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

#[allow(dead_code)]
mod asker;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod scratch;

use std::path::Path;

use asker::{Asker, Stored};
use khashmir::Id;
use process::{Node, khashmir, run};
use rusqlite::Connection;
use scratch::Scratch;

fn start(dir: &str) -> Node {
    Node::start_at("127.0.0.1:0", &["--alone", "--data", dir])
}

fn asker(node: &Node) -> Asker {
    Asker::new(node.addr.parse().expect("an address"))
}

/// Stores a value at the node.
fn store(node: &Node, value: &[u8]) {
    let mut asker = asker(node);
    let token = asker.token().expect("the node answers");
    let stored = asker.store(&token, Id::hash_of(value), value);
    assert_eq!(stored, Stored::Acknowledged);
}

fn holds(node: &Node, value: &[u8]) -> bool {
    let values = asker(node).values(Id::hash_of(value));
    values.expect("the node answers") == [value.to_vec()]
}

#[test]
fn a_second_process_is_refused() {
    let scratch = Scratch::new();
    let dir = scratch.of("node");
    let mut node = start(&dir);
    let complaint = run(&["node", "--alone", "--listen", "127.0.0.1:0", "--data", &dir]).bad(2);
    assert!(complaint.contains(&dir) && complaint.contains("another process"));
    assert_eq!(node.end_by("TERM").code(), Some(0));
    let again = start(&dir);
    assert_eq!(again.id, node.id);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_node_starts_afresh() {
    let scratch = Scratch::new();
    let dir = scratch.of("node");
    let mut node = start(&dir);
    store(&node, b"gone");
    assert_eq!(node.end_by("TERM").code(), Some(0));
    let file = Path::new(&dir).join("khashmir.db");
    let mut bytes = std::fs::read(&file).expect("it was written");
    bytes[200..].fill(0x5a);
    std::fs::write(&file, bytes).expect("it can be written");
    let mut again = start(&dir);
    let complaint = again.complaint();
    assert!(complaint.contains("damaged") && complaint.contains("khashmir.db.damaged-1"));
    assert!(file.with_file_name("khashmir.db.damaged-1").exists());
    assert_ne!(again.id, node.id);
    store(&again, b"new");
    assert_eq!(again.end_by("TERM").code(), Some(0));
    assert!(holds(&start(&dir), b"new"));
}

#[test]
fn a_file_of_a_later_version_or_another_program_is_left_alone() {
    let scratch = Scratch::new();
    let dir = scratch.of("node");
    assert_eq!(start(&dir).end_by("TERM").code(), Some(0));
    let file = Path::new(&dir).join("khashmir.db");
    let change = |sql: &str| {
        let connection = Connection::open(&file).expect("it is there");
        connection.execute_batch(sql).expect("it can be changed");
    };
    let refused = || run(&["node", "--alone", "--listen", "127.0.0.1:0", "--data", &dir]).bad(2);
    change("PRAGMA user_version = 99");
    let complaint = refused();
    assert!(complaint.contains("schema version 99"), "{complaint}");
    change("PRAGMA application_id = 1");
    let complaint = refused();
    assert!(complaint.contains("another program"), "{complaint}");
    assert!(!file.with_file_name("khashmir.db.damaged-1").exists());
}

#[test]
fn a_copy_of_a_running_node_is_as_good_as_the_node() {
    let scratch = Scratch::new();
    let (dir, copy) = (scratch.of("node"), scratch.of("copy"));
    let node = start(&dir);
    store(&node, b"before");
    std::fs::create_dir(&copy).expect("a directory");
    let file = format!("{copy}/khashmir.db");
    assert_eq!(run(&["backup", &dir, &file]).good(), "");
    store(&node, b"after");
    let restored = start(&copy);
    assert_eq!(restored.id, node.id);
    assert!(holds(&restored, b"before"));
    assert!(!holds(&restored, b"after") && holds(&node, b"after"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "it has secrets in it");
    }
}

#[test]
fn another_identity_for_a_node_that_has_one_is_refused() {
    let scratch = Scratch::new();
    let dir = scratch.of("node");
    let mut node = start(&dir);
    assert_eq!(node.end_by("TERM").code(), Some(0));
    let other = "a0f7e779f9247566c84036f07f7bdf4a40a869bd";
    let args = ["node", "--alone", "--id", other, "--data", &dir];
    let complaint = run(&args).bad(2);
    assert!(complaint.contains(&node.id) && complaint.contains(other));
    let complaint = run(&["node", "--data", &dir]).bad(2);
    assert!(complaint.contains("--bootstrap"), "it has no contacts");
}

#[test]
fn the_directory_is_the_one_that_the_system_gives() {
    let scratch = Scratch::new();
    for variable in ["STATE_DIRECTORY", "XDG_DATA_HOME"] {
        let dir = scratch.of(variable);
        let mut command = khashmir(&["import", &scratch.of("none.db")]);
        command.env_remove("STATE_DIRECTORY").env(variable, &dir);
        std::fs::write(scratch.of("none.db"), "").expect("it can be written");
        let output = command.output().expect("the command was built");
        assert_eq!(
            output.status.code(),
            Some(2),
            "an empty file is no database"
        );
        assert!(!Path::new(&dir).exists(), "nothing was done");

        let file = scratch.of("original.db");
        let original = Connection::open(&file).expect("a new file");
        let early = include_str!("files/early.sql");
        let _ = original.execute_batch(early);
        let output = khashmir(&["import", &file])
            .env_remove("STATE_DIRECTORY")
            .env(variable, &dir)
            .output();
        let output = output.expect("the command was built");
        let said = String::from_utf8(output.stdout).expect("text");
        assert!(said.contains("2 contacts, 3 values"), "{said}");
        let dir = match variable {
            "STATE_DIRECTORY" => dir,
            _ => format!("{dir}/khashmir"),
        };
        let node = start(&dir);
        assert!(said.contains(&node.id), "{said}");
        let complaint = run(&["import", "--data", &dir, &file]).bad(2);
        assert!(complaint.contains("in use"), "{complaint}");
        drop(node);
        let complaint = run(&["import", "--data", &dir, &file]).bad(2);
        assert!(complaint.contains("has a node already"), "{complaint}");
    }
}
