//! Whether a file of the cache is still what was loaded.
//!
//! The name of a large file's blob is the SHA-256 of its content, that of a small
//! one Git's SHA-1, but for mirrors, which have names of their own. What was checked
//! is noted beside the locks, with what the file system says of the file (size,
//! inode, time of its last change), so that it is read once and not at each start.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use seal_files::FileStamp;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::cache::{RepoCache, make_parent};
use crate::{DownloadProgress, Event, HubError};

/// Sums of a file, in lower-case hexadecimal.
pub(crate) struct Checksums {
    pub len: u64,
    pub sha256: String,
    /// SHA-1 as Git takes it, with the length before the content.
    git: String,
    /// Plain SHA-1, which some mirrors name files by.
    sha1: String,
}

/// What is known of a blob.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BlobState {
    Absent,
    Whole,
    /// Its name is no sum that is known, and nothing was noted of it.
    Unknown,
    /// Its name looks like a sum, which is not that of its content: it is damaged,
    /// or from a mirror with sums of its own. Why.
    Suspect(String),
    /// Why it cannot be what was loaded.
    Damaged(String),
}

/// What was noted of a blob that was whole.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Note {
    /// See [`stamp`].
    stamp: String,
    sha256: String,
}

impl Checksums {
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn of(path: &Path) -> Result<Self, HubError> {
        let read = |e| HubError::io("read", path, e);
        let mut file = File::open(path).map_err(read)?;
        let len = file.metadata().map_err(read)?.len();
        // Git names small files only; SHA-1 of a large one would be time for nothing.
        let small = len <= SMALL;
        let (mut sha256, mut sha1, mut git) = (Sha256::new(), Sha1::new(), Sha1::new());
        git.update(format!("blob {len}\0"));
        let mut buffer = vec![0; 1 << 16];
        let mut done = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    done += count as u64;
                    sha256.update(&buffer[..count]);
                    if small {
                        sha1.update(&buffer[..count]);
                        git.update(&buffer[..count]);
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(read(e)),
            }
        }
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let sha = |sum: Sha1| if small { hex(&sum.finalize()) } else { String::new() };
        Ok(Self { len: done, sha256: hex(&sha256.finalize()), git: sha(git), sha1: sha(sha1) })
    }

    /// Whether the content is what the name of a blob says; `None` where the name
    /// is none of these sums, which may be a mirror's own.
    pub(crate) fn prove(&self, etag: &str) -> Option<bool> {
        if let Some(expected) = sha256_of(etag) {
            return Some(self.sha256 == expected);
        }
        let named = etag.to_ascii_lowercase();
        (named == self.git || named == self.sha1).then_some(true)
    }
}

/// Largest file that a repository holds without its store of large files.
const SMALL: u64 = 64 << 20;

/// The SHA-256 that a blob's name is, if it is one.
pub(crate) fn sha256_of(etag: &str) -> Option<String> {
    (etag.len() == 64 && etag.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| etag.to_ascii_lowercase())
}

/// Looks at a blob, and reads it if it changed since it was last checked.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn blob(
    cache: &RepoCache,
    etag: &str,
    size: Option<u64>,
    file: &str,
    on: &dyn DownloadProgress,
) -> Result<BlobState, HubError> {
    let path = cache.blob(etag);
    let found = match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Err(HubError::Obstacle { path, why: "this is no file" }),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(BlobState::Absent);
        }
        Err(e) => return Err(HubError::io("read", &path, e)),
    };
    let note = noted(cache, etag);
    if note.as_ref().is_some_and(|note| note.stamp == stamp(&found)) {
        return Ok(BlobState::Whole);
    }
    on.event(&Event::Checking { file });
    let sums = Checksums::of(&path)?;
    let whole = match (&note, sums.prove(etag)) {
        (_, Some(whole)) => Some(whole),
        (Some(note), None) => Some(note.sha256 == sums.sha256),
        (None, None) => None,
    };
    if whole == Some(true) {
        write_note(cache, etag, &sums);
        return Ok(BlobState::Whole);
    }
    let wrong = size.filter(|size| *size != sums.len);
    let why = match wrong {
        Some(size) => format!("has {} bytes in place of {size}", sums.len),
        None => format!("has {} bytes that do not match its checksum", sums.len),
    };
    let like_git = etag.len() == 40 && etag.bytes().all(|b| b.is_ascii_hexdigit());
    Ok(match whole {
        None if wrong.is_none() && like_git => BlobState::Suspect(why),
        None if wrong.is_none() => BlobState::Unknown,
        _ => BlobState::Damaged(why),
    })
}

/// Notes that a blob is what its sums say.
pub(crate) fn write_note(cache: &RepoCache, etag: &str, sums: &Checksums) {
    let path = cache.note_of(etag);
    let written = std::fs::metadata(cache.blob(etag))
        .map_err(|e| HubError::io("read", &cache.blob(etag), e))
        .and_then(|found| {
            let note = Note { stamp: stamp(&found), sha256: sums.sha256.clone() };
            let text = serde_json::to_string(&note).unwrap_or_default();
            make_parent(&path)?;
            seal_files::write(&path, text.as_bytes()).map_err(|e| HubError::io("write", &path, e))
        });
    // A cache that others own may be for reading only; the file is then read again
    // at the next start, which costs time and nothing else.
    if let Err(e) = written {
        tracing::info!("{e}; the file is checked again next time");
    }
}

fn noted(cache: &RepoCache, etag: &str) -> Option<Note> {
    let text = std::fs::read_to_string(cache.note_of(etag)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Changes whenever the content may have changed.
fn stamp(found: &Metadata) -> String {
    let FileStamp { bytes, modified, inode } = FileStamp::of(found);
    match inode {
        Some(inode) => {
            let (seconds, rest) =
                (inode.changed.div_euclid(1_000_000_000), inode.changed.rem_euclid(1_000_000_000));
            format!("{bytes} {} {seconds}.{rest:09}", inode.number)
        }
        None => format!("{bytes} {modified}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `git hash-object` and `sha1sum` of "hello\n" and of nothing.
    #[test]
    fn sums_are_those_of_git() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for (text, git, sha1) in [
            (
                "hello\n",
                "ce013625030ba8dba906f756967f9e9ca394464a",
                "f572d396fae9206628714fb2ce00f72e94f2258f",
            ),
            (
                "",
                "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
                "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let sums = Checksums::of(&path).unwrap();
            assert_eq!((sums.git.as_str(), sums.sha1.as_str()), (git, sha1));
            assert_eq!(sums.prove(git), Some(true));
            assert_eq!(sums.prove(sha1), Some(true));
            assert_eq!(sums.prove("abc"), None);
            assert_eq!(sums.prove(&sums.sha256.to_uppercase()), Some(true));
            assert_eq!(sums.prove(&"0".repeat(64)), Some(false));
        }
    }
}
