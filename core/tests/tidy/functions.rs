//! Functions that are too long, in tests too.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use crate::source::Source;

/// The longest that a function may be, in lines from its name to its closing brace.
const LONGEST: usize = 70;

/// The functions of a file that are too long.
pub(crate) fn check(source: &Source) -> Vec<String> {
    let mut functions = Functions {
        file: &source.name,
        faults: Vec::new(),
    };
    functions.visit_file(&source.file);
    functions.faults
}

struct Functions<'s> {
    file: &'s str,
    faults: Vec<String>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &Signature, body: &Block) {
        let first = signature.span().start().line;
        let lines = body.span().end().line + 1 - first;
        if lines > LONGEST {
            let (file, name) = (self.file, &signature.ident);
            let fault = format!("{file}:{first}: {name} has {lines} lines");
            self.faults.push(fault);
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
