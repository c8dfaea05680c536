//! Defects of a set of rows.

use std::ops::Range;

use crate::shown::shown;

/// Text or ranges that are no set of rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowSetError {
    /// No range at all.
    #[error("no range")]
    Empty,
    /// A range that ends where it starts, or before.
    #[error("the range {}..{} has no row", range.start, range.end)]
    EmptyRange {
        /// The range.
        range: Range<usize>,
    },
    /// Ranges that overlap or fall.
    #[error("the range {}..{} starts before {}..{} ends", range.start, range.end, before.start, before.end)]
    Overlap {
        /// The range.
        range: Range<usize>,
        /// The range before it.
        before: Range<usize>,
    },
    /// A range with rows that the file does not have.
    #[error("the range {}..{} is not in a file of {rows} rows", range.start, range.end)]
    Outside {
        /// The range.
        range: Range<usize>,
        /// Rows of the file.
        rows: usize,
    },
    /// Text that is no range.
    #[error("`{}` is no range", shown(found))]
    NoRange {
        /// The text.
        found: String,
    },
}
