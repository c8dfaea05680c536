//! Which store a run uses.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use seal_study::{RunOptions, store_of_folder};

use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// What is done with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is looked at. Where it is gone, that is said.
    Reads,
    /// Stages are made into it. Where it is gone they would all be made again, and verdicts paid for
    /// again: that is refused.
    Makes,
}

/// The store of a run: the one that is `named`, or the one that the last run into `out` used, which is
/// said; `None` is the one in the run folder.
///
/// # Errors
/// A folder whose store cannot be told; a store that is gone and would be made again elsewhere.
pub(crate) fn store_of_run(
    named: Option<&Path>,
    out: &Path,
    access: Access,
    verbosity: Verbosity,
) -> anyhow::Result<Option<PathBuf>> {
    if let Some(named) = named {
        return Ok(Some(named.to_owned()));
    }
    let Some(last) = store_of_folder(out)? else { return Ok(None) };
    let own = || RunOptions::new(out).store_dir();
    let is_there = last.is_dir();
    if !is_there && access == Access::Makes {
        let (out, own) = (out.to_owned(), own());
        return Err(UsageError::StoreGone { out, store: last, own }.into());
    }
    if !verbosity.quiet {
        let (of, shown) = (out.display(), last.display());
        let mut err = plain::stderr();
        // What cannot be shown stops nothing.
        let _ = match is_there {
            true => writeln!(err, "store: {shown}, as the last run into {of} had it"),
            false => writeln!(
                err,
                "store: {shown}, which the last run into {of} had, is not there; {} is read, and \
                 --store names another",
                own().display()
            ),
        };
    }
    Ok(Some(last).filter(|_| is_there))
}
