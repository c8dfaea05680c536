//! The crate's one error type.

use std::path::PathBuf;

/// Why results could not be read, checked or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// What was tried: `read`, `write`, `rename`, `create the folder`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The text is not the JSON of the document.
    #[error("{file}: {source}; write it again with the same version of this program")]
    Json {
        /// The document's file name.
        file: &'static str,
        /// The cause, with line and column.
        source: serde_json::Error,
    },
    /// The document was written by a program with another format.
    #[error(
        "{file}: format_version is {found}, this program reads {expected}; \
         run the study again or use the program that wrote it"
    )]
    Version {
        /// The document's file name.
        file: &'static str,
        /// The version in the file.
        found: u32,
        /// The version this program reads.
        expected: u32,
    },
    /// A file is not as the run left it.
    #[error(
        "{file}: {problem}; make the results again, which takes finished stages from the store, \
         or, to go on with the files as they are, delete checksums.json"
    )]
    Damaged {
        /// The document's file name.
        file: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A number is NaN or infinite, which JSON would turn into null.
    #[error("{file}: {field} is {value}; a figure that does not apply must be null")]
    NotFinite {
        /// The document's file name.
        file: &'static str,
        /// Where, as in `arms[2].win_rate.hh.mean`.
        field: String,
        /// The number.
        value: f64,
    },
    /// Two parts of the document contradict each other.
    #[error("{file}: {field}: {problem}")]
    Inconsistent {
        /// The document's file name.
        file: &'static str,
        /// Where, as in `comparisons[0].arm`.
        field: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The CSV writer failed.
    #[error("results.csv: {0}")]
    Csv(#[from] csv::Error),
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
