//! JSONL that grows while its records are made, and is gone on with after a killed run.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use seal_data::RowId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{AnswersError, Defect, ModelError, RecordKind};

/// A line of such a file. Its first field is `id`.
pub trait RecordLine: Serialize + DeserializeOwned {
    /// What it is.
    const KIND: RecordKind;

    /// The row that it is of. A file has one record of a row.
    fn id(&self) -> RowId;

    /// Hash of all that it was made with: records of two kinds are never mixed in one file.
    fn made_by(&self) -> &str;
}
/// How a line begins.
const START: &[u8] = b"{\"id\":\"";

/// A file that records are added to.
#[derive(Debug)]
pub struct RecordFile<R> {
    path: PathBuf,
    file: File,
    /// The rows that have a record, each with its line.
    ids: BTreeMap<RowId, usize>,
    of: PhantomData<R>,
}

impl<R: RecordLine> RecordFile<R> {
    /// Opens `path` for records `made_by` something, see [`RecordLine::made_by`], and
    /// reads which records it holds. A last line that breaks off, as a killed run leaves it,
    /// is cut away. The file is this process's until it is dropped.
    ///
    /// # Errors
    /// A file that cannot be read or written, that another process writes, or that holds
    /// something else.
    pub fn open(path: &Path, made_by: &str) -> Result<Self, ModelError> {
        Self::open_with(path, made_by, |_| ())
    }

    /// As [`RecordFile::open`]; hands each record of the file on.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(path: &Path, made_by: &str, each: impl FnMut(R)) -> Result<Self, ModelError> {
        let io = ModelError::io;
        let named = || path.to_owned();
        if path.exists() && !path.is_file() {
            return Err(AnswersError::NoFile { path: named() }.into());
        }
        let mut options = OpenOptions::new();
        let mut file = options.create(true).read(true).append(true).open(path).map_err(io(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(AnswersError::InUse { path: named() }.into());
            }
            // Some shared file systems of clusters have no locks.
            Err(TryLockError::Error(e)) => {
                tracing::warn!("{}: cannot be locked ({e}); writing without", path.display());
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io(path))?;
        let (ids, whole) = records_in(&bytes, path, made_by, each)?;
        file.set_len(whole).map_err(io(path))?;
        Ok(Self { path: path.to_owned(), file, ids, of: PhantomData })
    }

    /// Whether there is a record of the row.
    pub fn has(&self, id: RowId) -> bool {
        self.ids.contains_key(&id)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn add(&mut self, row: &R) -> Result<(), ModelError> {
        let line = serde_json::to_string(row).map_err(Defect::Json)?;
        // One write a line: what is killed between two leaves whole lines.
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(ModelError::io(&self.path))?;
        self.ids.insert(row.id(), self.ids.len() + 1);
        Ok(())
    }
}

/// The rows that have a record `made_by` something in the file at `path`, each with its line. Nothing is
/// written, and a file that is not there has none.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub(super) fn recorded<R: RecordLine>(
    path: &Path,
    made_by: &str,
) -> Result<BTreeMap<RowId, usize>, ModelError> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    if !path.is_file() {
        return Err(AnswersError::NoFile { path: path.to_owned() }.into());
    }
    let bytes = std::fs::read(path).map_err(ModelError::io(path))?;
    Ok(records_in(&bytes, path, made_by, |_: R| ())?.0)
}

/// The records in `bytes`, of the file at `path`: the line of each row, and the length of all whole lines.
/// `each` is handed each record.
fn records_in<R: RecordLine>(
    bytes: &[u8],
    path: &Path,
    made_by: &str,
    mut each: impl FnMut(R),
) -> Result<(BTreeMap<RowId, usize>, u64), ModelError> {
    let named = || path.to_owned();
    let (mut ids, mut whole) = (BTreeMap::new(), 0);
    for (i, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let is_whole = text.last() == Some(&b'\n');
        if !is_whole && is_broken_record(text) {
            break;
        }
        let line = i + 1;
        let row: R = serde_json::from_slice(text).map_err(|source| AnswersError::NoAnswer {
            kind: R::KIND,
            path: named(),
            line,
            source,
        })?;
        if row.made_by() != made_by {
            return Err(AnswersError::OtherSettings { kind: R::KIND, path: named(), line }.into());
        }
        // A record without its line break is made anew: the next one would stand behind it.
        if !is_whole {
            break;
        }
        if let Some(first) = ids.insert(row.id(), line) {
            return Err(AnswersError::Twice { path: named(), line, first }.into());
        }
        each(row);
        whole += text.len() as u64;
    }
    Ok((ids, whole))
}

/// Whether a killed run may have left `line`: it begins as a record does and breaks off. A line that
/// is JSON to its end was written by something else, or is a record that lacks its line break.
fn is_broken_record(line: &[u8]) -> bool {
    let shared = line.len().min(START.len());
    line[..shared] == START[..shared]
        && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err()
}
