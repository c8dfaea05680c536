//! Stored selectors that cannot be applied.

use std::path::PathBuf;

use seal_select::SelectError;

/// A stored selector that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A selector in Parquet.
    #[error("{}: a selector is read from JSON lines; write it as .jsonl", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("{}: no such file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is no text.
    #[error("{}: not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The file is no selector.
    #[error("{}: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SelectError,
    },
    /// The selector is of other rows.
    #[error(
        "{}: none of the {rows} rows stands in this selector; rows are found by id, which is a \
         hash of all that a row says",
        path.display()
    )]
    OtherRows {
        /// The file.
        path: PathBuf,
        /// Number of the rows to rank.
        rows: usize,
    },
}
