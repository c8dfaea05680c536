//! `cargo xtask check`: format, lints, docs and the dependency rules.

mod metadata;
mod rules;
mod tools;

use std::io::Write as _;

use clap::Args;

use crate::plain;

/// Options of the verb.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The dependency rules only, which need no build.
    #[arg(long)]
    deps_only: bool,
}

/// Runs every check, also after one has failed, and names those that did.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let workspace = metadata::read()?;
    let violations = rules::violations(&workspace.crates);
    let mut out = plain::stdout();
    for violation in &violations {
        writeln!(out, "dependency rules: {violation}")?;
    }
    let mut failed = Vec::new();
    if !violations.is_empty() {
        failed.push("dependency rules");
    }
    if !options.deps_only {
        for tool in &tools::TOOLS {
            writeln!(out, "{}: {}", tool.name, tool.command())?;
            out.flush()?;
            if !tool.passes(&workspace.root)? {
                failed.push(tool.name);
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    writeln!(out, "all checks passed")?;
    Ok(())
}
