//! What a folder of `cells/`, or of a base, is made from, and which of its files the program wrote.

use std::io::Write as _;
use std::path::Path;

use seal_data::Row;
use seal_files::{Digest, Flush, PendingFile};
use seal_store::{SharedDigests, StoredFile, hash_of, sealed};
use serde::{Deserialize, Serialize};

use crate::error::{Defect, StudyError};

/// Name of the stamp in a folder.
pub(crate) const STAMP: &str = "made-from";

/// Raised when the lists of rows are written in another form.
const VERSION: u32 = 2;

/// What the files of a folder are made from: they are written again if it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum MadeFrom {
    /// Of a cell.
    Cell(CellFrom),
    /// Of an aligned base.
    Base(BaseFrom),
}

/// What a cell's files are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CellFrom {
    /// Key of the selection.
    pub(crate) selection: String,
    /// Key of the fine-tuning.
    pub(crate) sft: Option<String>,
    /// Hash of the rows with their labels and categories, which no stage but some reads
    /// and the lists show.
    pub(crate) rows: String,
    /// The folder of the aligned base that its adapter names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on: Option<String>,
}

/// What the files of an aligned base are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BaseFrom {
    /// Key of its stage.
    pub(crate) base: String,
    /// The model as the config names it: its card does, too.
    pub(crate) model: String,
    /// Name of the study, likewise.
    pub(crate) study: String,
}

impl MadeFrom {
    /// Whose files they are, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Cell(_) => "cell",
            Self::Base(_) => "base",
        }
    }
}

/// The stamp of a cell. It is written before the first file and after the last one, so that
/// a killed run leaves no file that no stamp lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stamp {
    format_version: u32,
    pub(crate) made_from: MadeFrom,
    /// The files of the cell.
    pub(crate) files: Vec<StoredFile>,
    /// Files of before that may still be there: the cell is not finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) before: Vec<StoredFile>,
}

/// What stands at the place of a stamp.
pub(crate) enum Stamped {
    /// A stamp.
    By(Stamp),
    /// That of an older version, which lists no files.
    Old,
    /// Nothing, or a damaged one.
    Nothing,
}

impl Stamp {
    pub(crate) fn new(
        made_from: MadeFrom,
        files: Vec<StoredFile>,
        before: Vec<StoredFile>,
    ) -> Self {
        Self { format_version: VERSION, made_from, files, before }
    }

    /// Reads the stamp of the cell in `dir`.
    ///
    /// # Errors
    /// A link, or a file that may not be read.
    pub(crate) fn read(dir: &Path) -> Result<Stamped, StudyError> {
        let path = dir.join(STAMP);
        let bytes = match seal_files::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Stamped::Nothing);
            }
            Err(error) => return Err(StudyError::at_file(&path)(error)),
        };
        let text = String::from_utf8_lossy(&bytes);
        if sealed::version_of(&text).is_some_and(|version| version == 1) {
            return Ok(Stamped::Old);
        }
        Ok(match sealed::from_text::<Self>(&text) {
            Ok(stamp) if stamp.format_version == VERSION => Stamped::By(stamp),
            _ => Stamped::Nothing,
        })
    }

    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, dir: &Path, flush: Flush) -> Result<(), StudyError> {
        let path = dir.join(STAMP);
        let text = sealed::to_text(self).map_err(Defect::Json)?;
        let write = || {
            let mut file = PendingFile::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.commit_flushed(flush)
        };
        write().map_err(StudyError::at_file(&path))
    }

    /// Whether the cell in `dir` is finished and every file is as it was written. Of large
    /// files that nobody touched the digest is remembered.
    pub(crate) fn holds(&self, dir: &Path, digests: &SharedDigests) -> bool {
        let holds = |file: &StoredFile| {
            let path = dir.join(&file.name);
            let found = std::fs::symlink_metadata(&path);
            found.is_ok_and(|found| found.is_file() && found.len() == file.bytes)
                && digests.of(&path).is_ok_and(|hash| hash == file.blake3)
        };
        self.before.is_empty() && self.files.iter().all(holds)
    }

    /// Every file that the program may have written here.
    pub(crate) fn written(&self) -> impl Iterator<Item = &StoredFile> {
        self.files.iter().chain(&self.before)
    }
}

/// Whether `file` is in `dir` with the content of its hash.
pub(crate) fn is_there(dir: &Path, file: &StoredFile) -> bool {
    let path = dir.join(&file.name);
    std::fs::symlink_metadata(&path).is_ok_and(|found| found.len() == file.bytes)
        && hash_of(&path).is_ok_and(|(_, blake3)| blake3 == file.blake3)
}

/// The hash that [`MadeFrom::rows`] holds.
///
/// # Errors
/// A row that JSON does not hold.
pub(crate) fn rows_hash(rows: &[Row]) -> Result<String, StudyError> {
    let text = serde_json::to_string(rows).map_err(Defect::Json)?;
    Ok(Digest::of(text).short())
}
