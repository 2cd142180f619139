//! The house rules that a test can hold: layers, purity, short files and functions, first lines. Each
//! check is tried on planted text that breaks its rule.

#[path = "tidy/dialects.rs"]
mod dialects;
#[path = "tidy/functions.rs"]
mod functions;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/purity.rs"]
mod purity;
#[path = "tidy/source.rs"]
mod source;

use layers::Exports;
use source::{Source, all_below, all_code};

/// The longest that a file may be, in lines.
const LONGEST_FILE: usize = 500;

/// What a check finds in all the code.
fn faults(check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    all_code().iter().flat_map(check).collect()
}

fn nothing() -> Vec<String> {
    Vec::new()
}

/// A file with a fault planted in it.
fn planted(name: &str, text: &str) -> Source {
    Source::new(name, text.to_owned())
}

fn exports() -> Exports {
    let root =
        "pub mod wire; mod node; pub use node::{Node, event::Event as Told}; pub use id::Id;";
    Exports::of(&planted("lib.rs", root))
}

#[test]
fn every_module_uses_only_the_layers_below_its_own() {
    let sources = all_code();
    let root = sources.iter().find(|source| source.name == "lib.rs");
    let exports = Exports::of(root.expect("a crate root"));
    let checked = sources.iter().map(|source| layers::check(source, &exports));
    let (uses, faults): (Vec<usize>, Vec<Vec<String>>) = checked.unzip();
    assert_eq!(faults.concat(), nothing());
    let uses: usize = uses.iter().sum();
    assert!(uses > 100, "the test reads the uses: {uses}");
}

#[test]
fn a_module_that_reaches_up_is_seen_however_it_is_written() {
    for text in [
        "use crate::node::Stats;",
        "use crate::{node::Stats, id::Id};",
        "use crate::{id::Id, node};",
        "use crate::Node;",
        "use crate::{Id, Told};",
        "use super::super::node::Stats;",
        "use super::super::{node::Stats as S};",
        "use super::super as root;",
        "use super::super::*;",
        "use crate::*;",
        "use crate as root;",
        "use crate::nowhere::Thing;",
        "fn f(node: &crate::node::Node) {}",
        "fn f() -> bool { matches!(g(), crate::node::Life::Running) }",
        "fn f() { let _ = vec![super::super::node::x()]; }",
        "impl From<crate::Node> for u8 {}",
        "mod inner { use super::super::super::node::Stats; }",
    ] {
        let (_, faults) = layers::check(&planted("wire/scan.rs", text), &exports());
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    }
    let fine = "use crate::{Id, id, time::Instant}; use super::message; use self::tests as t; \
        pub(crate) fn f() -> super::Malformed { vec![crate::rng::f(), super::list()] } \
        #[cfg(test)] mod tests { use crate::node::Node; }";
    let (uses, faults) = layers::check(&planted("wire/scan.rs", fine), &exports());
    assert_eq!((uses, faults), (4, nothing()));
    let (_, faults) = layers::check(&planted("nowhere.rs", "use crate::id;"), &exports());
    assert_eq!(faults, ["nowhere.rs is in no layer"]);
}

#[test]
fn the_core_has_no_clock_no_std_and_no_entropy() {
    assert_eq!(faults(purity::impure), nothing());
    let sources = all_code();
    let root = sources.iter().find(|source| source.name == "lib.rs");
    let root = &root.expect("a crate root").text;
    assert!(root.contains("#![no_std]") && root.contains("#![forbid(unsafe_code)]"));
}

#[test]
fn a_clock_std_and_entropy_are_seen() {
    for text in [
        "use std::time::Duration;",
        "use { std as alloc };",
        "fn f() -> u64 { ::std::process::id().into() }",
        "fn f() { let now = Instant::now(); }",
        "fn f() { let now = crate::time::Instant::now(); }",
        "fn f() { g(SystemTime::UNIX_EPOCH) }",
        "fn f() { vec![OsRng.next_u32()]; }",
        "use rand_core::OsRng as Rng;",
        "fn f() { getrandom::fill(&mut []); }",
        "fn f() { unsafe { g() } }",
    ] {
        let faults = purity::impure(&planted("node/mod.rs", text));
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    }
    let fine = "use core::time::Duration; fn f(now: Instant) -> Instant { Instant::ORIGIN } \
        #[cfg(test)] mod tests { use std::io; }";
    assert_eq!(purity::impure(&planted("node/mod.rs", fine)), nothing());
}

#[test]
fn the_core_does_not_panic_on_purpose() {
    assert_eq!(faults(purity::panics), nothing());
}

#[test]
fn panics_are_seen() {
    for text in [
        "fn f() { g().unwrap(); }",
        "fn f() { g()\n.expect(\"a reason\"); }",
        "fn f() { panic!(\"never\") }",
        "fn f() { core::unreachable!() }",
        "fn f() { todo!() }",
        "fn f() { vec![g().unwrap()]; }",
    ] {
        let faults = purity::panics(&planted("node/mod.rs", text));
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    }
    let fine = "/// Like `unwrap()`.\nfn f() { g().unwrap_or(0); h(\".unwrap()\"); } \
        #[cfg(test)] mod tests { fn f() { g().unwrap() } }";
    assert_eq!(purity::panics(&planted("node/mod.rs", fine)), nothing());
}

#[test]
fn nothing_iterates_an_unordered_map() {
    assert_eq!(faults(purity::unordered), nothing());
}

#[test]
fn unordered_maps_are_seen() {
    for (name, text) in [
        ("storage.rs", "use hashbrown::HashMap;"),
        ("storage.rs", "struct S { all: HashMap<u8, u8> }"),
        ("rpc/mod.rs", "fn f(&self) { self.by_tid.iter() }"),
        ("rpc/mod.rs", "fn f(&self) { self.by_tid\n.retain(g) }"),
        ("rpc/mod.rs", "fn f(&self) { for call in &self.by_tid {} }"),
        ("rpc/mod.rs", "fn f(&self) { g(&mut self.by_tid) }"),
        ("rpc/mod.rs", "fn f(&self) { vec![self.by_tid.keys()]; }"),
    ] {
        let faults = purity::unordered(&planted(name, text));
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    }
    let fine = "use hashbrown::HashMap; fn f(&self) { self.by_tid.get(&self.first()); }";
    assert_eq!(purity::unordered(&planted("rpc/mod.rs", fine)), nothing());
}

#[test]
fn only_one_file_names_the_bencode_library() {
    let names = |source: &Source| {
        let mut named = names::named_in(source).into_iter();
        named.any(|named| named.path.iter().any(|name| name == "bendy"))
    };
    let mut naming = all_code();
    naming.retain(names);
    let naming: Vec<_> = naming.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(naming, ["wire/bencode.rs"]);
}

#[test]
fn only_the_wire_decides_by_dialect() {
    assert_eq!(faults(dialects::check), nothing());
}

#[test]
fn decisions_by_dialect_are_seen() {
    for text in [
        "fn f(d: Dialect) { match d { Dialect::Khashmir => g() } }",
        "fn f(d: Dialect) { match d { wire::Dialect::Khashmir if h() => g(), _ => h() } }",
        "fn f(d: Dialect) { if let Dialect::Khashmir = d { g() } }",
        "fn f(d: Dialect) { let Dialect::Khashmir = d else { return }; }",
        "fn f(d: Dialect) -> bool { d == Dialect::Khashmir }",
        "fn f(d: Dialect) -> bool { Dialect::Khashmir != d }",
        "fn f(d: Dialect) -> bool { matches!(d, Dialect::Khashmir) }",
        "use crate::wire::Dialect as Tongue;",
        "use crate::wire::Dialect::*;",
        "use crate::wire::{Dialect::Khashmir, Method};",
    ] {
        let faults = dialects::check(&planted("node/mod.rs", text));
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        assert_eq!(dialects::check(&planted("wire/mod.rs", text)), nothing());
    }
    let fine = "use crate::wire::Dialect; fn f(d: Dialect) -> Config { d.decode(); \
        match g() { Some(Dialect) => Config { dialect: Dialect::Khashmir }, _ => h(d) } }";
    assert_eq!(dialects::check(&planted("node/mod.rs", fine)), nothing());
}

#[test]
fn functions_are_short() {
    let sources = all_below("src").into_iter().chain(all_below("tests"));
    let faults: Vec<_> = sources
        .flat_map(|source| functions::check(&source))
        .collect();
    assert_eq!(faults, nothing());
}

#[test]
fn long_functions_are_seen() {
    let body = |lines: usize| "    g();\n".repeat(lines);
    for (before, after) in [
        ("fn f() {\n", "}"),
        ("impl S {\nfn f() {\n", "}\n}"),
        ("trait T {\nfn f() {\n", "}\n}"),
        ("mod tests {\n#[test]\nfn f() {\n", "}\n}"),
        ("/// Words.\npub fn f()\n{", "}"),
    ] {
        let long = format!("{before}{}{after}", body(69));
        let faults = functions::check(&planted("node/mod.rs", &long));
        assert_eq!(faults.len(), 1, "{long}: {faults:?}");
        let short = format!("{before}{}{after}", body(67));
        assert_eq!(functions::check(&planted("node/mod.rs", &short)), nothing());
    }
}

/// What is wrong with a file as a whole.
fn untidy(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let says = source.text.starts_with("//! ");
    let long = (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines", source.name));
    let mute = (!says).then(|| format!("{} does not say what it is for", source.name));
    long.into_iter().chain(mute).collect()
}

#[test]
fn files_are_short_and_say_first_what_they_are_for() {
    let sources = all_below("src").into_iter().chain(all_below("tests"));
    let faults: Vec<_> = sources.flat_map(|source| untidy(&source)).collect();
    assert_eq!(faults, nothing());
}

#[test]
fn long_files_and_those_that_do_not_say_what_they_are_for_are_seen() {
    let lines = |count: usize| format!("//! What it is for.\n{}", "\n".repeat(count - 1));
    assert_eq!(untidy(&planted("a.rs", &lines(500))), nothing());
    assert_eq!(untidy(&planted("a.rs", &lines(501))).len(), 1);
    assert_eq!(untidy(&planted("a.rs", "fn f() {}")).len(), 1);
    assert_eq!(untidy(&planted("a.rs", "// It is for this.")).len(), 1);
}
