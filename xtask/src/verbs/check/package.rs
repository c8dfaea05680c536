//! The files that a package of each crate would hold.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use super::metadata::{Crate, Workspace};
use super::tools;

/// Bytes of the largest file that a package may hold. Golden values of tests are the largest.
const LARGEST: u64 = 1 << 20;

/// Folders at the root of the workspace whose files crates may compile in. A crate that does
/// so builds in a checkout, and with `cargo install --path`, and not from a package alone.
const SHARED: [&str; 3] = ["benches", "configs", "plans"];

/// Files that would be missing, too large, or compiled in from elsewhere, and fields that a
/// manifest lacks; one sentence each.
///
/// # Errors
/// `cargo package --list` that fails; a source that cannot be read.
pub(super) fn violations(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for of in workspace.crates.iter().filter(|of| of.is_library_of(&workspace.root)) {
        let dir = of.dir();
        for (field, value) in [("description", &of.description), ("repository", &of.repository)] {
            if value.as_ref().is_none_or(String::is_empty) {
                found.push(format!("{}: Cargo.toml has no {field}", of.name));
            }
        }
        for file in listed(of, &workspace.root)? {
            let path = dir.join(&file);
            // Files that cargo writes itself, such as `Cargo.toml.orig`, are not there.
            let Ok(metadata) = path.metadata() else { continue };
            if metadata.len() > LARGEST {
                found.push(format!("{}: {file} has {} bytes", of.name, metadata.len()));
            }
            if file.starts_with("src/") && file.ends_with(".rs") {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                found.extend(
                    outside(&text, &path, &dir, &workspace.root)
                        .map(|target| format!("{}: {file} compiles in {target}", of.name)),
                );
            }
        }
    }
    Ok(found)
}

fn listed(of: &Crate, root: &Path) -> anyhow::Result<Vec<String>> {
    let output = tools::cargo()
        .args(["package", "--list", "--allow-dirty", "--offline", "--package", &of.name])
        .current_dir(root)
        .output()
        .context("cannot start `cargo package`")?;
    anyhow::ensure!(
        output.status.success(),
        "`cargo package --list --package {}` failed: {}",
        of.name,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Files that `text`, the source at `path`, compiles in from outside its crate.
fn outside<'a>(
    text: &'a str,
    path: &'a Path,
    dir: &'a Path,
    root: &'a Path,
) -> impl Iterator<Item = String> + 'a {
    let quoted = |rest: &'a str| rest.strip_prefix("!(\"")?.split('"').next();
    let named = ["include_str", "include_bytes"]
        .into_iter()
        .flat_map(move |name| text.split(name).skip(1).filter_map(quoted));
    named.filter_map(move |name| {
        let target = plain(&path.parent()?.join(name));
        let shared = SHARED.iter().any(|folder| target.starts_with(root.join(folder)));
        (!target.starts_with(dir) && !shared).then(|| name.to_owned())
    })
}

/// A path with its `..` taken out.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = out.pop(),
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_from_outside_the_crate_are_named() {
        let text = r#"
            const A: &str = include_str!("style.css");
            const B: &str = include_str!("../../other/src/b.txt");
            const C: &[u8] = include_bytes!("../../../configs/c.toml");
            const D: &[u8] = include_bytes!("../../../secret/d");
        "#;
        let found: Vec<String> = outside(
            text,
            Path::new("/w/crates/it/src/lib.rs"),
            Path::new("/w/crates/it"),
            Path::new("/w"),
        )
        .collect();
        assert_eq!(found, ["../../other/src/b.txt", "../../../secret/d"]);
    }
}
