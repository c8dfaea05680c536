//! Folders of a store that are moved out of the way, for people to look at.

use std::fs;
use std::io::ErrorKind;
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
    put_back(&to, &from)?;
    Ok(None)
}

/// Gives an entry its place again, unless another has made it there meanwhile.
fn put_back(to: &Path, from: &Path) -> Result<(), StoreError> {
    match fs::rename(to, from) {
        Err(error) if !is_taken(error.kind()) => Err(StoreError::io(to)(error)),
        _ => Ok(()),
    }
}

/// Whether a folder cannot be renamed because something has its name.
pub(crate) fn is_taken(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that cannot be renamed for another reason than a name that is taken.
    #[test]
    fn what_cannot_be_put_back_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        match put_back(&gone, &dir.path().join("place")) {
            Err(StoreError::Io { path, source }) => {
                assert_eq!((path, source.kind()), (gone, ErrorKind::NotFound));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_put_back_leaves_an_entry_that_was_made_meanwhile_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (aside, place) = (dir.path().join("aside"), dir.path().join("place"));
        for (taken, kept) in [(true, "theirs"), (false, "old")] {
            fs::create_dir_all(&aside).unwrap();
            fs::write(aside.join("out"), "old").unwrap();
            if taken {
                fs::create_dir(&place).unwrap();
                fs::write(place.join("out"), "theirs").unwrap();
            }
            put_back(&aside, &place).unwrap();
            assert_eq!(fs::read_to_string(place.join("out")).unwrap(), kept);
            assert_eq!(aside.exists(), taken);
            fs::remove_dir_all(&place).unwrap();
        }
    }
}
