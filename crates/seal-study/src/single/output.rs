//! Answers as JSONL that grows while they are made.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use seal_data::{Row, RowId};
use seal_lm::Finish;
use serde::{Deserialize, Serialize};

use crate::StudyError;

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

/// A file that answers are added to.
#[derive(Debug)]
pub struct AnswerFile {
    path: PathBuf,
    file: File,
    ids: BTreeSet<RowId>,
}

impl AnswerFile {
    /// Opens `path` for answers `made_by` something, see [`AnswerRow::made_by`], and
    /// reads which answers it holds. A last line that breaks
    /// off, as a killed run leaves it, is cut away.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that holds something else.
    pub fn open(path: &Path, made_by: &str) -> Result<Self, StudyError> {
        let io = StudyError::io;
        let mut ids = BTreeSet::new();
        let mut whole = 0;
        match std::fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(io(path)(e)),
            Ok(text) => {
                for (i, line) in text.split_inclusive('\n').enumerate() {
                    if !line.ends_with('\n') {
                        break;
                    }
                    let row: AnswerRow =
                        serde_json::from_str(line).map_err(|e| StudyError::Damaged {
                            path: path.to_owned(),
                            reason: format!("line {} is no answer ({e}); give a new --file", i + 1),
                        })?;
                    if row.made_by != made_by {
                        return Err(StudyError::Config(format!(
                            "{}, line {}: an answer of another model, adapter, template or other \
                             settings; give another --file",
                            path.display(),
                            i + 1
                        )));
                    }
                    ids.insert(row.id);
                    whole += line.len() as u64;
                }
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(io(path))?;
        file.set_len(whole).map_err(io(path))?;
        Ok(Self { path: path.to_owned(), file, ids })
    }

    /// Whether there is an answer to the row.
    pub fn has(&self, id: RowId) -> bool {
        self.ids.contains(&id)
    }

    /// Adds an answer.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn add(&mut self, row: &AnswerRow) -> Result<(), StudyError> {
        let line = serde_json::to_string(row).map_err(|e| StudyError::Defect(e.to_string()))?;
        // One write a line: what is killed between two leaves whole lines.
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(StudyError::io(&self.path))?;
        self.ids.insert(row.id);
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
        let other = AnswerFile::open(&path, "another").unwrap_err();
        assert!(other.to_string().contains("another model"), "{other}");
        std::fs::write(&path, "no answer\n").unwrap();
        let refused = AnswerFile::open(&path, "m").unwrap_err();
        assert!(refused.to_string().contains("line 1"), "{refused}");
    }
}
