//! `seal store`: what a store of finished stages holds, whether it is whole, and what may go.

mod gc;
mod list;
mod runs;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use seal_store::{Inventory, abandoned, inventory, verify_all};
use seal_study::{LASTING, RunOptions, StudyError};

use self::runs::used_by;
use crate::logging::Log;
use crate::options::cores;
use crate::plain;
use crate::stores::{Access, store_of_run};
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} store ls --out runs/world                  the entries, and which of them the run uses
  {program} store verify --store /shared/store         compare every file with its hash
  {program} store du --store /shared/store             bytes by stage
  {program} store gc --store /shared/store --out runs/a --out runs/b
                                              what neither run needs; --delete removes it
  {program} store gc --store /shared/store --aside     damaged outputs that were set aside

A store is shared by several runs if they have the same --store.";

/// What to do with a store.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// List the entries: stage, key, bytes, age, and the runs that use them.
    Ls(StoreLocation),
    /// Compare every file with its hash. Exit code 3 if an entry is damaged.
    Verify(StoreLocation),
    /// Count entries and bytes by stage, and what else needs room.
    Du(StoreLocation),
    /// List what none of the runs needs that --out names, and remove it with --delete.
    Gc(gc::Options),
}

/// Which store.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreLocation {
    /// Store of finished stages [default: the store of the last run into OUT].
    #[arg(long, value_name = "DIR", required_unless_present = "out")]
    store: Option<PathBuf>,
    /// Run folder (repeatable). Its store is listed, unless --store names one.
    #[arg(long, value_name = "DIR")]
    out: Vec<PathBuf>,
}

/// Entries that are damaged: the error of `store verify`.
#[derive(Debug, thiserror::Error)]
#[error(
    "{damaged} of {all} entries are damaged; the next run that needs one moves it aside and makes \
     it again"
)]
pub(crate) struct DamagedStore {
    damaged: usize,
    all: usize,
}

impl StoreLocation {
    /// The folder of the store, and the option that names it.
    fn dir(&self, verbosity: Verbosity) -> anyhow::Result<(PathBuf, &'static str)> {
        Ok(match (&self.store, self.out.first()) {
            (Some(store), _) => (store.clone(), "--store"),
            (None, Some(out)) => {
                let store = store_of_run(None, out, Access::Reads, verbosity)?;
                (RunOptions { store, ..RunOptions::new(out) }.store_dir(), "--out")
            }
            // The options refuse this.
            (None, None) => (PathBuf::new(), "--store"),
        })
    }

    /// The folder, and what it holds.
    fn open(&self, verbosity: Verbosity) -> anyhow::Result<(PathBuf, Inventory)> {
        let (dir, option) = self.dir(verbosity)?;
        opened(dir, option)
    }
}

/// A store with what it holds; `option` names it.
fn opened(dir: PathBuf, option: &'static str) -> anyhow::Result<(PathBuf, Inventory)> {
    if !dir.is_dir() {
        return Err(UsageError::NoStore { option, path: dir }.into());
    }
    let all = inventory(&dir, LASTING).map_err(StudyError::from)?;
    Ok((dir, all))
}

/// Does what is asked.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    match &options.action {
        Action::Ls(place) => {
            let (dir, all) = place.open(verbosity)?;
            let over = abandoned(&dir).unwrap_or_else(|error| {
                // The list names such claims all the same. A closed stderr changes nothing.
                let _ = writeln!(plain::stderr(), "note: which claims have ended: {error}");
                BTreeSet::new()
            });
            list::entries(&all, &used_by(&place.out, &dir, verbosity)?, &over)
        }
        Action::Du(place) => list::sums(&place.open(verbosity)?.1),
        Action::Verify(place) => verify(&place.open(verbosity)?.1),
        Action::Gc(options) => gc::run(options, verbosity),
    }
}

fn verify(inventory: &Inventory) -> anyhow::Result<()> {
    let damaged = verify_all(&inventory.entries, cores()).map_err(StudyError::from)?;
    let mut out = plain::stdout();
    for (i, damage) in &damaged {
        let entry = &inventory.entries[*i];
        writeln!(out, "damaged: {} {} ({damage})", entry.stage, entry.key)?;
    }
    let all = inventory.entries.len();
    match damaged.len() {
        0 => Ok(writeln!(out, "{all} entries, all as they were written")?),
        damaged => Err(DamagedStore { damaged, all }.into()),
    }
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_and_a_unit() {
        let sizes = [0, 1023, 1024, 1 << 20, (1 << 30) + (1 << 29), 1 << 50].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.5 GiB", "1024.0 TiB"]);
    }
}
