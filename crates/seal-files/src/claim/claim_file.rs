//! The file of a claim, and the operations on it that are done at once or not at all.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::{Builder, TempPath};

use super::machine::{self, Runs};
use super::record::{Holder, RecordFlaw};
use super::watch::Signature;
use crate::digest::Digest;
use crate::lock::refuse_other;
use crate::pending::{parent, prefix_of};
use crate::stamp::FileStamp;

/// Longest content of a claim that is read.
const LONGEST: u64 = 1 << 12;

/// What is at `path`; `None` if nothing is.
pub(crate) fn read_signature(path: &Path) -> io::Result<Option<Signature>> {
    let found = refuse_other(path).and_then(|()| fs::symlink_metadata(path));
    let found = match found {
        Err(error) if error.kind() == ErrorKind::NotFound && parent(path).is_dir() => {
            return Ok(None);
        }
        other => FileStamp::of(&other?),
    };
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut content));
    let content = match read {
        Ok(_) => Some(content),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // Of another user. When it changes is seen all the same.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        Err(error) => return Err(error),
    };
    let (modified, file) = (found.modified, file_of(&found));
    Ok(Some(Signature { content, modified, file }))
}

pub(crate) fn file_of(found: &FileStamp) -> Option<(u64, u64)> {
    found.inode.map(|inode| (inode.device, inode.number))
}

pub(crate) fn holder_of(found: &Signature) -> Result<Holder, RecordFlaw> {
    found.content.as_deref().map_or(Err(RecordFlaw::Unreadable), Holder::parse)
}

pub(crate) fn is_of(found: &Signature, token: &str) -> bool {
    holder_of(found).is_ok_and(|holder| holder.token == token)
}

/// The holder, if it was a process of this system and has ended. Both its number and its lock must
/// say so: the one is hidden between users on some systems, the other is none on some disks.
pub(crate) fn ended(path: &Path, found: &Signature) -> Option<Holder> {
    let holder = holder_of(found).ok()?;
    let is_here = holder.machine.is_some() && holder.machine == machine::this().id;
    let runs = || machine::runs(holder.process, holder.started.as_deref());
    (is_here && runs() == Runs::No && is_unlocked(path)).then_some(holder)
}

/// Renames what is at `path`, and removes it if `is_meant` says so; else puts it back.
pub(crate) fn take_away(
    path: &Path,
    is_meant: impl FnOnce(&Signature) -> bool,
) -> io::Result<bool> {
    let aside = parent(path).join(format!("{}{}", prefix_of(path), token()));
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        other => other?,
    }
    judge(&aside, path, is_meant)
}

/// Removes what was renamed to `aside` if `is_meant` says so; else puts it back at `path`.
pub(super) fn judge(
    aside: &Path,
    path: &Path,
    is_meant: impl FnOnce(&Signature) -> bool,
) -> io::Result<bool> {
    // Another removed it as a leftover: its holder has ended.
    let Some(found) = read_signature(aside)? else { return Ok(false) };
    let is_meant = is_meant(&found);
    if !is_meant {
        // If another holds it by now, the one whose claim this was notices.
        match fs::hard_link(aside, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists && !path.exists() => {
                return fs::rename(aside, path).map(|()| false);
            }
            _ => {}
        }
    }
    match fs::remove_file(aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(is_meant),
    }
}

/// A file beside `path` with this content, whole on the server when this returns.
pub(crate) fn written(path: &Path, content: &str) -> io::Result<TempPath> {
    let mut builder = Builder::new();
    let prefix = prefix_of(path);
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The mask of the process takes from these, as for every other file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(parent(path))?;
    file.write_all(content.as_bytes())?;
    // NFS sends what is left when a file is closed.
    Ok(file.into_temp_path())
}

pub(crate) fn open_to_beat(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).write(true).open(path)?;
    lock(&file);
    Ok(file)
}

/// The lock is one of two signs by which others on this system see that the process ended.
/// Elsewhere than on Unix it would keep them from reading the claim.
pub(crate) fn lock(file: &File) {
    #[cfg(unix)]
    let _ = file.try_lock();
    #[cfg(not(unix))]
    let _ = file;
}

/// Whether nobody on this system has a lock on the file at `path`, as far as the system says.
pub(crate) fn is_unlocked(path: &Path) -> bool {
    cfg!(unix) && File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// Another one each time, also in another process that was started in the same moment.
pub(crate) fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // Keyed by the system's generator.
    let random = [(); 2].map(|()| RandomState::new().build_hasher().finish());
    let text = format!("{random:?} {count} {} {:?}", std::process::id(), machine::this());
    let mut token = Digest::of(text).short();
    token.truncate(16);
    token
}
