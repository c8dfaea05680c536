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
//! Several processes may work in one store, on one host or on many. Whoever makes an output, sets
//! an entry aside or sweeps a leftover of a key holds the claim of that key in `claims/`
//! ([`seal_files::Claims`]). A claim ends with its process, and one whose holder gives no sign of
//! life is taken over. A holder that wakes up then finds that its claim is gone, and throws its own
//! work away. What is in the making stands in folders with the token of the claim in their names,
//! so it touches nothing of the one who took over. Nothing is deleted but outputs in the making
//! that nobody claims, in folders whose names the program gave.
//!
//! A store that cannot be written serves the entries that it has.
//!
//! The folder itself may be a link, for a user named it. Links inside are refused.

mod discard;
mod open;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seal_files::{Claim, ClaimError, Claims, FileLock, Holder, Tried};
use serde_json::Value;

use crate::aside::set_aside;
use crate::commit::{Committed, commit};

use crate::damage::{Damage, Flaw};
use crate::entry::{Entry, Found};
use crate::error::StoreError;
use crate::key::Key;
use crate::making::Making;
use crate::manifest;
use crate::owner::{self, CLAIMS, folder, scratch_name};
use crate::sweep::Swept;

/// A folder of outputs, shared by processes.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Whether [`Store::find`] may look: the folder is a store.
    is_store: bool,
    is_adopted: bool,
    swept: Swept,
    /// Why nothing can be written, if so.
    read_only: Option<io::ErrorKind>,
    claims: Claims,
    /// Entries whose files were held against their hashes by this process.
    verified: Mutex<BTreeSet<PathBuf>>,
    _lock: Option<FileLock>,
}

/// What came of the wish to make an output.
#[derive(Debug)]
pub enum Begun {
    /// It is there by now, and every file is as it was written.
    Found(Entry),
    /// Another process or thread makes it: this one, where its claim says so.
    Held(Option<Holder>),
    /// It is for this caller alone to make.
    Making(Making),
}

impl Store {
    /// Opens the store at `root` to look only; it need not exist.
    pub fn open_to_read(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            is_store: owner::ownership(root).is_ok(),
            is_adopted: false,
            swept: Swept::default(),
            read_only: None,
            claims: Claims::default(),
            verified: Mutex::default(),
            _lock: None,
        }
    }

    /// Whether the store had entries and no file that says that it is a store.
    pub fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// Why nothing can be written into the store that was opened; `None` where it can.
    pub fn read_only(&self) -> Option<io::ErrorKind> {
        self.read_only
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
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
        let looked = manifest::check_entry(&dir, stage, key.as_str(), inputs)?;
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
    /// A folder that cannot be made, a file that may not be read, a link on the way; an output
    /// that is still to be made in a store that can only be read; no thread to keep the claim.
    pub fn begin(
        &self,
        stage: &'static str,
        key: &Key,
        inputs: &Value,
    ) -> Result<Begun, StoreError> {
        if let Some(reason) = self.read_only {
            return match self.found_whole(stage, key, inputs)? {
                Ok(entry) => Ok(Begun::Found(entry)),
                Err(damage) => Err(StoreError::ReadOnly {
                    root: self.root.clone(),
                    output: scratch_name(stage, key),
                    damage: damage.map(Box::new),
                    reason,
                }),
            };
        }
        let place = folder(&self.root, CLAIMS)?.join(scratch_name(stage, key));
        let claim = match self.claims.try_take(&place) {
            Ok(Tried::Taken(claim)) => claim,
            Ok(Tried::Held(holder)) => return Ok(Begun::Held(holder.ok())),
            Err(ClaimError::NoThread(source)) => return Err(StoreError::NoThread { source }),
            Err(ClaimError::Io(source)) => return Err(StoreError::io(&place)(source)),
        };
        // Others may have made it since the caller looked.
        let damage = match self.found_whole(stage, key, inputs)? {
            Ok(entry) => return Ok(Begun::Found(entry)),
            Err(damage) => damage,
        };
        let set_aside = match damage {
            Some(damage) => match self.set_aside(stage, key, &claim)? {
                Some(place) => Some((damage, place)),
                None => return Ok(Begun::Held(None)),
            },
            None => None,
        };
        Ok(Begun::Making(Making::new(&self.root, (stage, key), inputs, claim, set_aside)?))
    }

    /// The entry of `key` if every file is as it was written, or what is wrong with it, if it is
    /// there.
    fn found_whole(
        &self,
        stage: &str,
        key: &Key,
        inputs: &Value,
    ) -> Result<Result<Entry, Option<Damage>>, StoreError> {
        Ok(match self.find(stage, key, inputs)? {
            Found::Absent => Err(None),
            Found::Damaged(damage) => Err(Some(damage)),
            Found::Entry(entry) => match self.verify(&entry)? {
                Some(damage) => Err(Some(damage)),
                None => Ok(entry),
            },
        })
    }

    /// Makes the output an entry of the store, unless it is there already or another makes it by
    /// now.
    ///
    /// # Errors
    /// A file that cannot be flushed or renamed, a full disk for one; an output without
    /// files, or with anything that is no plain file; an entry with other bits.
    pub fn commit(&self, making: Making) -> Result<Committed, StoreError> {
        let committed = commit(making)?;
        if let Committed::Made(entry) | Committed::Found(entry) = &committed {
            self.verified().insert(entry.dir.clone());
        }
        Ok(committed)
    }

    fn set_aside(
        &self,
        stage: &str,
        key: &Key,
        claim: &Claim,
    ) -> Result<Option<PathBuf>, StoreError> {
        self.verified().remove(&self.root.join(stage).join(key.as_str()));
        set_aside(&self.root, (stage, key), claim)
    }

    /// Time between two beats of a claim.
    pub(crate) fn beat(&self) -> Duration {
        self.claims.timing().beat
    }

    fn verified(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
