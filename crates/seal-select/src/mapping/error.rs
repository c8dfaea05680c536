//! Defects of a list of dropped rows.

use crate::shown::shown;

/// An entry that does not belong into a list of dropped rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DroppedRowsError {
    /// Text that is no number.
    #[error("`{}` is no row number", shown(found))]
    NoNumber {
        /// The line.
        found: String,
    },
    /// A row that stands there twice.
    #[error("row {row} is there twice")]
    Twice {
        /// The row's position.
        row: usize,
    },
    /// A row that follows a later one.
    #[error("row {row} comes after row {before}")]
    Falls {
        /// The row's position.
        row: usize,
        /// The position before it in the list.
        before: usize,
    },
    /// A row that the file does not have.
    #[error("row {row} is not in the file, which has {rows} rows numbered from 0")]
    Outside {
        /// The row's position.
        row: usize,
        /// Rows of the file.
        rows: usize,
    },
}
