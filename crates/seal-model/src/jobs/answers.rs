//! Answers as JSONL that grows while they are made.

use seal_data::{Row, RowId};
use seal_lm::Finish;
use serde::{Deserialize, Serialize};

use super::record_file::{RecordFile, RecordLine};
use crate::RecordKind;

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
pub type AnswerFile = RecordFile<AnswerRow>;

impl RecordLine for AnswerRow {
    const KIND: RecordKind = RecordKind::Answer;

    fn id(&self) -> RowId {
        self.id
    }

    fn made_by(&self) -> &str {
        &self.made_by
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
        assert!(twice.to_string().contains("line 2 is of the same row as line 1"), "{twice}");
        // All but the line break.
        std::fs::write(&path, whole.trim_end()).unwrap();
        let mut file = AnswerFile::open(&path, "m").unwrap();
        assert!(!file.has(a.id));
        file.add(&AnswerRow::new(a, "x".into(), Finish::Stop, "m")).unwrap();
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        std::fs::write(&path, whole.trim_end()).unwrap();
        AnswerFile::open(&path, "another").unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole.trim_end());
        let foreign = "{\"id\":\"7\",\"instruction\":\"a\"}";
        for others in ["{\"results\": [1, 2]}", "[", "notes", foreign] {
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
