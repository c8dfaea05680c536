//! A store is opened: made, or taken over, or only read.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use seal_files::{Claims, FileLock, Timing};

use super::Store;
use crate::error::StoreError;
use crate::owner::{self, CLAIMS, DAMAGED, LOCK, Ownership, SCRATCH, UNFINISHED, folder};
use crate::sweep::sweep;

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
        let before = look_again(root)?;
        match Self::to_write(root, timing) {
            Err(StoreError::Io { source, .. })
                if before != Ownership::Free && is_refusal(source.kind()) =>
            {
                let read_only = Some(source.kind());
                Ok(Self { read_only, ..Self::look(root) })
            }
            other => other,
        }
    }

    fn to_write(root: &Path, timing: Timing) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(StoreError::io(root))?;
        let path = root.join(LOCK);
        let lock = FileLock::try_share(&path).map_err(StoreError::io(&path))?;
        let lock = lock.ok_or_else(|| StoreError::InUse { root: root.to_owned() })?;
        folder(root, CLAIMS)?;
        let ownership = look_again(root)?;
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

/// Whether the folder takes no files from this user.
fn is_refusal(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// As [`owner::look`]. Files that another process makes while they are listed may be seen without
/// the lock that it made first: such a folder is listed again.
fn look_again(root: &Path) -> Result<Ownership, StoreError> {
    match owner::look(root) {
        Err(StoreError::Foreign { .. }) if root.join(LOCK).is_file() => owner::look(root),
        other => other,
    }
}

fn has_entries(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    let ours = [CLAIMS, SCRATCH, UNFINISHED, DAMAGED];
    let other = |name: std::ffi::OsString| !ours.iter().any(|o| name == **o);
    entries.flatten().any(|e| e.file_type().is_ok_and(|t| t.is_dir()) && other(e.file_name()))
}
