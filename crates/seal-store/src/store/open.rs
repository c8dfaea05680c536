//! A store is opened: made, or taken over, or only read.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use seal_files::{Claims, FileLock, PendingFile, Timing};

use super::Store;
use crate::error::StoreError;
use crate::owner::{self, CLAIMS, DAMAGED, LOCK, Ownership, SCRATCH, UNFINISHED, folder};
use crate::sweep::{is_refusal, sweep};

impl Store {
    /// Opens or makes the store at `root` and removes what killed runs left half-made. A store that
    /// cannot be written is opened to read.
    ///
    /// # Errors
    /// A folder that is not empty and no store, or one of another version; a store in use by
    /// a program that shares none; a link in the folder; a file that cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_with(root, Timing::default())
    }

    /// As [`Store::open`], with another timing of claims. All processes on one store must have the
    /// same.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(root: &Path, timing: Timing) -> Result<Self, StoreError> {
        // Looked at before anything is written: in a folder of others not even a lock is made.
        let before = with_retry(|| owner::ownership(root))?;
        match to_claim(root) {
            Err(StoreError::Io { source, .. })
                if before != Ownership::Free && is_refusal(source.kind()) =>
            {
                let read_only = Some(source.kind());
                Ok(Self { read_only, ..Self::open_to_read(root) })
            }
            lock => Self::to_write(root, timing, lock?),
        }
    }

    fn to_write(root: &Path, timing: Timing, lock: FileLock) -> Result<Self, StoreError> {
        let ownership = with_retry(|| owner::ownership(root))?;
        if ownership != Ownership::Owned {
            owner::mark(root)?;
        }
        for name in [SCRATCH, UNFINISHED] {
            let path = root.join(name);
            seal_files::refuse_link(&path).map_err(StoreError::io(&path))?;
        }
        let claims = Claims::new(timing);
        let swept = sweep(root, &claims)?;
        Ok(Self {
            root: root.to_owned(),
            is_store: true,
            // The lock is there in any case by now.
            is_adopted: ownership == Ownership::Unmarked && has_entries(root),
            swept,
            read_only: None,
            claims,
            verified: Mutex::default(),
            _lock: Some(lock),
        })
    }
}

/// Makes what a process needs that is to make outputs: the lock that it shares, the folders, and a file
/// in the folder of claims, which goes at once.
fn to_claim(root: &Path) -> Result<FileLock, StoreError> {
    fs::create_dir_all(root).map_err(StoreError::io(root))?;
    let path = root.join(LOCK);
    let lock = FileLock::try_share(&path).map_err(StoreError::io(&path))?;
    let lock = lock.ok_or_else(|| StoreError::InUse { root: root.to_owned() })?;
    let claims = folder(root, CLAIMS)?;
    folder(root, SCRATCH)?;
    let trial = claims.join("trial");
    PendingFile::create(&trial).map_err(StoreError::io(&trial))?;
    Ok(lock)
}

/// The result of `ownership`, which is [`owner::ownership`]. Files that another process makes while they are
/// listed may be seen without the lock that it made first: a folder of others is listed again.
fn with_retry(
    ownership: impl Fn() -> Result<Ownership, StoreError>,
) -> Result<Ownership, StoreError> {
    match ownership() {
        Err(StoreError::Foreign { .. }) => ownership(),
        other => other,
    }
}

fn has_entries(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    let ours = [CLAIMS, SCRATCH, UNFINISHED, DAMAGED];
    let other = |name: std::ffi::OsString| !ours.iter().any(|o| name == **o);
    entries.flatten().any(|e| e.file_type().is_ok_and(|t| t.is_dir()) && other(e.file_name()))
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
