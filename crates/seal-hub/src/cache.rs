//! The cache on disk, laid out as Python's `huggingface_hub` does:
//!
//! ```text
//! models--owner--name/refs/main                  the commit that main stood for
//! models--owner--name/blobs/ETAG                 a file's bytes
//! models--owner--name/snapshots/COMMIT/a/b.json  -> ../../../blobs/ETAG
//! .locks/models--owner--name/ETAG.lock           held while ETAG is loaded
//! .locks/models--owner--name/ETAG.checked        what it was when last checked
//! ```

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::address::{HubAddress, RepoKind, is_commit};
use crate::{DownloadProgress, Event, HubError};

/// The cache of one repository.
pub(crate) struct RepoCache {
    root: PathBuf,
    locks: PathBuf,
}

/// A blob that no one else loads meanwhile.
pub(crate) struct BlobLock {
    /// Where its bytes are gathered.
    pub part: PathBuf,
    _file: File,
}

impl RepoCache {
    pub(crate) fn new(cache: &Path, of: &HubAddress) -> Self {
        let kind = match of.kind() {
            RepoKind::Model => "models",
            RepoKind::Dataset => "datasets",
        };
        let name = format!("{kind}--{}", of.repo().replace('/', "--"));
        Self { root: cache.join(&name), locks: cache.join(".locks").join(name) }
    }

    /// The folder of a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// A file of a commit, where it is there.
    pub(crate) fn file(&self, commit: &str, path: &str) -> Option<PathBuf> {
        // Follows the link: one whose blob was deleted does not count.
        Some(self.snapshot(commit).join(path)).filter(|file| file.is_file())
    }

    /// The commit that a revision stood for when last looked up.
    pub(crate) fn commit(&self, of: &HubAddress) -> Result<Option<String>, HubError> {
        if let Some(commit) = of.pinned() {
            return Ok(Some(commit.to_owned()));
        }
        let path = self.root.join("refs").join(of.revision());
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|commit| is_commit(commit))),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(e) => Err(HubError::io("read", &path, e)),
        }
    }

    /// Notes the commit that a revision stands for.
    pub(crate) fn note(&self, of: &HubAddress, commit: &str) -> Result<(), HubError> {
        if of.pinned().is_some() || self.commit(of)?.as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.root.join("refs").join(of.revision());
        make_parent(&path)?;
        seal_files::write(&path, commit.as_bytes()).map_err(|e| HubError::io("write", &path, e))
    }

    /// Where a blob is or will be.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    /// The name of the blob that a commit's file shows; `None` where it shows none
    /// of this repository's, as on systems without links.
    pub(crate) fn shown(&self, commit: &str, path: &str) -> Option<String> {
        let file = self.snapshot(commit).join(path).canonicalize().ok()?;
        let blobs = self.root.join("blobs").canonicalize().ok()?;
        (file.parent() == Some(&*blobs)).then(|| Some(file.file_name()?.to_str()?.to_owned()))?
    }

    /// Where it is noted that a blob was checked.
    pub(crate) fn note_of(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.checked"))
    }

    /// Waits until no other process or thread loads this blob.
    pub(crate) fn lock(
        &self,
        etag: &str,
        file: &str,
        on: &dyn DownloadProgress,
    ) -> Result<BlobLock, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        make_parent(&path)?;
        let blob = self.blob(etag);
        make_parent(&blob)?;
        // A pipe would hang, and a link would be followed.
        plain(&path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|e| HubError::io("create", &path, e))?;
        let locked = match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                on.event(&Event::Locked { file });
                lock.lock()
            }
            Err(TryLockError::Error(e)) => Err(e),
            Ok(()) => Ok(()),
        };
        // Some shared file systems of clusters have no locks. A part of one's own
        // is safe there: two processes then load the file twice.
        let part = match locked {
            Ok(()) => format!("{etag}.seal.incomplete"),
            Err(e) => {
                tracing::warn!("{}: cannot be locked ({e}); loading without", path.display());
                format!("{etag}.{}.incomplete", unique())
            }
        };
        let part = blob.with_file_name(part);
        plain(&part)?;
        Ok(BlobLock { part, _file: lock })
    }

    /// Shows a blob under the name of a commit's file.
    pub(crate) fn link(&self, etag: &str, commit: &str, path: &str) -> Result<PathBuf, HubError> {
        let file = self.snapshot(commit).join(path);
        make_parent(&file)?;
        let up = "../".repeat(path.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        seal_files::replace(&file, |new| link(&target, &self.blob(etag), new))
            .map_err(|e| HubError::io("write", &file, e))?;
        Ok(file)
    }
}

#[cfg(unix)]
fn link(target: &Path, _blob: &Path, new: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, new)
}

/// Links need rights there that users lack.
#[cfg(not(unix))]
fn link(_target: &Path, blob: &Path, new: &Path) -> std::io::Result<()> {
    std::fs::hard_link(blob, new).or_else(|_| std::fs::copy(blob, new).map(|_| ()))
}

pub(crate) fn make_parent(path: &Path) -> Result<(), HubError> {
    match path.parent() {
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|e| HubError::io("create the folder of", path, e)),
        None => Ok(()),
    }
}

/// Refuses what is no plain file where one is to be written.
fn plain(path: &Path) -> Result<(), HubError> {
    let why = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_symlink() => "this is a link, which is not written through",
        Ok(_) => "this is no plain file",
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(HubError::io("read", path, e)),
    };
    Err(HubError::Obstacle { path: path.into(), why })
}

/// Differs between calls, threads and processes of a machine.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
