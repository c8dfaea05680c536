//! Files of answers that cannot be used.

use std::path::PathBuf;

/// What the lines of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Answers of a model.
    Answer,
    /// Verdicts of a judge.
    Verdict,
}

impl RecordKind {
    fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Verdict => "verdict of this kind of judge",
        }
    }

    fn of_others(self) -> &'static str {
        match self {
            Self::Answer => "an answer of another model, adapter, template or other settings",
            Self::Verdict => "a verdict of another judge, prompt or other settings",
        }
    }
}

/// A file that answers, or verdicts on them, cannot be added to.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// A folder, a pipe or a device.
    #[error("{}: this is no plain file, and nothing can be added to it", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// Another process adds to the file.
    #[error(
        "{}: another run adds to this file; wait for it, or give another file",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file has answers of another kind.
    #[error(
        "{}, line {line}: {}; give another file",
        path.display(),
        kind.of_others()
    )]
    OtherSettings {
        /// What the file holds.
        kind: RecordKind,
        /// The file.
        path: PathBuf,
        /// Line of the answer, from 1.
        line: usize,
    },
    /// The file holds something else.
    #[error("{}: line {line} is no {} ({source}); give a new file", path.display(), kind.name())]
    NoAnswer {
        /// What the file should hold.
        kind: RecordKind,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The words of the parser.
        source: serde_json::Error,
    },
    /// Two answers to one prompt.
    #[error(
        "{}: line {line} is of the same row as line {first}; give a new file",
        path.display()
    )]
    Twice {
        /// The file.
        path: PathBuf,
        /// Line of the second answer, from 1.
        line: usize,
        /// Line of the first one.
        first: usize,
    },
}
