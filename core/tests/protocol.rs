//! The sections of the protocol that the sources cite are in `docs/protocol.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The numbers of the sections of the page, and of the numbered items of its last one.
fn written() -> BTreeSet<String> {
    let page = include_str!("../docs/protocol.md");
    let mut sections = BTreeSet::new();
    let mut last = String::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("##") {
            let title = title.trim_start_matches('#').trim_start();
            last = number(title);
            sections.insert(last.clone());
        } else if !number(line).is_empty() && line.contains(". ") && last == "13" {
            sections.insert(format!("{last}.{}", number(line)));
        }
    }
    sections
}

/// The number that a text begins with, such as 4 or 13.16, without a full stop behind it.
fn number(text: &str) -> String {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let number = &text[..digits.unwrap_or(text.len())];
    number.trim_end_matches('.').to_owned()
}

/// The sections that a text cites, those of RFCs left out.
fn cited(text: &str) -> Vec<String> {
    // A citation may be broken over two comment lines.
    let text = text.replace("\n", " ").replace("///", " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cited = Vec::new();
    for (at, word) in text.match_indices("section ") {
        let before = &text[..at];
        let of_rfc = before
            .rfind("RFC ")
            .is_some_and(|rfc| before[rfc..].len() <= "RFC 1234, ".len());
        let number = number(&text[at + word.len()..]);
        if !of_rfc && !number.is_empty() {
            cited.push(number);
        }
    }
    cited
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the package") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_cited_section_is_there() {
    let written = written();
    let mut paths = Vec::new();
    for folder in ["src", "tests/golden", "tests/oracle"] {
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut paths,
        );
    }
    let mut found = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a source file");
        for number in cited(&text) {
            assert!(
                written.contains(&number),
                "{} cites section {number}, which docs/protocol.md does not have",
                path.display()
            );
            found.insert(number);
        }
    }
    // If these are not found, citations are written in a way that this test does not read.
    for number in ["1", "1.3", "1.5", "4", "11", "12", "13.16"] {
        assert!(found.contains(number), "nothing cites section {number}");
    }
}

#[test]
fn citations_are_read_over_line_ends_and_told_from_those_of_rfcs() {
    let text = "/// rotations (specification,\n    /// section 6), (RFC 6298, section 2.2), section 13.10)";
    assert_eq!(cited(text), ["6", "13.10"]);
}
