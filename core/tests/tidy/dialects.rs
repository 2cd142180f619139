//! Decisions by dialect: what one dialect does otherwise than another is the business of `wire` alone.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprBinary, ItemMod, Macro, Pat};

use crate::names::{Place, named_in};
use crate::source::{Source, is_test};

/// Where a file outside of `wire` decides by dialect: in a pattern, by comparing, in the arguments
/// of a macro such as `matches!`; or makes ready to, by giving the type another name or taking in
/// its variants.
pub(crate) fn check(source: &Source) -> Vec<String> {
    if source.module.first().is_some_and(|module| module == "wire") {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut decisions = Decisions {
        lines: &mut lines,
        in_pattern: 0,
    };
    decisions.visit_file(&source.file);
    for named in named_in(source) {
        let mut after = named.path.iter().skip_while(|name| *name != "Dialect");
        // Another name for the type, its variants, or one of them.
        if after.nth(1).is_some() && named.place == Place::Import {
            lines.push(named.line);
        }
    }
    lines.sort_unstable();
    lines.dedup();
    let name = &source.name;
    let fault = |line| format!("{name}:{line} decides by dialect");
    lines.into_iter().map(fault).collect()
}

struct Decisions<'l> {
    lines: &'l mut Vec<usize>,
    in_pattern: usize,
}

impl Decisions<'_> {
    fn names_variant(path: &syn::Path) -> bool {
        let before_last = path.segments.iter().rev().skip(1);
        before_last
            .into_iter()
            .any(|segment| segment.ident == "Dialect")
    }
}

impl<'ast> Visit<'ast> for Decisions<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_pat(&mut self, pattern: &'ast Pat) {
        self.in_pattern += 1;
        visit::visit_pat(self, pattern);
        self.in_pattern -= 1;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if self.in_pattern > 0 && Self::names_variant(path) {
            self.lines.push(path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        if matches!(binary.op, BinOp::Eq(_) | BinOp::Ne(_)) {
            for side in [&binary.left, &binary.right] {
                if let Expr::Path(side) = &**side
                    && Self::names_variant(&side.path)
                {
                    self.lines.push(side.span().start().line);
                }
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let tokens = called.tokens.to_string();
        if tokens.contains("Dialect ::") {
            self.lines.push(called.path.span().start().line);
        }
    }
}
