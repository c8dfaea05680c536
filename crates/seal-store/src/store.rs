//! A content-addressed folder of stage outputs.
//!
//! An output is made in `scratch/`, its files are flushed to disk, its manifest is
//! written last, and the folder is then renamed to `<stage>/<key>`. So an entry is whole or
//! absent, wherever the program is killed.
//!
//! What is found is not believed: the manifest has a hash of its own content, and
//! [`Store::verify`] holds every file against the hash in the manifest. A damaged entry is
//! renamed to `damaged/<stage>-<key>-<n>`, so that its output is made again.
//!
//! Several processes may work in one store. Whoever makes an output, sets an entry aside or
//! sweeps a leftover of a key holds the claim of that key, a lock in `claims/` that ends with
//! its process. Nothing is deleted but outputs in the making that nobody claims, in folders
//! whose names the program gave.
//!
//! The folder itself may be a link, for a user named it. Links inside are refused.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seal_files::{Claim, FileLock};
use serde_json::Value;

use crate::entry::{Entry, Found};
use crate::error::{Damage, Flaw, StoreError};
use crate::key::Key;
use crate::making::Making;
use crate::manifest;
use crate::owner::{
    self, CLAIMS, DAMAGED, LOCK, OPENING, Ownership, SCRATCH, UNFINISHED, folder, scratch_name,
};
use crate::sweep::{Swept, sweep};

/// How long another process takes at most to look through a store that it opens, as a rule.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A folder of outputs, shared by processes.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Whether [`Store::find`] may look: the folder is a store.
    is_store: bool,
    is_adopted: bool,
    swept: Swept,
    /// Entries whose files were held against their hashes by this process.
    verified: Mutex<BTreeSet<PathBuf>>,
    _lock: Option<FileLock>,
}

/// What came of the wish to make an output.
#[derive(Debug)]
pub enum Begun {
    /// It is there by now, and every file is as it was written.
    Found(Entry),
    /// Another process or thread makes it.
    Held,
    /// It is for this caller alone to make.
    Making(Making),
}

impl Store {
    /// Opens or makes the store at `root` and removes what killed runs left half-made.
    ///
    /// # Errors
    /// A folder that is not empty and no store, or one of another version; a store in use by
    /// a program that shares none; a link in the folder; a file that cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        // Looked at before anything is written: in a folder of others not even a lock is made.
        owner::look(root)?;
        fs::create_dir_all(root).map_err(StoreError::io(root))?;
        let path = root.join(LOCK);
        let lock = FileLock::try_share(&path).map_err(StoreError::io(&path))?;
        let lock = lock.ok_or_else(|| StoreError::InUse { root: root.to_owned() })?;
        let opening = folder(root, CLAIMS)?.join(OPENING);
        let _alone = loop {
            match Claim::try_take(&opening).map_err(StoreError::io(&opening))? {
                Some(claim) => break claim,
                None => std::thread::sleep(LOOK_AGAIN),
            }
        };
        let ownership = owner::look(root)?;
        if ownership != Ownership::Owned {
            owner::mark(root)?;
        }
        for name in [SCRATCH, UNFINISHED] {
            let path = root.join(name);
            seal_files::refuse_link(&path).map_err(StoreError::io(&path))?;
        }
        let swept = sweep(root)?;
        Ok(Self {
            root: root.to_owned(),
            is_store: true,
            // The lock is there in any case by now.
            is_adopted: ownership == Ownership::Unmarked && has_entries(root),
            swept,
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
            swept: Swept::default(),
            verified: Mutex::default(),
            _lock: None,
        }
    }

    /// Whether the store had entries and no file that says that it is a store.
    pub fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// What [`Store::open`] removed.
    pub fn swept(&self) -> &Swept {
        &self.swept
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
                return Ok(Found::Damaged(Damage { file: dir, flaw: Flaw::NotAFolder }));
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
        if self.verified().contains(&entry.dir) {
            return Ok(None);
        }
        let damage = manifest::verify(&entry.dir, &entry.files)?;
        if damage.is_none() {
            self.verified().insert(entry.dir.clone());
        }
        Ok(damage)
    }

    /// Holds one file of an entry against its hash: for a small file beside large ones.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub fn verify_file(&self, entry: &Entry, name: &str) -> Result<Option<Damage>, StoreError> {
        match entry.files.iter().find(|file| file.name == name) {
            Some(file) => manifest::verify(&entry.dir, std::slice::from_ref(file)),
            None => Ok(Some(Damage { file: entry.dir.join(name), flaw: Flaw::Missing })),
        }
    }

    /// Claims the output of `key`, made from `inputs`, if it is still to be made. An entry
    /// that cannot be used is set aside.
    ///
    /// # Errors
    /// A folder that cannot be made, a file that may not be read, a link on the way.
    pub fn begin(
        &self,
        stage: &'static str,
        key: &Key,
        inputs: &Value,
    ) -> Result<Begun, StoreError> {
        let place = folder(&self.root, CLAIMS)?.join(scratch_name(stage, key));
        let Some(claim) = Claim::try_take(&place).map_err(StoreError::io(&place))? else {
            return Ok(Begun::Held);
        };
        // Others may have made it since the caller looked.
        let damage = match self.find(stage, key, inputs)? {
            Found::Absent => None,
            Found::Damaged(damage) => Some(damage),
            Found::Entry(entry) => match self.verify(&entry)? {
                Some(damage) => Some(damage),
                None => return Ok(Begun::Found(entry)),
            },
        };
        let set_aside = match damage {
            Some(damage) => Some((damage, self.set_aside(stage, key)?)),
            None => None,
        };
        Ok(Begun::Making(Making::new(&self.root, (stage, key), inputs, claim, set_aside)?))
    }

    /// Makes the output an entry of the store.
    ///
    /// # Errors
    /// A file that cannot be flushed or renamed, a full disk for one; an output without
    /// files, or with anything that is no plain file.
    pub fn commit(&self, making: Making) -> Result<Entry, StoreError> {
        let entry = making.commit()?;
        self.verified().insert(entry.dir.clone());
        Ok(entry)
    }

    /// Renames the entry of `key` into `damaged/`, whatever it is; returns its new place. Its
    /// claim must be held: another process may just have made it anew.
    fn set_aside(&self, stage: &str, key: &Key) -> Result<PathBuf, StoreError> {
        let damaged = folder(&self.root, DAMAGED)?;
        let free = |n: &u32| damaged.join(format!("{}-{n}", scratch_name(stage, key)));
        let to = (1..).map(|n| free(&n)).find(|path| fs::symlink_metadata(path).is_err());
        let to = to.unwrap_or_else(|| free(&0));
        let from = self.root.join(stage).join(key.as_str());
        self.verified().remove(&from);
        fs::rename(&from, &to).map_err(StoreError::io(&from))?;
        Ok(to)
    }

    fn verified(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_entries(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    let ours = [CLAIMS, SCRATCH, UNFINISHED, DAMAGED];
    let other = |name: std::ffi::OsString| !ours.iter().any(|o| name == **o);
    entries.flatten().any(|e| e.file_type().is_ok_and(|t| t.is_dir()) && other(e.file_name()))
}
