//! Holds lookups to how they converge: any other figure in any world is a change of behaviour.

use std::fs;

use khashmir_benches::convergence::{snapshot, snapshot_path};

#[test]
fn lookups_converge_as_they_did() {
    let path = snapshot_path();
    let kept = fs::read_to_string(&path).expect("the table that is kept");
    let found = snapshot();
    let differing: Vec<String> = kept
        .lines()
        .zip(found.lines())
        .filter(|(kept, found)| kept != found)
        .map(|(kept, found)| format!("- {kept}\n+ {found}"))
        .collect();
    assert!(
        kept == found,
        "lookups converge otherwise than {} says:\n{}\nIf that is meant, write it anew:\n\
         cargo run --release -p khashmir-benches --example convergence -- --snapshot",
        path.display(),
        differing.join("\n")
    );
}
