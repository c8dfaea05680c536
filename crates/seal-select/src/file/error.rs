//! Defects of a selector's text.

use seal_rows::RowId;

use super::FORMAT_VERSION;

/// A line that does not belong into a selector file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SelectorFormatError {
    /// Another version of the format.
    #[error(
        "format version {found}, this program reads version {FORMAT_VERSION}: use the program \
         that wrote the file, or write it again"
    )]
    Version {
        /// The version of the file.
        found: u32,
    },
    /// More or fewer rows than the header says.
    #[error(
        "the header announces {announced} rows, {found} follow: the file is incomplete or was \
         edited"
    )]
    RowCount {
        /// Rows by the header.
        announced: usize,
        /// Rows in the file.
        found: usize,
    },
    /// A logit or a weight that is no finite number.
    #[error("{name} is {value}, it must be finite")]
    NotFinite {
        /// Its field.
        name: &'static str,
        /// The number.
        value: f64,
    },
    /// A row that stands there twice.
    #[error("row {id} is there twice")]
    RowTwice {
        /// The row.
        id: RowId,
    },
    /// A rank that no row can have.
    #[error("rank {rank} is not between 1 and the number of rows")]
    Rank {
        /// The rank.
        rank: usize,
    },
    /// A rank that two rows have.
    #[error("rank {rank} is there twice")]
    RankTwice {
        /// The rank.
        rank: usize,
    },
    /// A line that is not the expected JSON.
    #[error("expected {expected} as a JSON object: {reason}")]
    Json {
        /// The expected object.
        expected: &'static str,
        /// The words of the JSON library.
        reason: String,
    },
}
