//! Every path that a piece of source text names: in `use` trees, in types, expressions and patterns,
//! and in the arguments of macros, which the parser leaves alone.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, UseTree};

use crate::source::{Source, is_test};

/// A path as it is written, with the module that it is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) module: Vec<String>,
    pub(crate) path: Vec<String>,
    pub(crate) place: Place,
}

/// Where a path is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a `use`.
    Import,
    /// Anywhere else.
    Code,
}

/// The paths that a file names outside of its tests. A glob ends with `*`, and a path that is given
/// another name with that name after `as`.
pub(crate) fn named_in(source: &Source) -> Vec<Named> {
    let mut names = Names {
        module: source.module.clone(),
        found: Vec::new(),
    };
    names.visit_file(&source.file);
    names.found
}

struct Names {
    module: Vec<String>,
    found: Vec<Named>,
}

impl Names {
    fn note(&mut self, line: usize, path: Vec<String>, place: Place) {
        self.found.push(Named {
            line,
            module: self.module.clone(),
            path,
            place,
        });
    }

    fn flatten(&mut self, tree: &UseTree, before: &[String], line: usize) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => {
                self.flatten(&path.tree, &with(path.ident.to_string()), line);
            }
            UseTree::Name(name) => self.note(line, with(name.ident.to_string()), Place::Import),
            UseTree::Rename(renamed) => {
                let mut path = with(renamed.ident.to_string());
                path.extend(["as".to_owned(), renamed.rename.to_string()]);
                self.note(line, path, Place::Import);
            }
            UseTree::Glob(_) => self.note(line, with("*".to_owned()), Place::Import),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.flatten(tree, before, line);
                }
            }
        }
    }

    /// The paths among the tokens of a macro: names with `::` between them.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 && !path.is_empty() {
                        self.note(line, std::mem::take(&mut path), Place::Code);
                    }
                    line = name.span().start().line;
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    if colons == 2 {
                        path.push("*".to_owned());
                    }
                    self.scan(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => colons = 0,
            }
        }
        if !path.is_empty() {
            self.note(line, path, Place::Code);
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test(&module.attrs) {
            self.module.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.use_token.span.start().line;
        self.flatten(&item.tree, &[], line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|one| one.ident.to_string());
        let line = path
            .segments
            .first()
            .map(|one| one.ident.span().start().line);
        self.note(line.unwrap_or(0), names.collect(), Place::Code);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.scan(called.tokens.clone());
    }
}
