//! The house rules that a test can hold: modules that need no other in a circle, short files, first
//! lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest that a file may be, in lines.
const LONGEST_FILE: usize = 500;

fn sources(root: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// The code of a file, without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("readable");
    let code = text.split("#[cfg(test)]\nmod tests").next();
    code.unwrap_or_default().to_owned()
}

/// The modules that each module of a crate names after `crate::`.
fn uses(root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut paths = Vec::new();
    sources(root, &mut paths);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let below = path.strip_prefix(root).expect("below").to_str();
        let below = below.expect("text");
        if below.starts_with("bin/") || below.ends_with("tests.rs") {
            continue;
        }
        let module = below.split(['/', '.']).next().expect("a name").to_owned();
        let of = uses.entry(module.clone()).or_default();
        for rest in code(&path).split("crate::").skip(1) {
            let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
            let name: String = rest.chars().take_while(|c| is_part(*c)).collect();
            if !name.is_empty() && name != module {
                of.insert(name);
            }
        }
    }
    uses
}

#[test]
fn no_modules_need_each_other_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for root in [source.clone(), source.join("bin/khashmir")] {
        let mut uses = uses(&root);
        assert!(uses.len() > 10, "the sources are here");
        assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 20);
        while !uses.is_empty() {
            let free = |(_, of): &(&String, &BTreeSet<String>)| {
                of.iter().all(|other| !uses.contains_key(other))
            };
            let free = uses.iter().find(free).map(|(module, _)| module.clone());
            let free = free.unwrap_or_else(|| panic!("a circle among {uses:#?}"));
            uses.remove(&free);
        }
    }
}

#[test]
fn files_are_short_and_say_first_what_they_are_for() {
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut paths,
        );
    }
    for path in paths {
        let text = fs::read_to_string(&path).expect("readable");
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{}: {lines} lines", path.display());
        assert!(text.starts_with("//! "), "{}", path.display());
    }
}
