//! All that a store holds, for people who look after it.
//!
//! Nobody needs a graph for it: entries are listed by what their manifests say. Whether an entry
//! is of the inputs that a stage has today is known only to who has that stage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use seal_files::{Claims, Holder, RecordFlaw};

use crate::damage::Damage;
use crate::error::StoreError;
use crate::manifest;
use crate::owner::{
    self, CLAIMS, DAMAGED, SCRATCH, UNFINISHED, is_key, is_scratch_name, output_of,
};
use crate::threads::side_by_side;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its stage.
    pub stage: String,
    /// Its key, 32 hexadecimal digits.
    pub key: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Size of all files.
    pub bytes: u64,
    /// When it was made, by the clock of the file system, where that says it.
    pub made: Option<SystemTime>,
    /// What is wrong with its manifest, or with the names and sizes of its files.
    pub damage: Option<Damage>,
}

/// What something in a store beside its entries is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OtherFolderKind {
    /// An output that is being made, or was when its maker was killed.
    Scratch,
    /// Finished parts of an output that was not completed.
    Unfinished,
    /// An entry that could not be used, or an output with other bits.
    Damaged,
    /// Files that grow over many runs, see [`crate::lasting_folder`].
    Lasting,
}

/// A folder of a store that is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherFolder {
    /// What it is.
    pub kind: OtherFolderKind,
    /// `<stage>-<key>` of the output that it belongs to; of a lasting folder, its name and key.
    pub output: String,
    /// The folder.
    pub dir: PathBuf,
    /// Size of all files.
    pub bytes: u64,
}

/// An output that is claimed, `<stage>-<key>`, and who claims it, or why the claim does not say it.
pub type Claimed = (String, Result<Holder, RecordFlaw>);

/// All that a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Entries, by stage and key.
    pub entries: Vec<StoredEntry>,
    /// Other folders, by kind and name.
    pub others: Vec<OtherFolder>,
    /// Outputs that are claimed.
    pub claims: Vec<Claimed>,
}

/// Lists the store at `root`. `lasting` are the names of its lasting folders. Nothing is written,
/// and of entries the manifests alone are read.
///
/// # Errors
/// A folder that is no store or cannot be read; a link in it.
pub fn inventory(root: &Path, lasting: &[&str]) -> Result<Inventory, StoreError> {
    if owner::ownership(root)? == owner::Ownership::Free {
        return Err(StoreError::io(root)(io::ErrorKind::NotFound.into()));
    }
    let mut found = Inventory::default();
    for name in names(root)? {
        let above = root.join(&name);
        let kind = match name.as_str() {
            SCRATCH => Some(OtherFolderKind::Scratch),
            UNFINISHED => Some(OtherFolderKind::Unfinished),
            DAMAGED => Some(OtherFolderKind::Damaged),
            _ if lasting.contains(&name.as_str()) => Some(OtherFolderKind::Lasting),
            _ => None,
        };
        if name == CLAIMS {
            found.claims = claims(&above)?;
            continue;
        }
        if !fs::symlink_metadata(&above).map_err(StoreError::io(&above))?.is_dir() {
            seal_files::refuse_link(&above).map_err(StoreError::io(&above))?;
            continue;
        }
        for inside in names(&above)? {
            let dir = above.join(&inside);
            match kind {
                None if is_key(&inside) => found.entries.extend(stored(&name, &inside, dir)?),
                Some(OtherFolderKind::Lasting) if is_key(&inside) => {
                    let output = format!("{name}-{inside}");
                    let bytes = bytes_of(&dir)?;
                    found.others.push(OtherFolder {
                        kind: OtherFolderKind::Lasting,
                        output,
                        dir,
                        bytes,
                    });
                }
                Some(kind) if is_scratch_name(&inside) => {
                    let output = output_of(&inside).unwrap_or(&inside).to_owned();
                    let bytes = bytes_of(&dir)?;
                    found.others.push(OtherFolder { kind, output, dir, bytes });
                }
                _ => {}
            }
        }
    }
    found.others.sort_by(|a, b| (a.kind, &a.dir).cmp(&(b.kind, &b.dir)));
    Ok(found)
}

/// Holds every file of the entries against its hash, with up to `threads` threads. Returns what is
/// damaged, by the numbers of the entries.
///
/// # Errors
/// A file that may not be read.
pub fn verify_all(
    entries: &[StoredEntry],
    threads: usize,
) -> Result<Vec<(usize, Damage)>, StoreError> {
    let verified = side_by_side(entries.len(), threads, |i| {
        let entry = &entries[i];
        let damage = match manifest::check_entry_with(&entry.dir, &entry.stage, &entry.key, None)? {
            Ok(files) => manifest::verify(&entry.dir, &files)?,
            Err(damage) => Some(damage),
        };
        Ok(damage.map(|damage| (i, damage)))
    });
    verified.into_iter().filter_map(Result::transpose).collect()
}

/// `None` if it was removed since it was listed.
fn stored(stage: &str, key: &str, dir: PathBuf) -> Result<Option<StoredEntry>, StoreError> {
    seal_files::refuse_link(&dir).map_err(StoreError::io(&dir))?;
    let (bytes, damage) = match manifest::check_entry_with(&dir, stage, key, None)? {
        Ok(files) => (files.iter().map(|file| file.bytes).sum(), None),
        Err(damage) => (bytes_of(&dir)?, Some(damage)),
    };
    let Ok(found) =
        fs::symlink_metadata(dir.join(manifest::MANIFEST)).or_else(|_| fs::metadata(&dir))
    else {
        return Ok(None);
    };
    let made = found.modified().ok();
    Ok(Some(StoredEntry { stage: stage.to_owned(), key: key.to_owned(), dir, bytes, made, damage }))
}

/// The outputs in the store at `root` that are claimed. Nothing else is read; a folder without claims, or
/// that is no store, has none.
///
/// # Errors
/// A claim or folder that cannot be read.
pub fn claimed(root: &Path) -> Result<Vec<Claimed>, StoreError> {
    let dir = root.join(CLAIMS);
    if dir.is_dir() { claims(&dir) } else { Ok(Vec::new()) }
}

fn claims(dir: &Path) -> Result<Vec<Claimed>, StoreError> {
    let mut claims = Vec::new();
    for name in names(dir)?.into_iter().filter(|name| is_scratch_name(name)) {
        let path = dir.join(&name);
        // One that was released since it was listed is none.
        if let Some(holder) = Claims::holder(&path).map_err(StoreError::io(&path))? {
            claims.push((name, holder));
        }
    }
    Ok(claims)
}

/// The claimed outputs whose holder was a process of this system and has ended. The next process that
/// needs one takes it over.
///
/// # Errors
/// A claim or folder that cannot be read.
pub fn abandoned(root: &Path) -> Result<BTreeSet<String>, StoreError> {
    let dir = root.join(CLAIMS);
    let mut outputs = BTreeSet::new();
    for (output, _) in claimed(root)? {
        let path = dir.join(&output);
        if Claims::has_ended(&path).map_err(StoreError::io(&path))? {
            outputs.insert(output);
        }
    }
    Ok(outputs)
}

/// When the claim of each output in the store at `root` was last renewed, by the clock of the file
/// system.
///
/// # Errors
/// A folder that cannot be read.
pub fn last_beats(root: &Path) -> Result<BTreeMap<String, SystemTime>, StoreError> {
    let dir = root.join(CLAIMS);
    let mut beats = BTreeMap::new();
    if !dir.is_dir() {
        return Ok(beats);
    }
    for name in names(&dir)?.into_iter().filter(|name| is_scratch_name(name)) {
        // One that was released since it was listed is none.
        let found = fs::symlink_metadata(dir.join(&name)).and_then(|found| found.modified());
        beats.extend(found.ok().map(|at| (name, at)));
    }
    Ok(beats)
}

/// Names in a folder, in their order; those that are no UTF-8 are none of the program's.
fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(StoreError::io(dir))? {
        let entry = entry.map_err(StoreError::io(dir))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Size of the files below `dir`; links are not followed. What is removed meanwhile has none.
pub(crate) fn bytes_of(dir: &Path) -> Result<u64, StoreError> {
    let looked = fs::symlink_metadata(dir).and_then(|found| {
        let inside = found.is_dir().then(|| fs::read_dir(dir)).transpose()?;
        Ok((found.len(), inside))
    });
    let (own, inside) = match looked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other.map_err(StoreError::io(dir))?,
    };
    let Some(inside) = inside else { return Ok(own) };
    let mut sum = 0;
    for entry in inside {
        sum += bytes_of(&entry.map_err(StoreError::io(dir))?.path())?;
    }
    Ok(sum)
}

#[cfg(test)]
#[path = "inventory_tests.rs"]
mod tests;
