//! The workspace as `cargo metadata` describes it, and the crates that it locks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use serde::Deserialize;

use super::tools;

/// The crates of the workspace and where it is.
#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(super) root: PathBuf,
    #[serde(rename = "packages")]
    pub(super) crates: Vec<Crate>,
}

/// A crate with the dependencies its manifest names, of every kind, platform
/// and feature: what is off by default still ties two crates together.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(super) manifest_path: PathBuf,
    #[serde(default)]
    pub(super) features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) repository: Option<String>,
}

impl Crate {
    /// The folder of its manifest.
    pub(super) fn dir(&self) -> PathBuf {
        self.manifest_path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Whether it is one of `crates/`.
    pub(super) fn is_library_of(&self, root: &Path) -> bool {
        self.manifest_path.starts_with(root.join("crates"))
    }
}

/// A dependency by its name on the registry.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `dev`, `build`, or none for a normal dependency.
    pub(super) kind: Option<String>,
    /// Features that this dependency line turns on.
    #[serde(default)]
    pub(super) features: Vec<String>,
}

/// A locked crate of a registry.
#[derive(Clone, Debug)]
pub(super) struct Locked {
    pub(super) name: String,
    pub(super) version: String,
}

/// Reads the manifests of the workspace around the working folder.
pub(super) fn read() -> anyhow::Result<Workspace> {
    let output = tools::cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start `cargo metadata`")?;
    anyhow::ensure!(
        output.status.success(),
        "`cargo metadata` failed; run this verb inside the workspace"
    );
    serde_json::from_slice(&output.stdout).context("`cargo metadata` wrote something unexpected")
}

/// Reads the crates that the lock file at `path` takes from a registry.
pub(super) fn locked(path: &Path) -> anyhow::Result<Vec<Locked>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        source: Option<String>,
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock: Lock = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let of = |p: Package| p.source.map(|_| Locked { name: p.name, version: p.version });
    Ok(lock.package.into_iter().filter_map(of).collect())
}
