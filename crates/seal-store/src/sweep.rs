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
use crate::unfinished::{leave, leave_apart, settle};

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
/// the program gave, no links, nothing that is claimed. What another user left and this one may not
/// remove stays.
///
/// # Errors
/// A folder that cannot be listed; a claim that cannot be read.
pub(crate) fn sweep(root: &Path, claims: &Claims) -> Result<Swept, StoreError> {
    #[expect(clippy::disallowed_methods, reason = "what is swept is part of no result")]
    let now = SystemTime::now();
    folder(root, CLAIMS)?;
    for name in names(&folder(root, SCRATCH)?)? {
        if let Some(claim) = claim(root, claims, &name)? {
            leave_apart(&root.join(SCRATCH).join(&name), claim.token());
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
            leave(&path);
        } else if is_older(&path, now, KEPT) {
            leave(&path);
            if fs::symlink_metadata(&path).is_err() {
                swept.abandoned.push(path);
            }
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
        Ok(Tried::Taken(claim)) => match settle(root, output, claim.before()) {
            Err(StoreError::Io { source, .. }) if is_refusal(source.kind()) => Ok(None),
            other => other.map(|()| Some(claim)),
        },
        Ok(Tried::Held(_)) => Ok(None),
        Err(ClaimError::NoThread(source)) => Err(StoreError::NoThread { source }),
        // Of another user, who lets nobody remove it.
        Err(ClaimError::Io(source)) if is_refusal(source.kind()) => {
            tracing::debug!(claim = %path.display(), error = %source, "a leftover stays");
            Ok(None)
        }
        Err(ClaimError::Io(source)) => Err(StoreError::io(&path)(source)),
    }
}

/// Whether a folder takes no files from this user.
pub(crate) fn is_refusal(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
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
        // What cannot be looked at is gone since, or stays for the next sweep.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
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

/// Whether nothing in the folder `dir` was written within `age` before `now`. One that cannot be looked
/// at stays: it may be gone, have another name, or be another user's.
fn is_older(dir: &Path, now: SystemTime, age: Duration) -> bool {
    let last = || -> io::Result<SystemTime> {
        let mut last = fs::symlink_metadata(dir)?.modified()?;
        for entry in fs::read_dir(dir)? {
            last = last.max(entry?.metadata()?.modified()?);
        }
        Ok(last)
    };
    // A time in the future, of another machine's clock, is no age.
    last().is_ok_and(|last| now.duration_since(last).is_ok_and(|since| since > age))
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
pub(crate) mod tests;
