//! One folder, filled beside its target and renamed to it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use crate::link::refuse_link;
use crate::pending::{for_locking, hold, parent, prefix_of, sweep, sync_parent};

/// File in an unfinished folder that its writer holds a lock on.
const LOCK: &str = ".writing";

/// A folder that takes its place when it is whole. Dropped without
/// [`PendingFolder::commit`], it leaves nothing.
#[derive(Debug)]
pub struct PendingFolder {
    dir: TempDir,
    target: PathBuf,
    _lock: File,
}

impl PendingFolder {
    /// A folder that will stand at `path`. Folders above `path` are made.
    ///
    /// # Errors
    /// A link at `path`; a folder that cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        refuse_link(path)?;
        let above = parent(path);
        fs::create_dir_all(above)?;
        let prefix = prefix_of(path);
        let lock_of = |dir: &Path| for_locking(&dir.join(LOCK));
        sweep(above, &prefix, lock_of, |dir| fs::remove_dir_all(dir));
        let mut builder = Builder::new();
        builder.prefix(&prefix);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        loop {
            let dir = builder.tempdir_in(above)?;
            let place = dir.path().join(LOCK);
            let lock = File::create_new(&place)?;
            if hold(&lock, &place)? {
                return Ok(Self { dir, target: path.to_owned(), _lock: lock });
            }
        }
    }

    /// Where to write the files.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Flushes every file and renames the folder to its target. An empty folder at the
    /// target is replaced. One that cannot be, such as the working folder or a mount point,
    /// gets the files one after the other.
    ///
    /// # Errors
    /// A file that cannot be flushed; a folder at the target that holds anything.
    pub fn commit(self) -> io::Result<()> {
        fs::remove_file(self.dir.path().join(LOCK))?;
        sync_all(self.dir.path())?;
        match fs::rename(self.dir.path(), &self.target) {
            Ok(()) => {
                // Nothing stands at the old name any more: there is nothing to remove.
                let _gone = self.dir.keep();
            }
            Err(_) if is_empty(&self.target) => {
                for entry in fs::read_dir(self.dir.path())? {
                    let entry = entry?;
                    fs::rename(entry.path(), self.target.join(entry.file_name()))?;
                }
            }
            Err(error) => {
                // Work of hours may be in it: it stays, and is named.
                let kept = self.dir.keep();
                return Err(io::Error::new(
                    error.kind(),
                    format!("{error}; the finished files are in {}", kept.display()),
                ));
            }
        }
        sync_parent(&self.target)
    }
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            sync_all(&path)?;
        } else if kind.is_file() {
            File::open(&path)?.sync_all()?;
        }
    }
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    Ok(())
}
