//! Which file it is, whatever its paths are.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The device and the inode of the file that `path` leads to; `None` where there is none.
#[cfg(unix)]
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().as_ref().map(device_and_inode)
}

/// The resolved path: elsewhere there is no number of a file.
#[cfg(not(unix))]
pub(crate) fn identity(path: &Path) -> Option<std::path::PathBuf> {
    path.canonicalize().ok()
}

/// Whether the open file stands at `path`, and not nothing or another one.
///
/// # Errors
/// A file system that does not say.
#[cfg(unix)]
pub(crate) fn is_at(path: &Path, file: &File) -> io::Result<bool> {
    let open = device_and_inode(&file.metadata()?);
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(device_and_inode(&found) == open),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere an open file cannot be removed: it is at its path.
#[cfg(not(unix))]
pub(crate) fn is_at(path: &Path, _: &File) -> io::Result<bool> {
    path.try_exists()
}

#[cfg(unix)]
fn device_and_inode(found: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.dev(), found.ino())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_open_file_is_where_it_was_made_until_it_is_removed_or_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("f"), dir.path().join("g"));
        let file = File::create(&path).unwrap();
        assert!(is_at(&path, &file).unwrap());
        // Under another name it is another place, and a link to it is not the file.
        assert!(!is_at(&other, &file).unwrap());
        std::os::unix::fs::symlink(&path, &other).unwrap();
        assert!(!is_at(&other, &file).unwrap());
        assert_eq!(identity(&other), identity(&path));
        fs::rename(&path, dir.path().join("h")).unwrap();
        fs::write(&path, "").unwrap();
        assert!(!is_at(&path, &file).unwrap());
        assert!(is_at(&path.join("below"), &file).is_err(), "a file is no folder");
    }
}
