//! Folders of a store that are moved out of the way, for people to look at.

use std::fs;
use std::path::{Path, PathBuf};

use seal_files::Claim;

use crate::error::StoreError;
use crate::key::Key;
use crate::owner::{DAMAGED, folder, scratch_name};

/// Renames the entry of `key` into `damaged/`, whatever it is, and returns its new place. `None` if
/// the claim of `key` is lost: the entry may be one that another has just made.
///
/// # Errors
/// A folder that cannot be renamed.
pub(crate) fn set_aside(
    root: &Path,
    (stage, key): (&str, &Key),
    claim: &Claim,
) -> Result<Option<PathBuf>, StoreError> {
    let from = root.join(stage).join(key.as_str());
    let is_held = || claim.is_held().map_err(StoreError::io(&from));
    if !is_held()? {
        return Ok(None);
    }
    let to = move_aside(root, (stage, key), &from)?;
    if is_held()? {
        return Ok(Some(to));
    }
    // This process was stopped between the two, and another took over.
    fs::rename(&to, &from).map_err(StoreError::io(&to))?;
    Ok(None)
}

/// Renames the folder `from` to a free name in `damaged/`, which is returned.
///
/// # Errors
/// A folder that cannot be renamed.
pub(crate) fn move_aside(
    root: &Path,
    (stage, key): (&str, &Key),
    from: &Path,
) -> Result<PathBuf, StoreError> {
    let damaged = folder(root, DAMAGED)?;
    let free = |n: &u32| damaged.join(format!("{}-{n}", scratch_name(stage, key)));
    let to = (1..).map(|n| free(&n)).find(|path| fs::symlink_metadata(path).is_err());
    let to = to.unwrap_or_else(|| free(&0));
    fs::rename(from, &to).map_err(StoreError::io(from))?;
    Ok(to)
}
