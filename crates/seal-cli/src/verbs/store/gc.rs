//! `seal store gc`: what none of the named runs needs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use seal_store::{Inventory, OtherFolderKind, Store, StoreError};
use seal_study::{RunOptions, StudyError, store_of_folder, study_of_folder};

use super::runs::needed_by;
use super::{opened, size};
use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Which store, whose outputs stay, and whether to remove the others.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["store", "out"]))]
pub(crate) struct Options {
    /// Store of finished stages [default: OUT/store of the first run folder; a store elsewhere must be
    /// named].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Run folder whose outputs stay (repeatable). Those of the run folder that the store lies in stay in
    /// any case.
    #[arg(long, value_name = "DIR", required_unless_present = "aside")]
    out: Vec<PathBuf>,
    /// Damaged outputs that were set aside, whoever needs them, and nothing else: no run reads them.
    #[arg(long)]
    aside: bool,
    /// Remove them. Without it, it is listed alone.
    #[arg(long, conflicts_with = "dry_run")]
    delete: bool,
    /// List what would be removed, which is the default.
    #[arg(long)]
    dry_run: bool,
}

impl Options {
    /// The folder of the store, and the option that names it. A store that lies elsewhere is not guessed:
    /// it may have outputs of runs that nobody named.
    fn dir(&self) -> anyhow::Result<(PathBuf, &'static str)> {
        match (&self.store, self.out.first()) {
            (Some(store), _) => Ok((store.clone(), "--store")),
            (None, Some(out)) => match store_of_folder(out)? {
                Some(store) => Err(UsageError::SharedStore { out: out.clone(), store }.into()),
                None => Ok((RunOptions::new(out).store_dir(), "--out")),
            },
            // The options refuse this.
            (None, None) => {
                Err(UsageError::GoesWith { option: "gc", others: "--store or --out" }.into())
            }
        }
    }
}

/// Lists what none of the runs needs. Removes it if asked to.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    let (dir, option) = options.dir()?;
    let (dir, inventory) = opened(dir, option)?;
    if options.aside {
        return aside(&inventory, &dir, options.delete);
    }
    let mut needed = BTreeSet::new();
    for out in &with_holder(&options.out, &dir)? {
        needed.extend(needed_by(out, &dir, verbosity)?);
    }
    // All that belongs to one output goes at once. What is being made stays, and so do replies.
    let mut unneeded: BTreeMap<String, u64> = BTreeMap::new();
    let entries = inventory.entries.iter();
    let entries = entries.map(|entry| (format!("{}-{}", entry.stage, entry.key), entry.bytes));
    let others = inventory.others.iter().filter_map(|other| match other.kind {
        OtherFolderKind::Unfinished | OtherFolderKind::Damaged => {
            Some((other.output.clone(), other.bytes))
        }
        OtherFolderKind::Scratch | OtherFolderKind::Lasting => None,
    });
    for (output, bytes) in entries.chain(others).filter(|(output, _)| !needed.contains(output)) {
        *unneeded.entry(output).or_default() += bytes;
    }
    let mut out = plain::stdout();
    for (output, bytes) in &unneeded {
        writeln!(out, "{output}  {}", size(*bytes))?;
    }
    let (count, bytes) = (unneeded.len(), unneeded.values().sum::<u64>());
    if !options.delete {
        let hint = if count > 0 { "; --delete removes them" } else { "" };
        writeln!(out, "{count} outputs that none of these runs needs, {}{hint}", size(bytes))?;
        return Ok(());
    }
    drop(out);
    remove(&dir, unneeded.keys(), Store::discard)
}

/// Lists the outputs that were set aside. Removes them if asked to.
fn aside(inventory: &Inventory, dir: &Path, delete: bool) -> anyhow::Result<()> {
    let mut outputs: BTreeMap<&String, u64> = BTreeMap::new();
    for other in inventory.others.iter().filter(|other| other.kind == OtherFolderKind::Damaged) {
        *outputs.entry(&other.output).or_default() += other.bytes;
    }
    let mut out = plain::stdout();
    for (output, bytes) in &outputs {
        writeln!(out, "{output}  {}", size(*bytes))?;
    }
    let (count, bytes) = (outputs.len(), outputs.values().sum::<u64>());
    if !delete {
        let hint = if count > 0 { "; --delete removes them" } else { "" };
        writeln!(out, "{count} outputs were set aside, {}{hint}", size(bytes))?;
        return Ok(());
    }
    drop(out);
    remove(dir, outputs.keys().copied(), Store::discard_aside)
}

/// Removes outputs in one of the ways of a store, and says how many are gone.
fn remove<'a>(
    dir: &Path,
    outputs: impl Iterator<Item = &'a String>,
    discard: impl Fn(&Store, &str) -> Result<Option<u64>, StoreError>,
) -> anyhow::Result<()> {
    let mut out = plain::stdout();
    let store = Store::open(dir).map_err(StudyError::from)?;
    let (mut removed, mut freed) = (0, 0);
    for output in outputs {
        match discard(&store, output).map_err(StudyError::from)? {
            Some(bytes) => {
                removed += 1;
                freed += bytes;
            }
            None => writeln!(out, "{output}: another run makes it; it stays")?,
        }
    }
    Ok(writeln!(out, "{removed} outputs removed, {}", size(freed))?)
}

/// The named run folders, and the one that the store lies in: a run without `--store` reads it.
fn with_holder(named: &[PathBuf], store: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let mut outs = named.to_vec();
    let whole = store.canonicalize().map_err(StudyError::io(store))?;
    let Some(holder) = whole.parent() else { return Ok(outs) };
    let is_named = outs.iter().any(|out| seal_files::same_file(out, holder));
    if !is_named && study_of_folder(holder)?.is_some() {
        outs.push(holder.to_owned());
    }
    Ok(outs)
}
