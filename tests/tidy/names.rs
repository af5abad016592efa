//! Which outside names a source file uses: modules of its own crate, and other crates.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, ItemFn, ItemMod, ItemUse, Macro, UseTree};

/// What a file names outside of tests.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Names {
    /// First names behind `crate::`.
    pub(crate) modules: BTreeSet<String>,
    /// First names of all other paths: crates, and whatever else a path may begin with.
    pub(crate) firsts: BTreeSet<String>,
    /// First and second name of all other paths.
    pub(crate) pairs: BTreeSet<String>,
    /// Whether some path climbs more than one step.
    pub(crate) climbs: bool,
    /// Text literals.
    pub(crate) texts: BTreeSet<String>,
}

/// Reads the names in `source`. Items for tests are left out.
pub(crate) fn names(source: &str) -> syn::Result<Names> {
    let mut names = Names::default();
    names.visit_file(&syn::parse_file(source)?);
    Ok(names)
}

impl Names {
    fn path(&mut self, path: &[String]) {
        match path {
            [first, second, ..] if first == "crate" || first == "$crate" => {
                _ = self.modules.insert(second.clone())
            }
            [first, second, ..] if first == "super" && second == "super" => self.climbs = true,
            [first, rest @ ..] => {
                self.firsts.insert(first.clone());
                if let [second, ..] = rest {
                    self.pairs.insert(format!("{first}::{second}"));
                }
            }
            [] => {}
        }
    }

    fn tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(path.ident.to_string())),
            UseTree::Name(name) => self.path(&with(name.ident.to_string())),
            UseTree::Rename(rename) => self.path(&with(rename.ident.to_string())),
            UseTree::Glob(_) => self.path(&with("*".to_owned())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before)),
        }
    }

    /// Paths in the arguments of a macro, which are not parsed yet.
    fn tokens(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        for triple in words.windows(3) {
            if let ["crate", "::", module] = triple {
                self.modules
                    .insert(module.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_owned());
            }
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        path.is_ident("test")
            || (path.is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test")))
    })
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.tree(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // A single name is a local one: imports say where it comes from.
        if names.len() > 1 {
            self.path(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.tokens(&item.tokens.to_string());
        visit::visit_macro(self, item);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.texts.insert(text.value());
    }
}

#[test]
fn names_are_found_wherever_they_stand() {
    let source = r#"
        use crate::{model::Route, store::{self, Store}};
        use super::super::x;
        #[cfg(test)] use crate::hidden_a;
        fn f() -> sqlx::Pool { crate::proxy::run(matches!(x, crate::router::Y), "text") }
        #[cfg(test)] mod tests { use crate::hidden_b; }
        #[test] fn t() { crate::hidden_c(); }
    "#;
    let found = names(source).expect("parses");
    let modules: Vec<_> = found.modules.iter().map(String::as_str).collect();
    assert_eq!(modules, ["model", "proxy", "router", "store"]);
    assert!(found.firsts.contains("sqlx") && found.pairs.contains("sqlx::Pool"));
    assert!(found.climbs && found.texts.contains("text"));
}
