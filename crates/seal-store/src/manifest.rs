//! What an entry says of itself, and whether it is so.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seal_files::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::damage::{Damage, Flaw};
use crate::error::StoreError;
use crate::sealed::{self, SealedError};

/// Name of the manifest in an entry.
pub(crate) const MANIFEST: &str = "manifest.json";

/// Version of manifests. Those of version 1 have no hash of their own and are still read.
const VERSION: u32 = 2;

/// A file of an entry, or of a folder that is made from entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Digest of its content.
    pub blake3: Digest,
}

/// What an entry holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format_version: u32,
    stage: String,
    key: String,
    inputs: Value,
    files: Vec<StoredFile>,
}

/// The text of the manifest of an entry.
///
/// # Errors
/// Inputs that JSON does not hold.
pub(crate) fn text(
    stage: &str,
    key: &str,
    inputs: &Value,
    files: &[StoredFile],
) -> Result<String, serde_json::Error> {
    sealed::to_text(&Manifest {
        format_version: VERSION,
        stage: stage.to_owned(),
        key: key.to_owned(),
        inputs: inputs.clone(),
        files: files.to_vec(),
    })
}

/// Reads the manifest in `dir` and looks whether it is that of this output, and whether
/// its files are there in their sizes. No file but the manifest is read.
///
/// # Errors
/// A file that may not be read. Whatever else is wrong is a [`Damage`].
pub(crate) fn check_entry(
    dir: &Path,
    stage: &str,
    key: &str,
    inputs: &Value,
) -> Result<Result<Vec<StoredFile>, Damage>, StoreError> {
    check_entry_with(dir, stage, key, Some(inputs))
}

/// As [`check_entry`], for one who may not know the inputs.
///
/// # Errors
/// As [`check_entry`].
pub(crate) fn check_entry_with(
    dir: &Path,
    stage: &str,
    key: &str,
    inputs: Option<&Value>,
) -> Result<Result<Vec<StoredFile>, Damage>, StoreError> {
    let path = dir.join(MANIFEST);
    let damage = |flaw| Ok(Err(Damage { file: path.clone(), flaw }));
    let bytes = match seal_files::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return unreadable(&path, error).map(Err),
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return damage(Flaw::NotText);
    };
    let manifest = match parse(&text) {
        Ok(manifest) => manifest,
        Err(flaw) => return damage(flaw),
    };
    if manifest.stage != stage
        || manifest.key != key
        || inputs.is_some_and(|inputs| manifest.inputs != *inputs)
    {
        return damage(Flaw::OtherOutput);
    }
    if manifest.files.is_empty() {
        return damage(Flaw::NoFiles);
    }
    let mut names = BTreeSet::new();
    for file in &manifest.files {
        let of = dir.join(&file.name);
        let plain = Path::new(&file.name).file_name() == Some(file.name.as_ref());
        if !plain || !names.insert(&file.name) {
            return damage(Flaw::Name { name: file.name.clone() });
        }
        let flaw = match fs::symlink_metadata(&of) {
            Err(error) => return unreadable(&of, error).map(Err),
            Ok(found) if !found.is_file() => Flaw::NotAPlainFile,
            Ok(found) if found.len() != file.bytes => {
                Flaw::Size { found: found.len(), expected: file.bytes }
            }
            Ok(_) => continue,
        };
        return Ok(Err(Damage { file: of, flaw }));
    }
    Ok(Ok(manifest.files))
}

fn parse(text: &str) -> Result<Manifest, Flaw> {
    let fields = |e: serde_json::Error| Flaw::Fields { line: e.line(), column: e.column() };
    match sealed::version_of(text).as_ref().and_then(Value::as_u64) {
        Some(1) => {
            let manifest: Manifest = serde_json::from_str(text).map_err(fields)?;
            // The order and the spaces in which it was written.
            let again = serde_json::to_string_pretty(&manifest).map_err(fields)?;
            if again == text.trim_end() { Ok(manifest) } else { Err(Flaw::Spelling) }
        }
        Some(version) if version == u64::from(VERSION) => {
            sealed::from_text(text).map_err(|error| match error {
                SealedError::Json(error) => fields(error),
                SealedError::NoHash => Flaw::NoHash,
                SealedError::Content => Flaw::Content,
            })
        }
        Some(found) => Err(Flaw::Version { found, known: VERSION }),
        None if serde_json::from_str::<Value>(text).is_err() => Err(Flaw::NotJson),
        None => Err(Flaw::NoVersion),
    }
}

/// Whether every file has the content of its hash.
///
/// # Errors
/// As [`check_entry`].
pub(crate) fn verify(dir: &Path, files: &[StoredFile]) -> Result<Option<Damage>, StoreError> {
    for file in files {
        let path = dir.join(&file.name);
        match hash_of(&path) {
            Ok((bytes, blake3)) if bytes == file.bytes && blake3 == file.blake3 => {}
            Ok(_) => return Ok(Some(Damage { file: path, flaw: Flaw::Content })),
            Err(error) => return unreadable(&path, error).map(Some),
        }
    }
    Ok(None)
}

/// A file that may not be read is no damaged one: nothing is made again for it.
fn unreadable(path: &Path, error: io::Error) -> Result<Damage, StoreError> {
    let flaw = match error.kind() {
        io::ErrorKind::PermissionDenied => return Err(StoreError::io(path)(error)),
        io::ErrorKind::NotFound => Flaw::Missing,
        kind => Flaw::Unreadable { kind, message: error.to_string() },
    };
    Ok(Damage { file: path.to_owned(), flaw })
}

/// Size and digest of a plain file.
///
/// # Errors
/// As [`seal_files::read()`].
pub fn hash_of(path: &Path) -> io::Result<(u64, Digest)> {
    let (digest, bytes) = Digest::of_reader(seal_files::open_plain(path)?)?;
    Ok((bytes, digest))
}

/// The plain files of `dir` by name, flushed and hashed.
///
/// # Errors
/// A file that cannot be flushed or read; anything that is no plain file.
pub(crate) fn list(dir: &Path) -> Result<Vec<StoredFile>, StoreError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir).map_err(StoreError::io(dir))? {
        paths.push(entry.map_err(StoreError::io(dir))?.path());
    }
    paths.sort();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let flushed = seal_files::open_plain(&path).and_then(|file| file.sync_all());
        flushed.map_err(StoreError::io(&path))?;
        let (bytes, blake3) = hash_of(&path).map_err(StoreError::io(&path))?;
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(StoreError::Name { path });
        };
        files.push(StoredFile { name: name.to_owned(), bytes, blake3 });
    }
    Ok(files)
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
