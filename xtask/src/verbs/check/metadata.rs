//! The workspace as `cargo metadata` describes it.

use std::path::PathBuf;
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
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
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
