//! The house rule that the modules of an experiment form no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules of a folder, and which others of the same folder each of them names.
fn uses(folder: &Path, module: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = if path.is_dir() {
            text_of_folder(&path)
        } else {
            fs::read_to_string(&path).expect("text")
        };
        texts.insert(name.into_owned(), text);
    }
    let parents = ["super::".to_owned(), format!("crate::{module}::")];
    let named = |text: &str| {
        let code = text.lines().filter(|line| !line.trim().starts_with("//"));
        let code: String = code.flat_map(|line| [line, "\n"]).collect();
        let mut named = BTreeSet::new();
        for parent in &parents {
            for (at, _) in code.match_indices(parent.as_str()) {
                named.extend(first_names(&code[at + parent.len()..]));
            }
        }
        named
    };
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in &texts {
        let others = named(text).into_iter().map(|other| {
            // What is not a module of its own belongs to the folder's own file.
            let is_module = texts.contains_key(&other);
            if is_module { other } else { "mod".to_owned() }
        });
        uses.insert(name.clone(), others.filter(|other| other != name).collect());
    }
    // The folder's own file names its modules without saying whose they are.
    let root = texts.get("mod").expect("the folder's own file");
    let used = texts
        .keys()
        .filter(|name| root.contains(&format!("{name}::")));
    uses.insert("mod".to_owned(), used.cloned().collect());
    uses
}

/// The text of a module that is a folder, with `super` as its own file would say it.
fn text_of_folder(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("text");
        if path.file_stem().is_some_and(|name| name == "mod") {
            all += &text;
        } else {
            let outside = text.replace("super::super::", "outside::");
            let inside = outside.replace("super::", "self::");
            all += &inside.replace("outside::", "super::");
        }
    }
    all
}

/// The names with which paths begin: one, or those within braces.
fn first_names(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let of_a_name = |c: &char| c.is_alphanumeric() || *c == '_';
        text.trim().chars().take_while(of_a_name).collect()
    };
    let Some(inside) = rest.strip_prefix('{') else {
        return vec![word(rest)];
    };
    let inside = inside.split('}').next().unwrap_or_default();
    let names = inside.split(',').map(word);
    names.filter(|name| !name.is_empty()).collect()
}

/// A circle of modules, if there is one.
fn circle(uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left = uses.clone();
    // A module that names none of those that are left is in no circle.
    while let Some(free) = left
        .iter()
        .find(|(_, others)| others.iter().all(|other| !left.contains_key(other)))
        .map(|(name, _)| name.clone())
    {
        left.remove(&free);
    }
    (!left.is_empty()).then(|| left.into_keys().collect())
}

#[test]
fn the_modules_of_an_experiment_form_no_circle() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/experiment");
    let uses = uses(&folder, "experiment");
    assert!(uses.len() > 10 && uses["mod"].contains("run"), "{uses:?}");
    assert!(uses["run"].contains("population"), "{uses:?}");
    assert_eq!(circle(&uses), None, "{uses:#?}");
}

#[test]
fn a_circle_is_seen() {
    let uses = |all: &[(&str, &[&str])]| -> BTreeMap<String, BTreeSet<String>> {
        let owned = |others: &[&str]| others.iter().map(|&other| other.to_owned()).collect();
        all.iter()
            .map(|(name, others)| ((*name).to_owned(), owned(others)))
            .collect()
    };
    assert_eq!(
        circle(&uses(&[("a", &["b"]), ("b", &["c"]), ("c", &[])])),
        None
    );
    let round = circle(&uses(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]));
    assert_eq!(round, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
    assert_eq!(
        first_names("{self, run::Run, Progress}"),
        ["self", "run", "Progress"]
    );
    assert_eq!(first_names("run::Run;"), ["run"]);
}
