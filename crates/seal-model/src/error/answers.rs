//! Files of answers that cannot be used.

use std::path::PathBuf;

/// A file that answers cannot be added to.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// A folder, a pipe or a device.
    #[error("{}: answers are added to a plain file", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// Another process adds to the file.
    #[error(
        "{}: another run adds answers to this file; wait for it, or give another file",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file has answers of another kind.
    #[error(
        "{}, line {line}: an answer of another model, adapter, template or other settings; give \
         another file",
        path.display()
    )]
    OtherSettings {
        /// The file.
        path: PathBuf,
        /// Line of the answer, from 1.
        line: usize,
    },
    /// The file holds something else.
    #[error("{}: line {line} is no answer ({source}); give a new file", path.display())]
    NoAnswer {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The words of the parser.
        source: serde_json::Error,
    },
    /// Two answers to one prompt.
    #[error(
        "{}: line {line} answers the prompt of line {first} again; give a new file",
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
