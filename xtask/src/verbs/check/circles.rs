//! Circles of files: files of one crate that import each other.
//!
//! A file imports another where a path of its code leads to a definition there. Paths go
//! through `use` lines, re-exports included, to the file that defines the name. A `pub use`
//! itself is no import, so that a `lib.rs` or `mod.rs` which only hands names on is in no
//! circle. Tests are not read.

mod floors;
mod graph;
mod modules;
mod paths;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context as _;

use self::floors::Floors;
use self::modules::Modules;

/// Circles that are still there, a line each.
const KNOWN: &str = include_str!("circles/known.txt");

/// What is wrong with the circles `found`, as [`circles`] words them: those that are new, and
/// known ones that are gone.
pub(super) fn violations(found: &[String]) -> Vec<String> {
    against(KNOWN, found)
}

fn against(known: &str, found: &[String]) -> Vec<String> {
    let known: Vec<&str> = known.lines().filter(|line| !line.starts_with('#')).collect();
    let is_known = |circle: &&String| known.contains(&circle.as_str());
    let new = found.iter().filter(|circle| !is_known(circle));
    let gone = known.iter().filter(|known| found.iter().all(|circle| circle != *known));
    new.map(|circle| format!("{circle} import each other"))
        .chain(gone.map(|circle| format!("gone, so take it out of known.txt: {circle}")))
        .collect()
}

/// How the files of a crate import each other.
pub(super) struct Imports {
    /// Circles of files, worded.
    pub(super) circles: Vec<String>,
    floors: Floors,
}

impl Imports {
    /// Of the crate whose sources are in `src`.
    ///
    /// # Errors
    /// A source that cannot be read or parsed.
    pub(super) fn of(name: &str, src: &Path) -> anyhow::Result<Self> {
        let mut found = Self { circles: Vec::new(), floors: Floors::new() };
        for root in ["lib.rs", "main.rs"].map(|root| src.join(root)) {
            if !root.is_file() {
                continue;
            }
            let modules = Modules::read(&root)
                .with_context(|| format!("cannot read the sources of {name}"))?;
            for circle in graph::circles(&modules.imports()) {
                let names: Vec<String> = circle
                    .iter()
                    .map(|file| {
                        let path = modules.file(*file);
                        path.strip_prefix(src).unwrap_or(path).display().to_string()
                    })
                    .collect();
                found.circles.push(format!("{name}: {}", names.join(", ")));
            }
            let floors = floors::of(&modules);
            if floors.len() > found.floors.len() {
                found.floors = floors;
            }
        }
        Ok(found)
    }
}

/// What is wrong with the floors of crates, and their numbers in one line.
pub(super) fn floors(crates: Vec<(String, Imports)>) -> (Vec<String>, String) {
    let mut floors: Vec<(String, Floors)> =
        crates.into_iter().map(|(name, imports)| (name, imports.floors)).collect();
    floors.sort_unstable();
    let counts: Vec<String> =
        floors.iter().map(|(name, floors)| format!("{name} {}", floors.len())).collect();
    (floors::violations(&floors), counts.join(", "))
}
