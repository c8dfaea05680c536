//! The modules of a crate, the names that each defines, and the names that each brings in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use syn::{Item, UseTree, Visibility};

use super::paths::{PathsOf, is_test};

/// Hops from re-export to re-export before a name is given up: a circle of re-exports of
/// one name does not compile, a circle of globs does.
const HOPS: usize = 16;

/// A module: a file, or a block inside one.
struct Module {
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    defined: BTreeSet<String>,
    /// Names brought in, with their paths.
    uses: BTreeMap<String, Vec<String>>,
    /// Modules whose names are all brought in.
    globs: Vec<Vec<String>>,
    /// Paths that the module's code names; of its `use` lines those that bring names in.
    paths: BTreeSet<Vec<String>>,
}

/// The modules of a crate; the first is the root.
pub(super) struct Modules {
    files: Vec<PathBuf>,
    modules: Vec<Module>,
}

impl Modules {
    /// Reads the crate whose root file is `root`.
    ///
    /// # Errors
    /// A source that cannot be read or parsed.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut all = Self { files: Vec::new(), modules: Vec::new() };
        let dir = root.parent().unwrap_or(Path::new(""));
        all.read_file(root, dir, None)?;
        Ok(all)
    }

    pub(super) fn file(&self, file: usize) -> &Path {
        &self.files[file]
    }

    /// The module of the root that each file belongs to, by its name; the root's own file
    /// belongs to one without a name.
    pub(super) fn tops(&self) -> BTreeMap<usize, String> {
        let names: BTreeMap<usize, &String> =
            self.modules[0].children.iter().map(|(name, module)| (*module, name)).collect();
        let mut tops = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            let mut at = number;
            while let Some(parent) = self.modules[at].parent.filter(|parent| *parent != 0) {
                at = parent;
            }
            // The first module of a file is the file itself; others are blocks inside it.
            let name = names.get(&at).map_or_else(String::new, |name| (*name).clone());
            tops.entry(module.file).or_insert(name);
        }
        tops
    }

    /// Files that each file imports from, those of the modules that it is inside of apart: a
    /// module and the modules inside it are one thing in several files.
    pub(super) fn imports(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut edges: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            let targets = module.paths.iter().filter_map(|path| self.resolve(number, path, HOPS));
            let around = self.around(number);
            let others = targets.filter(|file| *file != module.file && !around.contains(file));
            edges.entry(module.file).or_default().extend(others);
        }
        edges
    }

    /// The files of the modules that `module` is inside of.
    fn around(&self, module: usize) -> BTreeSet<usize> {
        let mut files = BTreeSet::new();
        let mut at = self.modules[module].parent;
        while let Some(number) = at {
            files.insert(self.modules[number].file);
            at = self.modules[number].parent;
        }
        files
    }

    /// The file that defines the name to which `path` leads from `module`; `None` where it
    /// leaves the crate.
    fn resolve(&self, module: usize, path: &[String], hops: usize) -> Option<usize> {
        let (mut at, mut explicit) = (module, false);
        for (i, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => at = 0,
                "self" => {}
                "super" => at = self.modules[at].parent?,
                name => {
                    let here = &self.modules[at];
                    if let Some(child) = here.children.get(name) {
                        at = *child;
                    } else if here.defined.contains(name) {
                        return Some(here.file);
                    } else {
                        return self.brought_in(at, &path[i..], explicit, hops.checked_sub(1)?);
                    }
                }
            }
            explicit = true;
        }
        Some(self.modules[at].file)
    }

    /// As [`Modules::resolve`], for a name that `module` does not define itself.
    fn brought_in(
        &self,
        module: usize,
        path: &[String],
        explicit: bool,
        hops: usize,
    ) -> Option<usize> {
        let (name, rest) = path.split_first()?;
        let here = &self.modules[module];
        if let Some(target) = here.uses.get(name) {
            // `use serde::serde;` leads out of the crate, and not back to itself.
            let leaves = target.first() == Some(name);
            let longer: Vec<String> = target.iter().chain(rest).cloned().collect();
            return match leaves {
                true => None,
                false => self.resolve(module, &longer, hops),
            };
        }
        let from_globs = here.globs.iter().find_map(|glob| {
            let longer: Vec<String> = glob.iter().chain(path).cloned().collect();
            self.resolve(module, &longer, hops)
        });
        // A path that starts with the crate itself names something there, such as a macro's
        // output; one that starts elsewhere is of another crate.
        from_globs.or(explicit.then_some(here.file))
    }

    /// Reads a file and the files of its modules, which are below `dir`.
    fn read_file(
        &mut self,
        path: &Path,
        dir: &Path,
        parent: Option<usize>,
    ) -> anyhow::Result<usize> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let parsed =
            syn::parse_file(&text).with_context(|| format!("cannot parse {}", path.display()))?;
        self.files.push(path.to_owned());
        let file = self.files.len() - 1;
        self.read_items(&parsed.items, file, dir, parent)
    }

    fn read_items(
        &mut self,
        items: &[Item],
        file: usize,
        dir: &Path,
        parent: Option<usize>,
    ) -> anyhow::Result<usize> {
        let number = self.modules.len();
        self.modules.push(Module {
            file,
            parent,
            children: BTreeMap::new(),
            defined: BTreeSet::new(),
            uses: BTreeMap::new(),
            globs: Vec::new(),
            paths: BTreeSet::new(),
        });
        for item in items.iter().filter(|item| !is_test(item)) {
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let below = dir.join(&name);
                    let child = match &child.content {
                        Some((_, items)) => self.read_items(items, file, &below, Some(number))?,
                        None => {
                            let beside = dir.join(format!("{name}.rs"));
                            let inside = below.join("mod.rs");
                            let path = if beside.is_file() { beside } else { inside };
                            self.read_file(&path, &below, Some(number))?
                        }
                    };
                    self.modules[number].children.insert(name, child);
                }
                Item::Use(line) => {
                    // A name that is only handed on is not used here.
                    let uses = matches!(line.vis, Visibility::Inherited);
                    self.read_use(number, &line.tree, &mut Vec::new(), uses);
                }
                other => {
                    let module = &mut self.modules[number];
                    module.defined.extend(defined(other));
                    module.paths.extend(PathsOf::item(other));
                }
            }
        }
        Ok(number)
    }

    /// `before` is the path so far; without `uses` the names are handed on and not used.
    fn read_use(&mut self, module: usize, tree: &UseTree, before: &mut Vec<String>, uses: bool) {
        let here = &mut self.modules[module];
        let longer = |name: &dyn std::fmt::Display| {
            let mut path = before.clone();
            if name.to_string() != "self" {
                path.push(name.to_string());
            }
            path
        };
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.read_use(module, &path.tree, before, uses);
                before.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.read_use(module, tree, before, uses));
            }
            UseTree::Name(name) => {
                let path = longer(&name.ident);
                if uses {
                    here.paths.insert(path.clone());
                }
                if let Some(last) = path.last().cloned() {
                    here.uses.insert(last, path);
                }
            }
            UseTree::Rename(rename) => {
                let path = longer(&rename.ident);
                if uses {
                    here.paths.insert(path.clone());
                }
                here.uses.insert(rename.rename.to_string(), path);
            }
            UseTree::Glob(_) => here.globs.push(before.clone()),
        }
    }
}

/// The names that an item adds to its module.
fn defined(item: &Item) -> Vec<String> {
    let name = match item {
        Item::Const(i) => &i.ident,
        Item::Enum(i) => &i.ident,
        Item::Fn(i) => &i.sig.ident,
        Item::Static(i) => &i.ident,
        Item::Struct(i) => &i.ident,
        Item::Trait(i) => &i.ident,
        Item::TraitAlias(i) => &i.ident,
        Item::Type(i) => &i.ident,
        Item::Union(i) => &i.ident,
        Item::Macro(i) => match &i.ident {
            Some(ident) => ident,
            None => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    vec![name.to_string()]
}
