//! One file, written beside its target and renamed over it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::identity::is_at;
use crate::link::refuse_link;

/// Start of the names of files and folders that are not finished. A killed program leaves
/// them behind. The next one that writes to the same target removes them.
pub const PENDING_PREFIX: &str = ".seal-pending-";

/// Whether `name` is one that this crate gives to unfinished files and folders.
pub fn is_pending(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PENDING_PREFIX.as_bytes())
}

/// A file that takes its place when it is whole. Dropped without [`PendingFile::commit`],
/// it leaves nothing.
///
/// Writes go through a buffer.
#[derive(Debug)]
pub struct PendingFile {
    to: To,
    target: PathBuf,
}

/// How much of a file is on disk before it counts as written. A crash of the machine may
/// undo the rest; a killed program undoes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Its content and its name.
    FileAndFolder,
    /// Its content. For many files of one folder, of which the last flushes the folder.
    File,
    /// Nothing. For a file that is soon written again.
    Nothing,
}

#[derive(Debug)]
enum To {
    /// Renamed at the end.
    Beside(BufWriter<NamedTempFile>),
    /// A pipe or a terminal: nothing can be renamed over it.
    Direct(BufWriter<File>),
}

impl PendingFile {
    /// A file that will stand at `path`, in a folder of the program.
    ///
    /// # Errors
    /// A link or a folder at `path`; a file that cannot be made in its folder.
    pub fn create(path: &Path) -> io::Result<Self> {
        refuse_link(path)?;
        if path.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "a folder stands where a file is to be written",
            ));
        }
        Ok(Self { to: To::Beside(BufWriter::new(beside(path)?)), target: path.to_owned() })
    }

    /// A file that will stand where a user said. A link is followed, and its target is
    /// replaced. A pipe or a device, such as `/dev/stdout`, is written to directly.
    ///
    /// # Errors
    /// As [`PendingFile::create`], links apart.
    pub fn named_by_user(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Self::create(&path.canonicalize()?),
            Ok(found) if found.is_dir() => Self::create(path),
            Ok(_) => {
                let file = File::options().write(true).open(path)?;
                Ok(Self { to: To::Direct(BufWriter::new(file)), target: path.to_owned() })
            }
            // A link to nothing is refused: its target is not known to be meant.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    /// Flushes the file to disk and renames it to its target.
    ///
    /// # Errors
    /// A file that cannot be flushed or renamed, a full disk for one. The target is then as
    /// it was.
    pub fn commit(self) -> io::Result<()> {
        self.commit_flushed(Flush::FileAndFolder)
    }

    /// Renames the file to its target, with less flushing than [`PendingFile::commit`].
    ///
    /// # Errors
    /// As [`PendingFile::commit`].
    pub fn commit_flushed(self, flush: Flush) -> io::Result<()> {
        match self.to {
            To::Beside(out) => {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
                #[cfg(unix)]
                if let Ok(old) = fs::metadata(&self.target) {
                    // A file that only its owner may read stays so.
                    file.as_file().set_permissions(old.permissions())?;
                }
                if flush != Flush::Nothing {
                    file.as_file().sync_all()?;
                }
                file.persist(&self.target).map_err(|e| e.error)?;
                match flush {
                    Flush::FileAndFolder => sync_parent(&self.target),
                    Flush::File | Flush::Nothing => Ok(()),
                }
            }
            To::Direct(mut out) => out.flush(),
        }
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Beside(out) => out.write(bytes),
            To::Direct(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Beside(out) => out.flush(),
            To::Direct(out) => out.flush(),
        }
    }
}

/// Writes a whole file: readers see the old one or the new one.
///
/// # Errors
/// As [`PendingFile::create`] and [`PendingFile::commit`].
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = PendingFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

/// Copies the content of `from` to a whole file `to`, never as a link.
///
/// # Errors
/// As [`write()`], and a file that cannot be read.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut file = PendingFile::create(to)?;
    io::copy(&mut source, &mut file)?;
    file.commit()
}

/// Opens a file of the program to add to it, and makes it if it is absent.
///
/// # Errors
/// A link or anything that is no plain file at `path`; a file that cannot be opened.
pub fn append(path: &Path) -> io::Result<File> {
    refuse_link(path)?;
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    File::options().create(true).append(true).open(path)
}

/// An unfinished file in the folder of `path`, with the rights of ordinary files.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let prefix = prefix_of(path);
    sweep(parent(path), &prefix, for_locking, |file| fs::remove_file(file));
    let mut builder = Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The mask of the process takes from these, as for every other file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = builder.tempfile_in(parent(path))?;
        if hold(file.as_file(), file.path())? {
            return Ok(file);
        }
    }
}

/// Puts at `path` what `make` makes at the path that it is given, such as a link: readers see
/// the old or the new. Nothing is flushed. Folders at `path` are not replaced.
///
/// # Errors
/// What `make` reports; a folder at `path`; a folder above it that is not there.
pub fn replace(path: &Path, make: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let made = Builder::new().prefix(&prefix_of(path)).make_in(parent(path), make)?;
    made.into_temp_path().persist(path).map_err(|e| e.error)
}

/// Start of the names of unfinished files or folders that are to become `path`.
pub(crate) fn prefix_of(path: &Path) -> String {
    // A long name would not leave room for what tells two unfinished files apart.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let short: String = name.chars().take(40).collect();
    format!("{PENDING_PREFIX}{short}-")
}

/// Marks an unfinished file as one that a living program writes, and says whether it is still
/// at `path`: the sweep of another program may have come between its making and this mark.
/// Some network file systems have no locks: leftovers then stay.
///
/// # Errors
/// A file system that does not say what is at `path`.
pub(crate) fn hold(lock: &File, path: &Path) -> io::Result<bool> {
    // A sweep holds it no longer than its removal takes. Then it goes with the process,
    // however that ends.
    let _held = lock.lock();
    is_at(path, lock)
}

/// Removes what a killed program left of the same target: entries of `folder` whose names
/// start with `prefix` and whose lock nobody holds.
pub(crate) fn sweep(
    folder: &Path,
    prefix: &str,
    lock_of: impl Fn(&Path) -> io::Result<File>,
    remove: impl Fn(&Path) -> io::Result<()>,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(prefix.as_bytes());
        // The end is six random characters: a longer one is of another target.
        if rest.is_none_or(|rest| rest.len() != 6)
            || entry.file_type().is_ok_and(|t| t.is_symlink())
        {
            continue;
        }
        let path = entry.path();
        remove_abandoned(&path, lock_of(&path), &remove);
    }
}

/// Removes what is at `path` where nobody holds its lock.
fn remove_abandoned(
    path: &Path,
    lock: io::Result<File>,
    remove: impl FnOnce(&Path) -> io::Result<()>,
) {
    // Held until it is removed: who made it a moment ago waits for that and sees it.
    if let Ok(lock) = lock
        && lock.try_lock().is_ok()
    {
        // Room is all that a leftover costs: nothing depends on its removal.
        let _ = remove(path);
    }
}

/// Removes the unfinished files in `folder` that no living program writes, whatever their
/// targets. For a folder of the program whose files may not be written again.
pub fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_pending(&entry.file_name()) {
            let path = entry.path();
            remove_abandoned(&path, for_locking(&path), |file| fs::remove_file(file));
        }
    }
}

/// Opens a file to lock it for this process alone: NFS then asks for the right to write.
pub(crate) fn for_locking(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A rename is in the folder: without this a crash of the machine may undo it.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(parent(path))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
