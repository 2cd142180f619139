//! The source files of the core, parsed, and which of them are tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item};

/// A source file.
pub(crate) struct Source {
    /// Its path below the folder that was read.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) file: syn::File,
    /// Where its contents are in the tree of modules: no names for the crate root.
    pub(crate) module: Vec<String>,
}

impl Source {
    /// A file of that name with that text.
    pub(crate) fn new(name: &str, text: String) -> Self {
        let file = syn::parse_file(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
        let path = name.strip_suffix(".rs").expect("a Rust file");
        let path = path.strip_suffix("/mod").unwrap_or(path);
        let module = path.split('/').filter(|part| *part != "lib");
        Self {
            name: name.to_owned(),
            text,
            file,
            module: module.map(str::to_owned).collect(),
        }
    }

    /// The modules that it declares as tests in files of their own.
    fn test_modules(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.file.items.iter().filter_map(|item| {
            let Item::Mod(module) = item else {
                return None;
            };
            let in_its_own_file = module.content.is_none();
            (in_its_own_file && is_test(&module.attrs)).then(|| {
                let mut path = self.module.clone();
                path.push(module.ident.to_string());
                path
            })
        })
    }
}

/// All Rust files below a folder of this package.
pub(crate) fn all_below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).expect("below the folder");
        let name = name.to_str().expect("a plain name").replace('\\', "/");
        Source::new(&name, fs::read_to_string(path).expect("readable"))
    };
    paths.into_iter().map(read).collect()
}

/// The files of the core that are no tests.
pub(crate) fn all_code() -> Vec<Source> {
    let mut sources = all_below("src");
    let tests: BTreeSet<_> = sources.iter().flat_map(Source::test_modules).collect();
    let is_below = |module: &[String]| tests.iter().any(|test| module.starts_with(test));
    sources.retain(|source| !is_below(&source.module));
    assert!(sources.len() > 30, "the sources are here");
    sources
}

/// Whether something is only there in tests.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let cfg = attribute.path().is_ident("cfg");
        let names = attribute.parse_args::<syn::Ident>();
        cfg && names.is_ok_and(|name| name == "test")
    })
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
