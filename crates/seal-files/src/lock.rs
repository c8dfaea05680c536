//! One process at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::link::refuse_link;

/// A lock on a file, held until it is dropped or the process ends, however it ends.
///
/// The file stays behind, empty: a lock on a file that is removed and made again would be
/// held by two.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "the lock goes when the file is closed")] File);

impl FileLock {
    /// Takes the lock at `path`, in a folder of the program. The file is made if it is
    /// absent, and its content is left as it is. `None` if another process holds the lock.
    ///
    /// # Errors
    /// A link or anything that is no plain file at `path`; a file that cannot be opened; a
    /// file system without locks.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        Ok(taken(file.try_lock())?.then(|| Self(file)))
    }

    /// As [`FileLock::try_take`], for a folder in which several processes may work that all
    /// take this kind of lock. `None` if a process holds the lock for itself alone. On a file
    /// system without locks nobody can, and all share.
    ///
    /// # Errors
    /// A link or anything that is no plain file at `path`; a file that cannot be opened.
    pub fn try_share(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock_shared() {
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
        }
    }
}

/// Whether a lock was taken; not so where another holds it.
pub(crate) fn taken(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Opens the plain file at `path`, and makes it if it is absent.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Both rights: on NFS a shared lock asks for reading and an exclusive one for writing.
    match File::options().read(true).write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    // Opening a pipe would wait for its other end.
    refuse_other(path)?;
    File::options().read(true).write(true).open(path)
}

/// Refuses what is there and is no plain file: a link, a folder, a pipe, a device.
///
/// # Errors
/// Such a thing at `path`; a path that cannot be looked at; nothing there.
pub(crate) fn refuse_other(path: &Path) -> io::Result<()> {
    refuse_link(path)?;
    match fs::symlink_metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is no plain file: remove it, or give another folder",
        )),
    }
}

/// Reads a plain file of the program.
///
/// # Errors
/// A link, or anything else that is no plain file, at `path`; a file that cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    refuse_other(path)?;
    fs::read(path)
}

/// Opens a plain file of the program to read it.
///
/// # Errors
/// As [`read()`].
pub fn open_plain(path: &Path) -> io::Result<File> {
    refuse_other(path)?;
    File::open(path)
}
