//! Digests of large files, remembered between runs: those of a model's weights would take
//! minutes to make at each start.
//!
//! A file is known by its path, size, times, inode and device. Where anything differs it is
//! read again. One that was changed a moment ago is never remembered: it may change again
//! within the resolution of the file system's clock. What cannot be remembered is made anew,
//! and a list that is damaged counts as empty.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

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
struct Known {
    /// Size, times in nanoseconds, inode and device, see [`stamp`].
    stamp: [i128; 5],
    blake3: String,
}

#[derive(Serialize, Deserialize)]
struct List {
    format_version: u32,
    files: BTreeMap<String, Known>,
    /// BLAKE3 of `files` as JSON.
    check: String,
}

/// The digests that one user's programs remember.
pub(crate) struct Digests {
    list: Option<PathBuf>,
    files: BTreeMap<String, Known>,
    is_changed: bool,
}

impl Digests {
    /// Those of the user, in `seal/digests.json` of the user's folder for caches.
    pub(crate) fn of_user() -> Self {
        Self::at(user_cache().map(|dir| dir.join("seal").join("digests.json")))
    }

    fn at(list: Option<PathBuf>) -> Self {
        let files = list.as_deref().and_then(read).unwrap_or_default();
        Self { list, files, is_changed: false }
    }

    /// BLAKE3 of the file at `path`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn of(&mut self, path: &Path) -> io::Result<blake3::Hash> {
        let place = fs::canonicalize(path)?;
        let (Some(name), Some(before)) = (place.to_str(), stamp(&fs::metadata(&place)?)) else {
            return hash(&place);
        };
        if let Some(known) = self.files.get(name).filter(|known| known.stamp == before)
            && let Ok(hash) = blake3::Hash::from_hex(&known.blake3)
        {
            return Ok(hash);
        }
        // Asked before it is read: a change of the same moment may come in between.
        let settled = is_settled(&before);
        let hash = hash(&place)?;
        // A file that was written to while it was read is not what was read.
        let after = stamp(&fs::metadata(&place)?);
        if settled && after == Some(before) && before[0] >= i128::from(SMALLEST) {
            let known = Known { stamp: before, blake3: hash.to_hex().to_string() };
            self.files.insert(name.to_owned(), known);
            self.is_changed = true;
        }
        Ok(hash)
    }

    /// Remembers what is new. A failure costs time and nothing else.
    pub(crate) fn keep(&mut self) {
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

fn read(list: &Path) -> Option<BTreeMap<String, Known>> {
    let text = fs::read(list).ok()?;
    let list: List = serde_json::from_slice(&text).ok()?;
    (list.format_version == FORMAT && check(&list.files)? == list.check).then_some(list.files)
}

fn write(list: &Path, files: &BTreeMap<String, Known>) -> io::Result<()> {
    let check = check(files).ok_or_else(|| io::Error::other("paths that are no JSON"))?;
    let text = serde_json::to_vec(&List { format_version: FORMAT, files: files.clone(), check })?;
    if let Some(folder) = list.parent() {
        fs::create_dir_all(folder)?;
    }
    seal_files::write(list, &text)
}

fn check(files: &BTreeMap<String, Known>) -> Option<String> {
    let json = serde_json::to_vec(files).ok()?;
    Some(blake3::hash(&json).to_hex().to_string())
}

fn hash(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// What changes with a file: its size, the times of its last change and of that of its
/// entry, inode and device.
#[cfg(unix)]
fn stamp(file: &Metadata) -> Option<[i128; 5]> {
    use std::os::unix::fs::MetadataExt as _;
    let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
    Some([
        i128::from(file.size()),
        nanoseconds(file.mtime(), file.mtime_nsec()),
        nanoseconds(file.ctime(), file.ctime_nsec()),
        i128::from(file.ino()),
        i128::from(file.dev()),
    ])
}

/// Elsewhere nothing tells a file from another that took its place.
#[cfg(not(unix))]
fn stamp(_: &Metadata) -> Option<[i128; 5]> {
    None
}

/// Whether both times are some seconds ago; those of the future are not.
fn is_settled([_, mtime, ctime, ..]: &[i128; 5]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "whether to remember is no part of a result")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let Ok(now) = now.map(|now| now.as_nanos() as i128) else { return false };
    [mtime, ctime].into_iter().all(|time| now - time > SETTLED * 1_000_000_000)
}

/// `XDG_CACHE_HOME`, or the folder that stands for it.
fn user_cache() -> Option<PathBuf> {
    let named = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")))
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "files are given times of the clock")]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn settled(path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }

    fn digests(dir: &Path) -> Digests {
        Digests::at(Some(dir.join("cache").join("digests.json")))
    }

    #[test]
    fn a_file_changed_a_moment_ago_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        settled(&path, &vec![1; SMALLEST as usize]);
        let mut known = digests(dir.path());
        known.of(&path).unwrap();
        // Setting its time back was itself a change, and that time cannot be set.
        assert!(known.files.is_empty());
    }

    #[test]
    fn what_is_remembered_is_used_until_anything_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        settled(&path, &vec![1; SMALLEST as usize]);
        let name = fs::canonicalize(&path).unwrap().to_str().unwrap().to_owned();
        let right = hash(&path).unwrap();
        let other = blake3::hash(b"remembered");
        let remember = |stamp: [i128; 5]| {
            let mut known = digests(dir.path());
            let file = Known { stamp, blake3: other.to_hex().to_string() };
            known.files.insert(name.clone(), file);
            known.is_changed = true;
            known.keep();
            digests(dir.path())
        };
        let now = stamp(&fs::metadata(&path).unwrap()).unwrap();
        assert_eq!(remember(now).of(&path).unwrap(), other);
        for part in 0..now.len() {
            let mut changed = now;
            changed[part] += 1;
            assert_eq!(remember(changed).of(&path).unwrap(), right, "{part}");
        }
        // A damaged list counts as empty, whatever bit it is.
        remember(now);
        let list = dir.path().join("cache").join("digests.json");
        let whole = fs::read(&list).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&list, &bytes).unwrap();
            assert_eq!(digests(dir.path()).of(&path).unwrap(), right, "{at}");
        }
    }

    #[test]
    fn a_settled_file_is_remembered() {
        let now = SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = now.as_nanos() as i128;
        let long_ago = now - 10_000_000_000;
        assert!(is_settled(&[0, long_ago, long_ago, 0, 0]));
        assert!(!is_settled(&[0, long_ago, now, 0, 0]));
        assert!(!is_settled(&[0, now, long_ago, 0, 0]));
        assert!(!is_settled(&[0, now + 10_000_000_000, long_ago, 0, 0]));
    }
}
