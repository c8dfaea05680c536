//! Whose folder a store is.
//!
//! The program writes into a folder that it made, or that was empty. A file says so. Stores
//! of older versions have no such file: they are known by what they hold, and get one.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use seal_files::{Claim, ClaimError, Claims, Tried};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::key::Key;
use crate::sealed;

/// The file that makes a folder a store.
const OWNER: &str = "store.json";
/// The file on which the processes at work hold a lock together.
pub(crate) const LOCK: &str = "lock";
/// Claims of outputs that are being made.
pub(crate) const CLAIMS: &str = "claims";
/// The claim of a process that opened the store, in older versions.
const OPENING: &str = "opening";
/// Outputs that are being made.
pub(crate) const SCRATCH: &str = "scratch";
/// What stages have finished of outputs that they go on with after a kill.
pub(crate) const UNFINISHED: &str = "unfinished";
/// Entries that could not be used.
pub(crate) const DAMAGED: &str = "damaged";
/// Scratch of older versions. It is left alone: people have folders of this name.
const OLD_SCRATCH: &str = "tmp";

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    format_version: u32,
    holds: String,
}

/// What a folder is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// A store.
    Owned,
    /// Empty or not there.
    Free,
    /// A store whose owner file is missing or damaged.
    Unmarked,
}

/// Looks at `root` and changes nothing.
///
/// # Errors
/// A folder of others; a store of another version; a folder that cannot be read.
pub(crate) fn ownership(root: &Path) -> Result<Ownership, StoreError> {
    let path = root.join(OWNER);
    match seal_files::read(&path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            if sealed::from_text::<Owner>(&text).is_ok_and(|o| o.format_version == VERSION) {
                return Ok(Ownership::Owned);
            }
            if let Some(found) = sealed::version_of(&text).filter(|v| *v != VERSION) {
                let found = found.to_string();
                return Err(StoreError::Version { path, found, known: VERSION });
            }
        }
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(StoreError::io(&path)(error)),
    }
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ownership::Free),
        Err(error) => return Err(StoreError::io(root)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io(root))?;
        let is_ours = is_ours(&entry).map_err(StoreError::io(&entry.path()))?;
        found.push((entry.file_name().to_string_lossy().into_owned(), is_ours));
    }
    found.sort();
    // Without the lock that every version of the program makes first, nothing here is its.
    let is_store = found.iter().any(|(name, _)| name == LOCK);
    match found.iter().find(|(_, is_ours)| !is_ours || !is_store) {
        None if found.is_empty() => Ok(Ownership::Free),
        None => Ok(Ownership::Unmarked),
        Some((name, _)) => Err(StoreError::Foreign { root: root.into(), found: name.clone() }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether an entry of the folder looks like one that the program makes in a store.
fn is_ours(entry: &DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    let name = entry.file_name();
    if kind.is_file() {
        // An unfinished file may be gone by now: only the lock is looked at.
        let is_known = name == OWNER || seal_files::is_pending(&name);
        return Ok(is_known || name == LOCK && entry.metadata()?.len() == 0);
    }
    if !kind.is_dir() {
        return Ok(false);
    }
    let is_scratch =
        [SCRATCH, UNFINISHED, DAMAGED, OLD_SCRATCH].iter().any(|known| name == **known);
    let is_claims = name == CLAIMS;
    for inside in fs::read_dir(entry.path())? {
        let inside = inside?;
        let name = inside.file_name();
        let name = name.to_string_lossy();
        let is_ours = match is_scratch || is_claims {
            // A killed process leaves a claim under another name.
            true if is_claims && seal_files::is_pending(&inside.file_name()) => true,
            true => is_scratch_name(&name) || is_claims && name == OPENING,
            false => is_key(&name),
        };
        let kind = inside.file_type()?;
        if !is_ours || !(if is_claims { kind.is_file() } else { kind.is_dir() }) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `name` has the form of a key: 32 hexadecimal digits.
pub(crate) fn is_key(name: &str) -> bool {
    name.len() == 32 && is_hex(name)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `name` has the form that the program gives to what belongs to an output outside of its
/// entry: `<stage>-<key>`, and after that the token of a claim, a number, or both.
pub(crate) fn is_scratch_name(name: &str) -> bool {
    output_of(name).is_some()
}

/// The `<stage>-<key>` that such a name begins with; `None` for any other name.
pub(crate) fn output_of(name: &str) -> Option<&str> {
    let number = |end: &str| end.len() < 10 && end.parse::<u32>().is_ok();
    let token = |end: &str| end.len() == 16 && is_hex(end);
    let without = |name, is_end: &dyn Fn(&str) -> bool| match str::rsplit_once(name, '-') {
        Some((rest, end)) if is_end(end) => rest,
        _ => name,
    };
    let output = without(without(name, &number), &token);
    let (stage, key) = output.rsplit_once('-')?;
    (!stage.is_empty() && is_key(key)).then_some(output)
}

/// The name of what one claim of the output `<stage>-<key>` is for.
pub(crate) fn work_name(output: &str, token: &str) -> String {
    format!("{output}-{token}")
}

/// The folder `name` of the store, made if it is absent.
///
/// # Errors
/// A link in its place; a folder that cannot be made.
pub(crate) fn folder(root: &Path, name: &str) -> Result<PathBuf, StoreError> {
    seal_files::make_folder(root, name.as_ref()).map_err(StoreError::io(&root.join(name)))
}

/// The folder `name/<key>` of the store at `root`, made if it is absent. It is for files that grow
/// over many runs and that no run may lose, such as verdicts that were paid for. Nothing in it is
/// swept. Who writes there holds its claim, see [`claim_lasting`].
///
/// # Errors
/// A link in its place; a folder that cannot be made.
pub fn lasting_folder(root: &Path, name: &'static str, key: &Key) -> Result<PathBuf, StoreError> {
    let below = Path::new(name).join(key.as_str());
    seal_files::make_folder(root, &below).map_err(StoreError::io(&root.join(below)))
}

/// Claims the folder `name/<key>` of [`lasting_folder`], for one who writes there. `None` while
/// another does.
///
/// # Errors
/// A folder that takes no files; no thread to keep the claim.
pub fn claim_lasting(
    claims: &Claims,
    root: &Path,
    name: &str,
    key: &Key,
) -> Result<Option<Claim>, StoreError> {
    let place = folder(root, CLAIMS)?.join(scratch_name(name, key));
    match claims.try_take(&place) {
        Ok(Tried::Taken(claim)) => Ok(Some(claim)),
        Ok(Tried::Held(_)) => Ok(None),
        Err(ClaimError::NoThread(source)) => Err(StoreError::NoThread { source }),
        Err(ClaimError::Io(source)) => Err(StoreError::io(&place)(source)),
    }
}

/// The name of what belongs to the output of `key` outside its entry.
pub(crate) fn scratch_name(stage: &str, key: &Key) -> String {
    format!("{stage}-{key}")
}

/// Makes `root` a store.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn mark(root: &Path) -> Result<(), StoreError> {
    let path = root.join(OWNER);
    let owner = Owner { format_version: VERSION, holds: "outputs of stages, by key".to_owned() };
    let text = sealed::to_text(&owner).map_err(StoreError::json(&path))?;
    seal_files::write(&path, text.as_bytes()).map_err(StoreError::io(&path))
}
