//! Published selectors that cannot be imported.

use std::path::PathBuf;

use seal_data::RowId;
use seal_select::{MAX_CHECKPOINT_BYTES, SelectError};

/// A published selector that cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file to write that names rows by id, and no rows that have one.
    #[error("{output}: a published selector knows rows by position only; its data give them ids")]
    NoIds {
        /// The file to write.
        output: ImportOutput,
    },
    /// A tokenizer without rows to count, or beside a list of the dropped rows.
    #[error(
        "a tokenizer finds the dropped rows of the data: it needs the data, and no list of \
         dropped rows beside it"
    )]
    Tokenizer,
    /// There is no such file.
    #[error("{}: no such file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file larger than any selector's.
    #[error(
        "{}: {bytes} bytes; a selector's checkpoint has at most {limit}",
        path.display(), limit = MAX_CHECKPOINT_BYTES
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        bytes: u64,
    },
    /// The file is no checkpoint of a selector.
    #[error("{}: {source}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SelectError,
    },
    /// The list of dropped rows is no text.
    #[error("{}: not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// A source that leaves rows out.
    #[error(
        "{}: split, skip, take and max_chars leave rows out; the selector has a place for each \
         row of its file",
        path.display()
    )]
    Part {
        /// The file.
        path: PathBuf,
    },
    /// A row that cannot be read.
    #[error("{}, row {row}: {reason}; the selector has a place for each row", path.display())]
    Dropped {
        /// The file.
        path: PathBuf,
        /// Number of the row, from 1.
        row: usize,
        /// Why it cannot be read.
        reason: String,
    },
    /// A row that the tokenizer cannot express.
    #[error("{}: row {row}: {reason}", path.display())]
    Tokens {
        /// The file.
        path: PathBuf,
        /// The row.
        row: RowId,
        /// The words of the tokenizer.
        reason: String,
    },
    /// More or fewer rows than the selector has.
    #[error(
        "{}: {rows} rows; the selector is of {selector} rows: give the unfiltered file it was \
         trained on, and its dropped rows",
        path.display()
    )]
    Rows {
        /// The file.
        path: PathBuf,
        /// Rows of the file.
        rows: usize,
        /// Rows of the selector.
        selector: usize,
    },
}

/// A file that an import writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutput {
    /// The selector.
    Selector,
    /// The kept rows.
    KeptRows,
}

impl std::fmt::Display for ImportOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Selector => "the selector file",
            Self::KeptRows => "the file of kept rows",
        })
    }
}
