//! `cargo xtask check`: everything that must hold of the workspace beside its tests.

mod advisories;
mod circles;
mod features;
mod metadata;
mod package;
mod rules;
mod rust_version;
mod tools;
mod wording;

use std::io::Write;

use clap::{ArgMatches, Args, Command, FromArgMatches as _};
use seal_cli::{ExtraVerb, Verbosity, plain};

use self::circles::Imports;
use self::metadata::Workspace;

/// The verb.
pub(crate) const VERB: ExtraVerb = ExtraVerb { command, run: parsed };

fn command() -> Command {
    Options::augment_args(Command::new("check"))
        .about("Check format, lints, docs and the rules of the workspace")
}

fn parsed(matches: &ArgMatches, _: Verbosity) -> anyhow::Result<()> {
    let options = Options::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    run(&options)
}

/// Options of the verb.
#[derive(Clone, Debug, Args)]
struct Options {
    /// Check only the rules that need no build and no other program: dependencies, wording, circles
    /// of files, floors, advisories, packages, Rust version.
    #[arg(long)]
    deps_only: bool,
    /// Fail if a program of a check is not installed, instead of only printing its name.
    #[arg(long, conflicts_with = "deps_only")]
    strict: bool,
    /// Also compile each crate alone: without features, and with each of its features alone.
    #[arg(
        long,
        value_name = "CRATES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        conflicts_with = "deps_only"
    )]
    features: Option<features::CrateSet>,
}

/// Runs every check, also after one has failed, and names those that did.
fn run(options: &Options) -> anyhow::Result<()> {
    let workspace = metadata::read()?;
    let mut out = plain::stdout();
    let (mut failed, mut missing) = (Vec::new(), Vec::new());
    for (name, violations) in rules(&workspace, options, &mut out)? {
        for violation in &violations {
            writeln!(out, "{name}: {violation}")?;
        }
        if !violations.is_empty() {
            failed.push(name);
        }
    }
    if !options.deps_only {
        let standing = rust_version::standing(&workspace.root)?;
        writeln!(out, "Rust version: {standing}")?;
        if standing.is_broken() {
            failed.push("Rust version");
        }
    }
    let tools = if options.deps_only { &[][..] } else { &tools::TOOLS[..] };
    for tool in tools {
        if let Some(install) = tool.missing() {
            writeln!(out, "{}: not run, `{install}` installs it", tool.name)?;
            missing.push(tool.name);
            continue;
        }
        writeln!(out, "{}: {}", tool.name, tool.command())?;
        out.flush()?;
        if !tool.passes(&workspace.root)? {
            failed.push(tool.name);
        }
    }
    let all = missing.is_empty();
    if options.strict {
        failed.append(&mut missing);
    }
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    writeln!(out, "all {}checks passed", if all { "" } else { "other " })?;
    Ok(())
}

/// The rules of the workspace by name, each with what breaks it. `out` is told the floors of
/// each crate.
fn rules(
    workspace: &Workspace,
    options: &Options,
    out: &mut dyn Write,
) -> anyhow::Result<Vec<(&'static str, Vec<String>)>> {
    let mut imports = Vec::new();
    for of in &workspace.crates {
        imports.push((of.name.clone(), Imports::of(&of.name, &of.dir().join("src"))?));
    }
    let circles: Vec<String> =
        imports.iter().flat_map(|(_, imports)| imports.circles.clone()).collect();
    let (high, counts) = circles::floors(imports);
    writeln!(out, "floors: {counts}")?;
    let locked = metadata::locked(&workspace.root.join("Cargo.lock"))?;
    let mut rules = vec![
        ("dependency rules", rules::violations(&workspace.crates)),
        ("wording", wording::violations(&workspace.root)?),
        ("circles of files", circles::violations(&circles)),
        ("floors", high),
        ("advisories", advisories::violations(&locked)?),
        ("packages", package::violations(workspace)?),
        ("Rust version", rust_version::violations(workspace)?),
    ];
    if let Some(which) = options.features {
        let found = features::violations(&workspace.crates, &workspace.root, which)?;
        rules.push(("features", found));
    }
    Ok(rules)
}
