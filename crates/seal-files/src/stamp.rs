//! Whether a file is still the one that was read before.

use std::fs::Metadata;
use std::time::SystemTime;

/// All that the file system says of a file and that changes with its content.
///
/// Two equal exact stamps are of one file that nobody wrote to in between: the time at
/// which an inode changed cannot be set by a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change of the content, in nanoseconds since 1970.
    pub modified: i128,
    /// Which file it is; `None` where the system does not say.
    pub inode: Option<Inode>,
}

/// An inode at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Time of the last change of the inode, in nanoseconds since 1970.
    pub changed: i128,
    /// Its number on its device.
    pub number: u64,
    /// Its device.
    pub device: u64,
}

impl FileStamp {
    /// The stamp of a file that was looked at.
    pub fn of(found: &Metadata) -> Self {
        let since = |time: SystemTime| match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        // A system without such times gives every file the same one.
        let modified = found.modified().map_or(0, since);
        Self { bytes: found.len(), modified, inode: inode(found) }
    }
}

#[cfg(unix)]
fn inode(found: &Metadata) -> Option<Inode> {
    use std::os::unix::fs::MetadataExt as _;
    let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
    Some(Inode { changed, number: found.ino(), device: found.dev() })
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<Inode> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_stamp_is_that_of_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "abc").unwrap();
        let found = fs::metadata(&path).unwrap();
        let stamp = FileStamp::of(&found);
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        assert_eq!(stamp.bytes, 3);
        assert_eq!(stamp.modified, nanoseconds(found.mtime(), found.mtime_nsec()));
        let inode = stamp.inode.unwrap();
        assert_eq!(inode.changed, nanoseconds(found.ctime(), found.ctime_nsec()));
        assert_eq!((inode.number, inode.device), (found.ino(), found.dev()));
        let file = fs::File::options().write(true).open(&path).unwrap();
        let before = SystemTime::UNIX_EPOCH - std::time::Duration::from_nanos(1_500_000_000);
        file.set_modified(before).unwrap();
        let set_back = FileStamp::of(&fs::metadata(&path).unwrap());
        assert_eq!(set_back.modified, -1_500_000_000);
        // The content is the same, and the change of its time is seen all the same.
        assert_ne!(set_back.inode, stamp.inode);
    }
}
