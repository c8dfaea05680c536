//! One folder, filled beside its target and renamed to it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use crate::link::refuse_link;
use crate::pending::{PENDING_PREFIX, parent, sync_parent};

/// A folder that takes its place when it is whole. Dropped without
/// [`PendingFolder::commit`], it leaves nothing.
#[derive(Debug)]
pub struct PendingFolder {
    dir: TempDir,
    target: PathBuf,
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
        let mut builder = Builder::new();
        builder.prefix(PENDING_PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        Ok(Self { dir: builder.tempdir_in(above)?, target: path.to_owned() })
    }

    /// Where to write the files.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Flushes every file and renames the folder to its target. An empty folder at the
    /// target is replaced.
    ///
    /// # Errors
    /// A file that cannot be flushed; a folder at the target that holds anything.
    pub fn commit(self) -> io::Result<()> {
        sync_all(self.dir.path())?;
        fs::rename(self.dir.path(), &self.target)?;
        // Nothing stands at the old name any more: there is nothing to remove.
        let _gone = self.dir.keep();
        sync_parent(&self.target)
    }
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
