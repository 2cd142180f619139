//! The house rules that a test can hold: layers, purity, file length, first lines.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the core from the lowest layer up. A module uses only modules of layers below
/// its own, and its own parts.
const LAYERS: &[&[&str]] = &[
    &["time", "id", "value"],
    &["rng"],
    &["contact", "address", "interval", "rtt"],
    &["wire", "routing", "storage", "token", "lookup"],
    &["config", "typed"],
    &["rpc", "operation", "server"],
    &["node"],
    &["lib"],
];

/// The longest that a file may be, in lines.
const LONGEST_FILE: usize = 500;

struct Source {
    /// Its path below `src`.
    name: String,
    /// The module of the crate root that it belongs to.
    module: String,
    text: String,
}

impl Source {
    /// The text without its unit tests, which may do as they like.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    fn is_test(&self) -> bool {
        self.name.ends_with("tests.rs")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "the sources are here");
    let read = |path: PathBuf| {
        let name = path
            .strip_prefix(&root)
            .expect("below src")
            .display()
            .to_string();
        let module = name.split(['/', '.']).next().expect("a name").to_owned();
        Source {
            name,
            module,
            text: fs::read_to_string(path).expect("readable"),
        }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("the module {module} is in no layer"))
}

/// The modules of the crate root that a text names after `crate::`.
fn used(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).filter_map(|rest| {
        let name = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?;
        (!name.is_empty() && name.starts_with(char::is_lowercase)).then_some(name)
    })
}

#[test]
fn every_module_uses_only_the_layers_below_its_own() {
    let mut uses = 0;
    for source in sources() {
        if source.is_test() {
            continue;
        }
        for other in used(source.code()) {
            let allowed = other == source.module || layer(other) < layer(&source.module);
            assert!(allowed, "{} reaches up to {other}", source.name);
            uses += 1;
        }
    }
    assert!(uses > 100, "the test reads the uses: {uses}");
}

#[test]
fn the_core_has_no_clock_no_std_and_no_entropy() {
    let forbidden = [
        "std::",
        "extern crate std",
        "SystemTime",
        "Instant::now",
        "thread_rng",
        "OsRng",
        "getrandom",
        "unsafe ",
    ];
    for source in sources() {
        for (number, line) in source.code().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let found = forbidden.iter().find(|word| code.contains(**word));
            assert_eq!(found, None, "{}:{}", source.name, number + 1);
        }
    }
}

#[test]
fn only_one_file_names_the_bencode_library() {
    let mut naming = sources();
    naming.retain(|source| source.text.contains("bendy::"));
    assert_eq!(
        naming
            .iter()
            .map(|source| source.name.as_str())
            .collect::<Vec<_>>(),
        ["wire/bencode.rs"]
    );
}

#[test]
fn nothing_iterates_an_unordered_map() {
    for source in sources() {
        let names_map = source.code().contains("HashMap") || source.code().contains("HashSet");
        assert!(
            !names_map || source.name == "rpc/mod.rs",
            "{} names an unordered map",
            source.name
        );
        for call in [
            "by_tid.iter",
            "by_tid.keys",
            "by_tid.values",
            "by_tid.drain",
            "by_tid.retain",
            "in &self.by_tid",
        ] {
            assert!(!source.code().contains(call), "{}: {call}", source.name);
        }
    }
}

#[test]
fn the_core_does_not_panic_on_purpose() {
    let panics = [
        ".unwrap()",
        ".expect(",
        "panic!(",
        "unreachable!(",
        "todo!(",
        "unimplemented!(",
    ];
    for source in sources() {
        if source.is_test() {
            continue;
        }
        for (number, line) in source.code().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let found = panics.iter().find(|word| code.contains(**word));
            assert_eq!(found, None, "{}:{}", source.name, number + 1);
        }
    }
}

#[test]
fn files_are_short_and_say_first_what_they_are_for() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", source.name);
        let first = source.text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! "),
            "{} does not say what it is for",
            source.name
        );
    }
}
