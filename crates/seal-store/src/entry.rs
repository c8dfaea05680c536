//! What a store says that it has.

use std::path::PathBuf;

use crate::damage::Damage;
use crate::manifest::StoredFile;

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
