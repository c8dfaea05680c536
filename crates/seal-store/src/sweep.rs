//! What killed programs leave in a store, and for how long it stays.
//!
//! Leftovers go only while their key is claimed: what a living process makes is not touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use seal_files::Claim;

use crate::error::StoreError;
use crate::owner::{CLAIMS, SCRATCH, UNFINISHED, folder, is_scratch_name};

/// How long finished parts of an output stay that no run goes on with: 30 days. No store
/// knows which studies there are, so their age must say that nobody wants them.
pub(crate) const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What was removed when a store was opened, apart from outputs that were never whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Folders with finished parts of outputs that no run went on with for 30 days.
    pub abandoned: Vec<PathBuf>,
}

/// Removes leftovers in the store at `root`, and nothing else: files and folders whose names
/// the program gave, no links, nothing that is claimed.
///
/// # Errors
/// A folder that cannot be read or removed.
pub(crate) fn sweep(root: &Path) -> Result<Swept, StoreError> {
    #[expect(clippy::disallowed_methods, reason = "what is swept is part of no result")]
    let now = SystemTime::now();
    let claims = folder(root, CLAIMS)?;
    for name in names(&folder(root, SCRATCH)?)? {
        if let Some(_claim) = claim(&claims, &name)? {
            remove(&root.join(SCRATCH).join(&name))?;
        }
    }
    let mut swept = Swept::default();
    for name in names(&root.join(UNFINISHED))? {
        let path = root.join(UNFINISHED).join(&name);
        let Some(_claim) = claim(&claims, &name)? else { continue };
        if is_entry(root, &name) {
            // Killed between making the entry and removing its parts.
            remove(&path)?;
        } else if is_older(&path, now, KEPT).map_err(StoreError::io(&path))? {
            remove(&path)?;
            swept.abandoned.push(path);
        }
    }
    // To take the claim of a killed process and to release it removes its file.
    for entry in fs::read_dir(&claims).map_err(StoreError::io(&claims))? {
        let entry = entry.map_err(StoreError::io(&claims))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_scratch_name(&name) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            claim(&claims, &name)?;
        }
    }
    Ok(swept)
}

fn claim(claims: &Path, name: &str) -> Result<Option<Claim>, StoreError> {
    let path = claims.join(name);
    Claim::try_take(&path).map_err(StoreError::io(&path))
}

/// Another process may have removed it between the look and the claim.
fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Names of the folders in `dir` that have the form that the program gives, in their order.
fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io(dir))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io(dir))?;
        let is_folder = match entry.file_type() {
            // It is gone since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(StoreError::io(dir))?.is_dir(),
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_folder && is_scratch_name(&name) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether `<stage>-<key>` is an entry of the store.
fn is_entry(root: &Path, name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(stage, key)| root.join(stage).join(key).is_dir())
}

/// Whether nothing in the folder `dir` was written within `age` before `now`.
fn is_older(dir: &Path, now: SystemTime, age: Duration) -> io::Result<bool> {
    let mut last = fs::symlink_metadata(dir)?.modified()?;
    for entry in fs::read_dir(dir)? {
        last = last.max(entry?.metadata()?.modified()?);
    }
    // A time in the future, of another machine's clock, is no age.
    Ok(now.duration_since(last).is_ok_and(|since| since > age))
}
