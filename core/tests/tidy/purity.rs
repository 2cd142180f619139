//! What the core must not do: read a clock, draw entropy, name the standard library, panic on
//! purpose, or go through an unordered map.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprField, ExprMethodCall, ExprUnsafe, ItemMod, Macro, Member};

use crate::names::named_in;
use crate::source::{Source, is_test};

/// Names that nothing in the core has a use for.
const IMPURE: &[&str] = &["std", "SystemTime", "OsRng", "thread_rng", "getrandom"];
/// Paths of which the same is true.
const IMPURE_CALLS: &[(&str, &str)] = &[("Instant", "now")];
/// Macros that panic on purpose.
const PANICS: &[&str] = &["panic", "unreachable", "todo", "unimplemented"];
/// Methods that do.
const PANICKING: &[&str] = &["unwrap", "expect", "unwrap_err", "expect_err"];
/// Maps without an order, and the library that they come from.
const UNORDERED: &[&str] = &["HashMap", "HashSet", "hashbrown"];
/// The one file that has such a map, the field that holds it, and what is done with it: nothing
/// that depends on the order.
const WITH_MAP: &str = "rpc/mod.rs";
const MAP: &str = "by_tid";
const DONE_WITH_MAP: &[&str] = &[
    "clear",
    "contains_key",
    "entry",
    "get",
    "get_mut",
    "insert",
    "is_empty",
    "len",
    "remove",
    "shrink_to",
];

/// Where a file reads a clock, draws entropy or names the standard library.
pub(crate) fn impure(source: &Source) -> Vec<String> {
    let named = named_in(source).into_iter().filter(|named| {
        let impure = |name: &String| IMPURE.contains(&name.as_str());
        let pairs = named.path.windows(2);
        let mut pairs = pairs.map(|pair| (pair[0].as_str(), pair[1].as_str()));
        named.path.iter().any(impure) || pairs.any(|pair| IMPURE_CALLS.contains(&pair))
    });
    let mut faults: Vec<_> = named
        .map(|named| format!("{}:{}: {}", source.name, named.line, named.path.join("::")))
        .collect();
    faults.extend(
        look(source)
            .unsafe_at
            .iter()
            .map(|line| format!("{}:{line}: unsafe", source.name)),
    );
    faults
}

/// Where a file panics on purpose.
pub(crate) fn panics(source: &Source) -> Vec<String> {
    let panics = look(source).panics;
    let fault = |(line, what)| format!("{}:{line}: {what}", source.name);
    panics.into_iter().map(fault).collect()
}

/// Where a file names an unordered map, or does with the one that there is what depends on the order.
pub(crate) fn unordered(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for named in named_in(source) {
        let map = named
            .path
            .iter()
            .any(|name| UNORDERED.contains(&name.as_str()));
        if map && source.name != WITH_MAP {
            faults.push(format!(
                "{}:{} names an unordered map",
                source.name, named.line
            ));
        }
    }
    for (line, what) in look(source).map_uses {
        faults.push(format!("{}:{line}: {what} of {MAP}", source.name));
    }
    faults
}

#[derive(Default)]
struct Look {
    panics: Vec<(usize, String)>,
    map_uses: Vec<(usize, String)>,
    unsafe_at: Vec<usize>,
}

fn look(source: &Source) -> Look {
    let mut look = Look::default();
    look.visit_file(&source.file);
    look
}

fn is_map(field: &ExprField) -> bool {
    matches!(&field.member, Member::Named(name) if name == MAP)
}

impl<'ast> Visit<'ast> for Look {
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let (line, method) = (call.method.span().start().line, call.method.to_string());
        if let Expr::Field(field) = &*call.receiver
            && is_map(field)
        {
            if !DONE_WITH_MAP.contains(&method.as_str()) {
                self.map_uses.push((line, method));
            }
            for argument in &call.args {
                self.visit_expr(argument);
            }
            return;
        }
        if PANICKING.contains(&method.as_str()) {
            self.panics.push((line, method));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_field(&mut self, field: &'ast ExprField) {
        if is_map(field) {
            let line = field.span().start().line;
            self.map_uses.push((line, "a use".to_owned()));
        }
        visit::visit_expr_field(self, field);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast ExprUnsafe) {
        self.unsafe_at.push(block.span().start().line);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let (line, name) = (called.path.span().start().line, called.path.segments.last());
        let name = name.map(|last| last.ident.to_string()).unwrap_or_default();
        if PANICS.contains(&name.as_str()) {
            self.panics.push((line, name));
        }
        // The parser leaves alone what stands in a macro.
        let tokens: String = called.tokens.to_string().split_whitespace().collect();
        for method in PANICKING {
            if tokens.contains(&format!(".{method}(")) {
                self.panics.push((line, (*method).to_owned()));
            }
        }
        if tokens.contains(&format!(".{MAP}")) {
            self.map_uses.push((line, "a use in a macro".to_owned()));
        }
    }
}
