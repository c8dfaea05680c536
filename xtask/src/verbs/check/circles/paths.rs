//! The paths that an item's code names.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{Attribute, Item};

/// Paths met in the code of an item.
#[derive(Default)]
pub(super) struct PathsOf(BTreeSet<Vec<String>>);

impl PathsOf {
    pub(super) fn item(item: &Item) -> BTreeSet<Vec<String>> {
        let mut paths = Self::default();
        paths.visit_item(item);
        paths.0
    }
}

impl<'ast> Visit<'ast> for PathsOf {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.0.insert(path.segments.iter().map(|s| s.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(item) {
            visit::visit_item(self, item);
        }
    }

    /// Attributes name derives and lints, which are not of the crate.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Whether an item is compiled for tests only.
pub(super) fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test"))
    })
}
