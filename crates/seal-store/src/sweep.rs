//! What killed programs leave in a store, and for how long it stays.
//!
//! Leftovers go only while their key is claimed: what a living process makes is not touched. What
//! another host left stays until its claim was silent for long, which the next maker of the output
//! waits for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use seal_files::{Claim, ClaimError, Claims, Tried};

use crate::error::StoreError;
use crate::owner::{CLAIMS, SCRATCH, UNFINISHED, folder, is_scratch_name, output_of};
use crate::unfinished::settle;

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
pub(crate) fn sweep(root: &Path, claims: &Claims) -> Result<Swept, StoreError> {
    #[expect(clippy::disallowed_methods, reason = "what is swept is part of no result")]
    let now = SystemTime::now();
    folder(root, CLAIMS)?;
    for name in names(&folder(root, SCRATCH)?)? {
        if let Some(_claim) = claim(root, claims, &name)? {
            remove(&root.join(SCRATCH).join(&name))?;
        }
    }
    // To take the claim of a killed process and to release it removes its file.
    let taken = root.join(CLAIMS);
    for entry in fs::read_dir(&taken).map_err(StoreError::io(&taken))? {
        let entry = entry.map_err(StoreError::io(&taken))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_scratch_name(&name) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            claim(root, claims, &name)?;
        }
    }
    Claims::sweep(&taken);
    let mut swept = Swept::default();
    for name in names(&root.join(UNFINISHED))? {
        let path = root.join(UNFINISHED).join(&name);
        let Some(_claim) = claim(root, claims, &name)? else { continue };
        if is_entry(root, &name) {
            // Killed between making the entry and removing its parts.
            remove(&path)?;
        } else if is_older(&path, now, KEPT).map_err(StoreError::io(&path))? {
            remove(&path)?;
            swept.abandoned.push(path);
        }
    }
    Ok(swept)
}

/// The claim of the output that a folder of this name belongs to, if it is free. The parts of a
/// killed process then have the name of the output.
fn claim(root: &Path, claims: &Claims, name: &str) -> Result<Option<Claim>, StoreError> {
    let Some(output) = output_of(name) else { return Ok(None) };
    let path = root.join(CLAIMS).join(output);
    match claims.try_take(&path) {
        Ok(Tried::Taken(claim)) => {
            settle(root, output, claim.before())?;
            Ok(Some(claim))
        }
        Ok(Tried::Held(_)) => Ok(None),
        Err(ClaimError::NoThread(source)) => Err(StoreError::NoThread { source }),
        Err(ClaimError::Io(source)) => Err(StoreError::io(&path)(source)),
    }
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
    let output = output_of(name).and_then(|output| output.rsplit_once('-'));
    output.is_some_and(|(stage, key)| root.join(stage).join(key).is_dir())
}

/// Whether nothing in the folder `dir` was written within `age` before `now`.
fn is_older(dir: &Path, now: SystemTime, age: Duration) -> io::Result<bool> {
    let found = match fs::symlink_metadata(dir) {
        // It is gone, or has another name, since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let mut last = found.modified()?;
    for entry in fs::read_dir(dir)? {
        last = last.max(entry?.metadata()?.modified()?);
    }
    // A time in the future, of another machine's clock, is no age.
    Ok(now.duration_since(last).is_ok_and(|since| since > age))
}
