//! Folders and files of `cells/`: what is there, and copies out of the store.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use seal_files::{Digester, Flush, PendingFile};
use seal_store::StoredFile;

use crate::StudyError;
use crate::observer::{Event, Observer};

pub(super) fn notice(observer: &dyn Observer, message: String) {
    observer.event(&Event::Notice { message });
}

/// Names in a folder, the first few.
pub(super) fn names(dir: &Path) -> String {
    const SHOWN: usize = 3;
    let Ok(entries) = fs::read_dir(dir) else { return String::new() };
    let mut all: Vec<String> = entries
        .flatten()
        .map(|e| e.file_name().to_string_lossy().escape_debug().to_string())
        .collect();
    all.sort();
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    all.join(", ") + &more
}

/// The folders in `dir` by name, without links; none where `dir` is absent.
pub(super) fn folders(dir: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StudyError::io(dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StudyError::io(dir))?;
        if entry.file_type().map_err(StudyError::io(dir))?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn refuse_links(out: &Path, below: &Path) -> Result<(), StudyError> {
    let mut path = out.to_owned();
    for part in below {
        path.push(part);
        seal_files::refuse_link(&path).map_err(StudyError::at_file(&path))?;
    }
    Ok(())
}

/// Writes a file of a cell. The stamp, which comes last, flushes the folder.
pub(super) fn write(to: &Path, text: &str) -> std::io::Result<()> {
    let mut pending = PendingFile::create(to)?;
    pending.write_all(text.as_bytes())?;
    pending.commit_flushed(Flush::File)
}

/// Copies a file of the store, and refuses content that is not that of its hash. No link:
/// what a user does to the copy must not reach the store.
pub(super) fn copy(from: &Path, to: &Path, file: &StoredFile) -> std::io::Result<()> {
    let mut source = seal_files::open_plain(from)?;
    let mut pending = PendingFile::create(to)?;
    let mut digester = Digester::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match source.read(&mut buffer)? {
            0 => break,
            n => {
                digester.update(&buffer[..n]);
                pending.write_all(&buffer[..n])?;
            }
        }
    }
    if digester.finish() != file.blake3 {
        return Err(std::io::Error::new(
            ErrorKind::InvalidData,
            format!("{} changed while it was copied; run the same command again", from.display()),
        ));
    }
    pending.commit_flushed(Flush::File)
}
