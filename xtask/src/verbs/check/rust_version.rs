//! The stated Rust version: one for the whole workspace, and whether this toolchain proves it.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use semver::Version;

use super::metadata::Workspace;

/// What the toolchains of this machine say of the stated version.
#[derive(Debug)]
enum VersionProof {
    /// The toolchain in use is the stated one, so every build proves the statement.
    InUse,
    /// The toolchain in use is newer. The stated one is installed under this name.
    Installed { in_use: Version, name: String },
    /// The toolchain in use is newer, and the stated one is not installed.
    Missing { in_use: Version },
    /// The toolchain in use is older than the stated one.
    TooOld { in_use: Version },
}

/// The stated version and its proof.
#[derive(Debug)]
pub(super) struct VersionStatus {
    stated: Version,
    proof: VersionProof,
}

impl VersionStatus {
    /// Whether the toolchain in use is too old. Cargo refuses it too, unless it is told not to.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.proof, VersionProof::TooOld { .. })
    }
}

impl fmt::Display for VersionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stated, proof } = self;
        let short = format!("{}.{}", stated.major, stated.minor);
        match proof {
            VersionProof::InUse => write!(f, "{short} is stated, and is in use"),
            VersionProof::Installed { in_use, name } => write!(
                f,
                "{short} is stated, and {in_use} is in use: `cargo +{name} check --workspace \
                 --all-targets` tells whether {short} is enough"
            ),
            VersionProof::Missing { in_use } => write!(
                f,
                "{short} is stated, and {in_use} is in use: whether {short} is enough was not \
                 tried; `rustup toolchain install {short}` brings it"
            ),
            VersionProof::TooOld { in_use } => {
                write!(f, "{short} is stated, and {in_use}, which is in use, is older")
            }
        }
    }
}

/// What contradicts the stated version, one sentence each: a member that does not inherit it,
/// a version of its own in `clippy.toml`.
///
/// # Errors
/// A manifest that cannot be read or parsed; a workspace that states no version.
pub(super) fn violations(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let stated = stated(&workspace.root)?;
    let mut found = Vec::new();
    for of in &workspace.crates {
        found.extend(not_inherited(&of.name, &table(&of.manifest_path)?));
    }
    let clippy = workspace.root.join("clippy.toml");
    if clippy.is_file() {
        found.extend(other_msrv(&stated, &table(&clippy)?));
    }
    Ok(found)
}

/// The stated version, and whether the toolchain in use proves it.
///
/// # Errors
/// A workspace that states no version; `rustc` that cannot be started.
pub(super) fn standing(root: &Path) -> anyhow::Result<VersionStatus> {
    let stated = version(&stated(root)?)?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = output(Command::new(rustc).arg("--version")).context("cannot start `rustc`")?;
    let in_use = version(said.split_whitespace().nth(1).unwrap_or_default())
        .with_context(|| format!("`rustc --version` wrote `{}`", said.trim()))?;
    // Without rustup there is no other toolchain.
    let toolchains = output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    Ok(VersionStatus { proof: proof(&stated, in_use, &toolchains), stated })
}

fn proof(stated: &Version, in_use: Version, toolchains: &str) -> VersionProof {
    let minor = |version: &Version| (version.major, version.minor);
    if minor(&in_use) == minor(stated) {
        return VersionProof::InUse;
    }
    if minor(&in_use) < minor(stated) {
        return VersionProof::TooOld { in_use };
    }
    let names = toolchains.lines().filter_map(|line| line.split_whitespace().next());
    let is_stated = |name: &&str| {
        let number = name.split('-').next().and_then(|number| version(number).ok());
        number.is_some_and(|number| minor(&number) == minor(stated))
    };
    match names.into_iter().find(is_stated) {
        Some(name) => VersionProof::Installed { in_use, name: name.to_owned() },
        None => VersionProof::Missing { in_use },
    }
}

/// `rust-version` of the workspace.
fn stated(root: &Path) -> anyhow::Result<String> {
    let manifest = table(&root.join("Cargo.toml"))?;
    let of = |table: &toml::Table| {
        let package = table.get("workspace")?.get("package")?;
        Some(package.get("rust-version")?.as_str()?.to_owned())
    };
    of(&manifest).context("Cargo.toml states no `rust-version` in [workspace.package]")
}

fn not_inherited(name: &str, manifest: &toml::Table) -> Option<String> {
    let own = manifest.get("package").and_then(|package| package.get("rust-version"));
    let inherits = own
        .and_then(|value| value.get("workspace"))
        .and_then(toml::Value::as_bool)
        .unwrap_or(false);
    (!inherits).then(|| format!("{name}: Cargo.toml needs `rust-version.workspace = true`"))
}

/// Without an `msrv` Clippy takes the version of the manifest.
fn other_msrv(stated: &str, clippy: &toml::Table) -> Option<String> {
    let msrv = clippy.get("msrv")?;
    (msrv.as_str() != Some(stated))
        .then(|| format!("clippy.toml has msrv = {msrv}, Cargo.toml states {stated}"))
}

fn table(path: &Path) -> anyhow::Result<toml::Table> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// `1.95`, `1.95.0` or `1.97.0-nightly`.
fn version(text: &str) -> anyhow::Result<Version> {
    let whole = match text.matches('.').count() {
        1 => format!("{text}.0"),
        _ => text.to_owned(),
    };
    Version::parse(&whole).with_context(|| format!("`{text}` is no version"))
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    anyhow::ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(in_use: &str, toolchains: &str) -> String {
        let stated = version("1.95").unwrap();
        VersionStatus { proof: proof(&stated, version(in_use).unwrap(), toolchains), stated }
            .to_string()
    }

    #[test]
    fn the_toolchain_in_use_proves_only_its_own_version() {
        let installed = "stable-x86_64 (active, default)\nnightly-x86_64\n1.95.0-x86_64\n";
        insta::assert_snapshot!(shown("1.95.2", ""), @"1.95 is stated, and is in use");
        insta::assert_snapshot!(
            shown("1.97.0-nightly", installed),
            @"1.95 is stated, and 1.97.0-nightly is in use: `cargo +1.95.0-x86_64 check --workspace --all-targets` tells whether 1.95 is enough"
        );
        insta::assert_snapshot!(
            shown("1.96.0", "stable-x86_64\n1.950.0-x86_64\n"),
            @"1.95 is stated, and 1.96.0 is in use: whether 1.95 is enough was not tried; `rustup toolchain install 1.95` brings it"
        );
        insta::assert_snapshot!(
            shown("1.94.1", installed),
            @"1.95 is stated, and 1.94.1, which is in use, is older"
        );
    }

    #[test]
    fn a_member_with_a_version_of_its_own_is_named() {
        let not = |text: &str| not_inherited("seal-it", &toml::from_str(text).unwrap());
        assert_eq!(not("[package]\nrust-version.workspace = true"), None);
        for text in ["[package]\nname = 'seal-it'", "[package]\nrust-version = '1.95'"] {
            let named = "seal-it: Cargo.toml needs `rust-version.workspace = true`";
            assert_eq!(not(text).as_deref(), Some(named), "{text}");
        }
    }

    #[test]
    fn clippy_may_not_be_told_another_version() {
        let other = |text: &str| other_msrv("1.95", &toml::from_str(text).unwrap());
        assert_eq!(other(""), None);
        assert_eq!(other("msrv = '1.95'"), None);
        let named = "clippy.toml has msrv = \"1.80\", Cargo.toml states 1.95";
        assert_eq!(other("msrv = '1.80'").as_deref(), Some(named));
    }
}
