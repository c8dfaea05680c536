//! Each crate alone, with none of its features and with each of them.

use std::path::Path;

use anyhow::Context as _;

use super::metadata::Crate;
use super::tools;

/// Backends that need a toolkit or a download to compile. `.ci/run` checks the types of the
/// first.
const HEAVY: [&str; 3] = ["cuda", "tch", "wgpu"];

/// The feature sets of a crate: none, then each alone.
fn sets(of: &Crate) -> Vec<Option<&str>> {
    let own = of.features.keys().map(String::as_str);
    let light = own.filter(|name| *name != "default" && !HEAVY.contains(name));
    std::iter::once(None).chain(light.map(Some)).collect()
}

/// Crates that do not compile alone with some set of features, one sentence each.
///
/// # Errors
/// Cargo that cannot be started.
pub(super) fn violations(crates: &[Crate], root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for of in crates.iter().filter(|of| of.is_library_of(root)) {
        for set in sets(of) {
            let mut command = tools::cargo();
            command.args(["check", "--quiet", "--package", &of.name, "--no-default-features"]);
            command.args(set.iter().flat_map(|name| ["--features", name]));
            let status = command.env("RUSTFLAGS", "-Dwarnings").current_dir(root).status();
            if !status.context("cannot start `cargo check`")?.success() {
                let with = set.unwrap_or("no feature");
                found.push(format!("{} does not compile with {with} alone", of.name));
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
