//! Answers one query so many times, so that valgrind can count what one answer takes: the
//! difference between two runs, divided by the difference of their numbers.
//!
//! `valgrind --tool=callgrind target/release/examples/answers find_node 2000`

use std::process::ExitCode;

use khashmir_benches::{answerable, ask, loaded};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [method, count] = arguments.as_slice() else {
        eprintln!("usage: answers METHOD COUNT");
        return ExitCode::FAILURE;
    };
    let mut node = loaded(150);
    let asker = node.contacts().next().expect("150 of them");
    let queries = answerable(&mut node, &asker);
    let query = queries.iter().find(|(name, _)| name.name() == method);
    let (Some((_, datagram)), Ok(count)) = (query, count.parse::<u32>()) else {
        eprintln!("no such method, or not a number");
        return ExitCode::FAILURE;
    };
    let mut answer = Vec::new();
    for _ in 0..count {
        ask(&mut node, &asker, datagram, &mut answer);
    }
    ExitCode::SUCCESS
}
