//! Each crate alone: with none of its features, and with each of them. All of them together
//! are what the workspace compiles.
//!
//! A crate that compiles in the workspace may not compile alone, where no other crate turns on
//! the features of their common dependencies. Only `cargo check --package` tells.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::metadata::Crate;
use super::{rules, tools};

/// Which crates are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CrateSet {
    /// Crates without Burn: a few minutes.
    WithoutBurn,
    /// Every crate: Burn is compiled again for many of them.
    All,
}

/// Backends that need a toolkit or a download to compile. `.ci/run` checks the types of the
/// first.
const HEAVY: [&str; 3] = ["cuda", "tch", "wgpu"];

/// The feature sets of a crate: none, then each alone.
fn sets(of: &Crate) -> Vec<Option<&str>> {
    let own = of.features.keys().map(String::as_str);
    let light = own.filter(|name| *name != "default" && !HEAVY.contains(name));
    std::iter::once(None).chain(light.map(Some)).collect()
}

/// The folder of these builds. Their flags differ from those of other builds, which would be
/// made anew each time if they shared a folder.
fn target(root: &Path) -> PathBuf {
    let outer = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    root.join(outer).join("features")
}

/// Crates that do not compile alone with some set of features, one sentence each.
///
/// # Errors
/// Cargo that cannot be started.
pub(super) fn violations(
    crates: &[Crate],
    root: &Path,
    which: CrateSet,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let is_asked_for = |of: &&Crate| which == CrateSet::All || rules::is_without_burn(&of.name);
    for of in crates.iter().filter(|of| of.is_library_of(root)).filter(is_asked_for) {
        for set in sets(of) {
            let mut command = tools::cargo();
            command
                .args(["check", "--quiet", "--locked", "--no-default-features"])
                .args(["--package", &of.name, "--features", set.unwrap_or_default()])
                .env("CARGO_TARGET_DIR", target(root))
                .env("RUSTFLAGS", "-Dwarnings")
                .current_dir(root);
            if !command.status().context("cannot start `cargo check`")?.success() {
                let with = set.unwrap_or("no feature");
                found.push(format!("{} alone does not compile with {with}", of.name));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_light_feature_is_tried_alone() {
        let names = ["cuda", "default", "hub", "parquet"];
        let features = names.map(|name| (name.to_owned(), Vec::new())).into();
        let of = Crate { features, ..Crate::default() };
        assert_eq!(sets(&of), [None, Some("hub"), Some("parquet")]);
    }
}
