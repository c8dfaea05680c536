//! Answers as JSONL that grows while they are made.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use seal_data::{Row, RowId};
use seal_lm::Finish;
use serde::{Deserialize, Serialize};

use crate::{AnswersError, Defect, ModelError};

/// An answer; `instruction` and `output` are AlpacaEval's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// The row whose prompt it answers.
    pub id: RowId,
    /// The prompt.
    pub instruction: String,
    /// The answer.
    pub output: String,
    /// What ended it: `stop`, `length` or `context`.
    pub finish: String,
    /// Hash of model, adapter, template and settings: answers of two kinds are
    /// never mixed in one file.
    pub made_by: String,
}

impl AnswerRow {
    /// The answer `output` to `row`.
    pub fn new(row: &Row, output: String, finish: Finish, made_by: &str) -> Self {
        let finish = match finish {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::Context => "context",
        };
        Self {
            id: row.id,
            instruction: row.prompt.clone(),
            output,
            finish: finish.into(),
            made_by: made_by.to_owned(),
        }
    }
}

/// How the line of an answer begins.
const START: &[u8] = b"{\"id\":\"";

/// A file that answers are added to.
#[derive(Debug)]
pub struct AnswerFile {
    path: PathBuf,
    file: File,
    /// The answered rows, each with its line.
    ids: BTreeMap<RowId, usize>,
}

impl AnswerFile {
    /// Opens `path` for answers `made_by` something, see [`AnswerRow::made_by`], and
    /// reads which answers it holds. A last line that breaks off, as a killed run leaves it,
    /// is cut away. The file is this process's until it is dropped.
    ///
    /// # Errors
    /// A file that cannot be read or written, that another process writes, or that holds
    /// something else.
    pub fn open(path: &Path, made_by: &str) -> Result<Self, ModelError> {
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
        let (mut ids, mut whole) = (BTreeMap::new(), 0);
        for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.last() != Some(&b'\n') {
                // What a killed run leaves begins as an answer does; anything else is not ours.
                let shared = line.len().min(START.len());
                if line[..shared] == START[..shared] {
                    break;
                }
            }
            let line_number = i + 1;
            let row: AnswerRow = serde_json::from_slice(line).map_err(|source| {
                AnswersError::NoAnswer { path: named(), line: line_number, source }
            })?;
            if row.made_by != made_by {
                let other = AnswersError::OtherSettings { path: named(), line: line_number };
                return Err(other.into());
            }
            if let Some(first) = ids.insert(row.id, line_number) {
                return Err(AnswersError::Twice { path: named(), line: line_number, first }.into());
            }
            whole += line.len() as u64;
        }
        file.set_len(whole).map_err(io(path))?;
        Ok(Self { path: path.to_owned(), file, ids })
    }

    /// Whether there is an answer to the row.
    pub fn has(&self, id: RowId) -> bool {
        self.ids.contains_key(&id)
    }

    /// Adds an answer.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn add(&mut self, row: &AnswerRow) -> Result<(), ModelError> {
        let line = serde_json::to_string(row).map_err(Defect::Json)?;
        // One write a line: what is killed between two leaves whole lines.
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(ModelError::io(&self.path))?;
        self.ids.insert(row.id, self.ids.len() + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_run_leaves_whole_answers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers.jsonl");
        let mut rows = seal_data::Rows::new();
        rows.push("a", "");
        rows.push("b", "");
        let [a, b] = [&rows.as_slice()[0], &rows.as_slice()[1]];
        let mut file = AnswerFile::open(&path, "m").unwrap();
        file.add(&AnswerRow::new(a, "x".into(), Finish::Stop, "m")).unwrap();
        drop(file);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"id\":")).unwrap();
        let mut file = AnswerFile::open(&path, "m").unwrap();
        assert!(file.has(a.id) && !file.has(b.id));
        file.add(&AnswerRow::new(b, "y".into(), Finish::Length, "m")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&whole) && text.lines().count() == 2, "{text}");
        // One writer at a time.
        let held = AnswerFile::open(&path, "m").unwrap_err();
        assert!(held.to_string().contains("another run"), "{held}");
        drop(file);
        // Cut inside a character of two bytes.
        let mut torn = whole.clone().into_bytes();
        torn.extend("{\"id\":\"x\",\"output\":\"é".bytes());
        torn.pop();
        std::fs::write(&path, torn).unwrap();
        let mut file = AnswerFile::open(&path, "m").unwrap();
        file.add(&AnswerRow::new(b, "é".into(), Finish::Length, "m")).unwrap();
        drop(file);
        let other = AnswerFile::open(&path, "another").unwrap_err();
        assert!(other.to_string().contains("another model"), "{other}");
        std::fs::write(&path, format!("{whole}{whole}")).unwrap();
        let twice = AnswerFile::open(&path, "m").unwrap_err();
        assert!(twice.to_string().contains("line 2 answers the prompt of line 1"), "{twice}");
        for others in ["{\"results\": [1, 2]}", "[", "notes"] {
            std::fs::write(&path, others).unwrap();
            let refused = AnswerFile::open(&path, "m").unwrap_err();
            assert!(refused.to_string().contains("is no answer"), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), others);
        }
        std::fs::write(&path, "no answer\n").unwrap();
        let refused = AnswerFile::open(&path, "m").unwrap_err();
        assert!(refused.to_string().contains("line 1"), "{refused}");
    }
}
