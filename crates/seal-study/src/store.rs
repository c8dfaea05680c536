//! A content-addressed folder of stage outputs.
//!
//! An output is made in `scratch/`, its files are flushed to disk, its manifest is
//! written last, and the folder is then renamed to `<stage>/<key>`. So an entry is whole or
//! absent, wherever the program is killed.
//!
//! What is found is not believed: the manifest has a hash of its own content, and
//! [`Store::verify`] holds every file against the hash in the manifest. A damaged entry is
//! renamed to `damaged/<stage>-<key>-<n>`, so that its output is made again. Nothing is
//! deleted but outputs in the making, in folders whose names the program gave.
//!
//! The folder itself may be a link, for a user named it. Links inside are refused.

mod error;
mod manifest;
mod owner;
pub(crate) mod sealed;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use seal_files::FileLock;
use serde_json::Value;

pub use error::{Damage, StoreError};
pub use manifest::StoredFile;
pub(crate) use manifest::{MANIFEST, hash_of};
use owner::{DAMAGED, LOCK, Ownership, SCRATCH, UNFINISHED};

use crate::Key;

/// A folder of outputs, held by one process at a time.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Whether [`Store::find`] may look: the folder is a store.
    is_store: bool,
    is_adopted: bool,
    /// Entries whose files were held against their hashes by this process.
    verified: Mutex<BTreeSet<PathBuf>>,
    _lock: Option<FileLock>,
}

/// A finished output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its folder.
    pub dir: PathBuf,
    /// Its files by name, without the manifest.
    pub files: Vec<StoredFile>,
}

impl Entry {
    /// Size of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// What a store has of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// An entry that cannot be used.
    Damaged(Damage),
    /// An entry that looks whole. Its content was not read.
    Entry(Entry),
}

impl Store {
    /// Opens or makes the store at `root` and removes what a killed run left half-made.
    ///
    /// # Errors
    /// A folder that is not empty and no store, or one of another version; a store in use by
    /// another process; a link in the folder; a file that cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        // Looked at before anything is written: in a folder of others not even a lock is made.
        owner::look(root)?;
        fs::create_dir_all(root).map_err(StoreError::io(root))?;
        let path = root.join(LOCK);
        let lock = FileLock::try_take(&path).map_err(StoreError::io(&path))?;
        let lock = lock.ok_or_else(|| StoreError::InUse { root: root.to_owned() })?;
        let ownership = owner::look(root)?;
        if ownership != Ownership::Owned {
            owner::mark(root)?;
        }
        sweep(&folder(root, SCRATCH)?)?;
        Ok(Self {
            root: root.to_owned(),
            is_store: true,
            // The lock is there in any case by now.
            is_adopted: ownership == Ownership::Unmarked && has_entries(root),
            verified: Mutex::default(),
            _lock: Some(lock),
        })
    }

    /// Opens the store at `root` to look only; it need not exist.
    pub fn look(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            is_store: owner::look(root).is_ok(),
            is_adopted: false,
            verified: Mutex::default(),
            _lock: None,
        }
    }

    /// Whether the store had entries and no file that says that it is a store.
    pub fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// Looks for the output of `key`, made from `inputs`: its manifest is that of this
    /// output, and every file is there in its size.
    ///
    /// # Errors
    /// A link on the way; a file that may not be read.
    pub fn find(&self, stage: &str, key: &Key, inputs: &Value) -> Result<Found, StoreError> {
        let above = self.root.join(stage);
        let dir = above.join(key.as_str());
        if !self.is_store {
            return Ok(Found::Absent);
        }
        seal_files::refuse_link(&above).map_err(StoreError::io(&above))?;
        match fs::symlink_metadata(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Absent),
            Err(error) => return Err(StoreError::io(&dir)(error)),
            Ok(found) if !found.is_dir() => {
                let reason = "not a folder".to_owned();
                return Ok(Found::Damaged(Damage { file: dir, reason }));
            }
            Ok(_) => {}
        }
        let looked = manifest::look(&dir, stage, key.as_str(), inputs)?;
        Ok(match looked {
            Ok(files) => Found::Entry(Entry { dir, files }),
            Err(damage) => Found::Damaged(damage),
        })
    }

    /// Holds every file of an entry against its hash, once a process.
    ///
    /// # Errors
    /// A file that may not be read.
    pub fn verify(&self, entry: &Entry) -> Result<Option<Damage>, StoreError> {
        let verified = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified().contains(&entry.dir) {
            return Ok(None);
        }
        let damage = manifest::verify(&entry.dir, &entry.files)?;
        if damage.is_none() {
            verified().insert(entry.dir.clone());
        }
        Ok(damage)
    }

    /// Renames the entry of `key` into `damaged/`, whatever it is; returns its new place.
    ///
    /// # Errors
    /// An entry that cannot be renamed.
    pub fn set_aside(&self, stage: &str, key: &Key) -> Result<PathBuf, StoreError> {
        let damaged = folder(&self.root, DAMAGED)?;
        let free = |n: &u32| damaged.join(format!("{stage}-{key}-{n}"));
        let to = (1..).map(|n| free(&n)).find(|path| fs::symlink_metadata(path).is_err());
        let to = to.unwrap_or_else(|| free(&0));
        let from = self.root.join(stage).join(key.as_str());
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).remove(&from);
        fs::rename(&from, &to).map_err(StoreError::io(&from))?;
        Ok(to)
    }

    /// A fresh folder to make the output of `key` in.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn begin(&self, stage: &str, key: &Key) -> Result<PathBuf, StoreError> {
        let scratch = folder(&self.root, SCRATCH)?;
        let dir = scratch.join(format!("{stage}-{key}"));
        seal_files::refuse_link(&dir).map_err(StoreError::io(&dir))?;
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(StoreError::io(&dir))?;
        }
        fs::create_dir(&dir).map_err(StoreError::io(&dir))?;
        // The stage may make it: it must lead nowhere else.
        for path in [self.root.join(UNFINISHED), self.unfinished(stage, key)] {
            seal_files::refuse_link(&path).map_err(StoreError::io(&path))?;
        }
        Ok(dir)
    }

    /// The folder for what a stage has finished of the output of `key`; it may not exist. It
    /// stays when the program is killed, and goes when the output is an entry.
    pub(crate) fn unfinished(&self, stage: &str, key: &Key) -> PathBuf {
        self.root.join(UNFINISHED).join(format!("{stage}-{key}"))
    }

    /// Makes the output in `dir` an entry of the store.
    ///
    /// # Errors
    /// A file that cannot be flushed or renamed, a full disk for one; an output without
    /// files, or with anything that is no plain file.
    pub fn commit(
        &self,
        stage: &str,
        key: &Key,
        inputs: &Value,
        dir: &Path,
    ) -> Result<Entry, StoreError> {
        seal_files::remove_unfinished(dir);
        let files = manifest::list(dir)?;
        if files.is_empty() {
            let error = io::Error::new(io::ErrorKind::InvalidData, "an output without files");
            return Err(StoreError::io(dir)(error));
        }
        let path = dir.join(MANIFEST);
        let text = manifest::text(stage, key.as_str(), inputs, &files).map_err(io::Error::other);
        let write = |text: String| {
            // The rename of the folder makes it count: none is needed for the file.
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        text.and_then(write).map_err(StoreError::io(&path))?;
        let parent = folder(&self.root, stage)?;
        let target = parent.join(key.as_str());
        if fs::symlink_metadata(&target).is_ok() {
            // Only what could not be used is made again.
            self.set_aside(stage, key)?;
        }
        fs::rename(dir, &target).map_err(StoreError::io(&target))?;
        // The rename itself lives in the parent folder.
        File::open(&parent).and_then(|d| d.sync_all()).map_err(StoreError::io(&parent))?;
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(target.clone());
        let unfinished = self.unfinished(stage, key);
        if fs::symlink_metadata(&unfinished).is_ok_and(|found| found.is_dir()) {
            fs::remove_dir_all(&unfinished).map_err(StoreError::io(&unfinished))?;
        }
        Ok(Entry { dir: target, files })
    }
}

/// The folder `name` of the store, made if it is absent.
fn folder(root: &Path, name: &str) -> Result<PathBuf, StoreError> {
    seal_files::make_folder(root, name.as_ref()).map_err(StoreError::io(&root.join(name)))
}

fn has_entries(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    let ours = [SCRATCH, UNFINISHED, DAMAGED];
    let other = |name: std::ffi::OsString| !ours.iter().any(|o| name == **o);
    entries.flatten().any(|e| e.file_type().is_ok_and(|t| t.is_dir()) && other(e.file_name()))
}

/// Removes outputs that a killed run left half-made, and nothing else: folders whose names
/// the program gave, and no links.
fn sweep(scratch: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(scratch).map_err(StoreError::io(scratch))? {
        let entry = entry.map_err(StoreError::io(scratch))?;
        let path = entry.path();
        let is_folder = entry.file_type().map_err(StoreError::io(&path))?.is_dir();
        let is_ours = owner::is_scratch_name(&entry.file_name().to_string_lossy());
        if is_folder && is_ours {
            fs::remove_dir_all(&path).map_err(StoreError::io(&path))?;
        }
    }
    Ok(())
}
