//! Digests of large files, remembered between runs: those of a model's weights would take
//! minutes to make at each start.
//!
//! A file is known by its path, size, times, inode and device. Where anything differs it is
//! read again. One that was changed a moment ago is never remembered: it may change again
//! within the resolution of the file system's clock. What cannot be remembered is made anew,
//! and a list that is damaged counts as empty.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use seal_files::{Digest, FileStamp};
use serde::{Deserialize, Serialize};

/// Smaller files are read as fast as looked up.
const SMALLEST: u64 = 1 << 20;

/// Seconds for which a file must have been left alone.
const SETTLED: i128 = 2;

/// Files that are remembered at most.
const MOST: usize = 10_000;

const FORMAT: u32 = 1;

/// What is remembered of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownDigest {
    /// Size, times in nanoseconds, inode and device, see [`stamp`].
    stamp: [i128; 5],
    blake3: Digest,
}

#[derive(Serialize, Deserialize)]
struct DigestList {
    format_version: u32,
    files: BTreeMap<String, KnownDigest>,
    /// Digest of `files` as JSON.
    check: Digest,
}

/// The digests that one user's programs remember.
#[derive(Debug)]
pub struct Digests {
    list: Option<PathBuf>,
    files: BTreeMap<String, KnownDigest>,
    is_changed: bool,
}

impl Digests {
    /// Those that the user's runs of `program` remember, in `<program>/digests.json` of the
    /// user's folder for caches.
    pub fn of_user(program: &str) -> Self {
        Self::at(
            user_cache(|name| std::env::var_os(name))
                .map(|dir| dir.join(program).join("digests.json")),
        )
    }

    /// Those in the file `list`, which need not exist; without a file none are remembered.
    pub fn at(list: Option<PathBuf>) -> Self {
        let files = list.as_deref().and_then(read).unwrap_or_default();
        Self { list, files, is_changed: false }
    }

    /// The digest of the file at `path`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(&mut self, path: &Path) -> io::Result<Digest> {
        let place = fs::canonicalize(path)?;
        if let Some(digest) = self.remembered(&place)? {
            return Ok(digest);
        }
        let (digest, known) = read_anew(&place)?;
        self.remember(known);
        Ok(digest)
    }

    /// The digest that is remembered of the file at the canonical path `place`, if that
    /// still holds.
    fn remembered(&self, place: &Path) -> io::Result<Option<Digest>> {
        let (Some(name), Some(now)) = (place.to_str(), stamp(place)?) else { return Ok(None) };
        let known = self.files.get(name).filter(|known| known.stamp == now);
        Ok(known.map(|known| known.blake3))
    }

    fn remember(&mut self, known: Option<(String, KnownDigest)>) {
        if let Some((name, known)) = known {
            self.files.insert(name, known);
            self.is_changed = true;
        }
    }

    /// Remembers what is new. A failure costs time and nothing else.
    pub fn keep(&mut self) {
        let Some(list) = self.list.as_deref().filter(|_| self.is_changed) else { return };
        self.files.retain(|path, _| Path::new(path).exists());
        if self.files.len() > MOST {
            return;
        }
        let written = write(list, &self.files);
        if let Err(error) = written {
            tracing::debug!(list = %list.display(), %error, "digests are not remembered");
        }
        self.is_changed = false;
    }
}

/// The digests that one user's programs remember, for threads that work side by side. Files
/// are read outside of the lock.
#[derive(Debug)]
pub struct SharedDigests(Mutex<Digests>);

impl SharedDigests {
    /// As [`Digests::of_user`].
    pub fn of_user(program: &str) -> Self {
        Self(Mutex::new(Digests::of_user(program)))
    }

    /// As [`Digests::of`].
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(&self, path: &Path) -> io::Result<Digest> {
        let place = fs::canonicalize(path)?;
        if let Some(digest) = self.lock().remembered(&place)? {
            return Ok(digest);
        }
        let (digest, known) = read_anew(&place)?;
        self.lock().remember(known);
        Ok(digest)
    }

    /// As [`Digests::keep`].
    pub fn keep(&self) {
        self.lock().keep();
    }

    fn lock(&self) -> MutexGuard<'_, Digests> {
        // A thread that panicked left whole entries behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest of the file at the canonical path `place`, and what to remember of it.
fn read_anew(place: &Path) -> io::Result<(Digest, Option<(String, KnownDigest)>)> {
    let (Some(name), Some(before)) = (place.to_str(), stamp(place)?) else {
        return Ok((Digest::of_file(place)?, None));
    };
    // Asked before it is read: a change of the same moment may come in between.
    let settled = is_settled(&before);
    let digest = Digest::of_file(place)?;
    // A file that was written to while it was read is not what was read.
    let after = stamp(place)?;
    let holds = settled && after == Some(before) && before[0] >= i128::from(SMALLEST);
    let known = KnownDigest { stamp: before, blake3: digest };
    Ok((digest, holds.then(|| (name.to_owned(), known))))
}

fn read(list: &Path) -> Option<BTreeMap<String, KnownDigest>> {
    let text = fs::read(list).ok()?;
    let list: DigestList = serde_json::from_slice(&text).ok()?;
    (list.format_version == FORMAT && check(&list.files)? == list.check).then_some(list.files)
}

fn write(list: &Path, files: &BTreeMap<String, KnownDigest>) -> io::Result<()> {
    let check = check(files).ok_or_else(|| io::Error::other("paths that are no JSON"))?;
    let text =
        serde_json::to_vec(&DigestList { format_version: FORMAT, files: files.clone(), check })?;
    if let Some(folder) = list.parent() {
        fs::create_dir_all(folder)?;
    }
    seal_files::write(list, &text)
}

fn check(files: &BTreeMap<String, KnownDigest>) -> Option<Digest> {
    Some(Digest::of(serde_json::to_vec(files).ok()?))
}

/// Size, the times of the last change of the file and of its inode, inode and device; `None`
/// where nothing tells a file from another that took its place.
fn stamp(file: &Path) -> io::Result<Option<[i128; 5]>> {
    let stamp = FileStamp::of(&fs::metadata(file)?);
    Ok(stamp.inode.map(|inode| {
        let (number, device) = (i128::from(inode.number), i128::from(inode.device));
        [i128::from(stamp.bytes), stamp.modified, inode.changed, number, device]
    }))
}

/// Whether both times are some seconds ago; those of the future are not.
fn is_settled(stamp: &[i128; 5]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "whether to remember is no part of a result")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let Ok(now) = now.map(|now| now.as_nanos() as i128) else { return false };
    is_settled_at(stamp, now)
}

/// The same at the time `now`, in nanoseconds.
fn is_settled_at([_, mtime, ctime, ..]: &[i128; 5], now: i128) -> bool {
    [mtime, ctime].into_iter().all(|time| now - time > SETTLED * 1_000_000_000)
}

/// `XDG_CACHE_HOME`, or the folder that stands for it. `variable` gives the value of a variable.
fn user_cache(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")))
}

#[cfg(test)]
#[path = "digests_tests.rs"]
mod tests;
