//! Which modules a file uses, and whether all of them lie in layers below its own.

use std::collections::BTreeMap;

use syn::{Item, UseTree, Visibility};

use crate::names::{Named, named_in};
use crate::source::Source;

/// The modules of the core from the lowest layer up. A module uses only modules of layers below
/// its own, and its own parts.
const LAYERS: &[&[&str]] = &[
    &["memory", "time", "id", "value"],
    &["rng", "text_form", "rtt"],
    &["contact", "address", "estimate", "interval"],
    &["wire", "routing", "storage", "token", "lookup"],
    &["config", "typed"],
    &["rpc", "operation", "server"],
    &["node"],
    &["lib"],
];

/// From which module the crate root takes each name that it exports.
pub(crate) struct Exports(BTreeMap<String, String>);

impl Exports {
    /// Those of a crate root.
    pub(crate) fn of(root: &Source) -> Self {
        let mut exports = BTreeMap::new();
        for item in &root.file.items {
            if let Item::Use(item) = item
                && matches!(item.vis, Visibility::Public(_))
                && let UseTree::Path(path) = &item.tree
            {
                let module = path.ident.to_string();
                add_names(&path.tree, &module, &mut exports);
            }
        }
        Self(exports)
    }
}

fn add_names(tree: &UseTree, module: &str, exports: &mut BTreeMap<String, String>) {
    match tree {
        UseTree::Path(path) => add_names(&path.tree, module, exports),
        UseTree::Name(name) => {
            exports.insert(name.ident.to_string(), module.to_owned());
        }
        UseTree::Rename(renamed) => {
            exports.insert(renamed.rename.to_string(), module.to_owned());
        }
        UseTree::Glob(_) => panic!("the crate root exports everything of {module}"),
        UseTree::Group(group) => {
            for tree in &group.items {
                add_names(tree, module, exports);
            }
        }
    }
}

/// The modules of the crate root that a file uses, beside its own; and what of that it must not.
pub(crate) fn check(source: &Source, exports: &Exports) -> (usize, Vec<String>) {
    let own = source.module.first().map_or("lib", String::as_str);
    let Some(own_layer) = layer(own) else {
        return (0, vec![format!("{} is in no layer", source.name)]);
    };
    let (mut uses, mut faults) = (0, Vec::new());
    for named in named_in(source) {
        let Some(absolute) = absolute(&named) else {
            continue;
        };
        let at = format!("{}:{}", source.name, named.line);
        let Some(first) = absolute.first().filter(|first| *first != "*") else {
            faults.push(format!("{at} takes in the whole crate root"));
            continue;
        };
        let module = exports.0.get(first).unwrap_or(first);
        let Some(layer_of_other) = layer(module) else {
            faults.push(format!("{at} names {module}, which is in no layer"));
            continue;
        };
        uses += usize::from(module != own);
        if module != own && layer_of_other >= own_layer {
            faults.push(format!("{at} reaches up to {module}"));
        }
    }
    (uses, faults)
}

/// The path from the crate root, if it is written as one that leads there or up.
fn absolute(named: &Named) -> Option<Vec<String>> {
    let mut rest = named.path.iter().peekable();
    let mut at = match rest.peek().map(|first| first.as_str()) {
        Some("crate") => {
            rest.next();
            Vec::new()
        }
        Some("super" | "self") => named.module.clone(),
        Some(_) | None => return None,
    };
    while let Some(up) = rest.next_if(|name| *name == "super" || *name == "self") {
        if up == "super" {
            at.pop();
        }
    }
    let another_name = |name: &&String| *name != "as";
    at.extend(rest.take_while(another_name).cloned());
    // `self` alone is a value, and `pub(crate)` names nothing.
    (named.path.len() > 1).then_some(at)
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}
