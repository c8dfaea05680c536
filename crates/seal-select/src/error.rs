//! The crate's error type.

use seal_rows::RowId;
use seal_stats::StatsError;

#[cfg(feature = "checkpoint")]
use crate::CheckpointError;
use crate::{DroppedRowsError, RowSetError, SelectorFormatError};

/// What can go wrong between losses and a selection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SelectError {
    /// A name that is no selector function.
    #[error("unknown selector function `{given}`; known: {known}")]
    UnknownFunction {
        /// The name as given.
        given: String,
        /// The known names, separated by commas.
        known: String,
    },
    /// A set without rows.
    #[error("{what} needs at least one row")]
    NoRows {
        /// What was asked for.
        what: &'static str,
    },
    /// Two lists that must be of one length are not.
    #[error("{left}: {left_len} entries, {right}: {right_len}; pass one per row in both")]
    LengthMismatch {
        /// Name of the first list.
        left: &'static str,
        /// Its length.
        left_len: usize,
        /// Name of the second list.
        right: &'static str,
        /// Its length.
        right_len: usize,
    },
    /// A batch names a row that the selector does not have.
    #[error(
        "batch names row {index}, the selector has {rows} rows: \
         build the selector from the rows that are trained on"
    )]
    RowOutOfRange {
        /// Position named by the batch.
        index: usize,
        /// Rows of the selector.
        rows: usize,
    },
    /// A number that must be finite is not.
    #[error("{what} of row {index} is {value}: check the loss and the learning rates before it")]
    NotFinite {
        /// What the number is.
        what: &'static str,
        /// Position of the row.
        index: usize,
        /// The number.
        value: f64,
    },
    /// A setting outside its range.
    #[error("{name} is {value}, it must be {need}")]
    InvalidSetting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range.
        need: &'static str,
    },
    /// The logits ran out of the range of numbers.
    #[error("the selector's logits diverged: lower kappa or the selector's rate")]
    Diverged,
    /// Every weight is 0, so that no mean weight can be restored.
    #[error(
        "every row's weight is 0, `normalise = \"mean\"` has nothing to divide by: \
         lower kappa or the selector's rate"
    )]
    AllWeightsZero,
    /// Removal by label without a label.
    #[error("row {index} does not say whether it is unsafe: removal by label needs every label")]
    MissingLabel {
        /// Position of the row.
        index: usize,
    },
    /// Texts that say nothing about how probable a word is.
    #[error("{what} of DSIR has no words: give it at least one text that is not blank")]
    NoTokens {
        /// Which texts.
        what: &'static str,
    },
    /// Every text is below DSIR's least length.
    #[error("no row has the tokens that DSIR's `min_tokens` asks for: lower it, 0 keeps all rows")]
    NoneLongEnough,
    /// A selector's text that cannot be read or written.
    #[error("selector file, line {line}: {source}")]
    Format {
        /// Line, from 1.
        line: usize,
        /// The defect.
        source: SelectorFormatError,
    },
    /// A Parquet file that could not be put together.
    #[error("selector as Parquet: {message}")]
    Parquet {
        /// What the writer said.
        message: String,
    },
    /// A row that a selector file does not cover.
    #[error(
        "the selector file has no row {id}: \
         it was learned on other data, train a selector on this set"
    )]
    MissingRow {
        /// Id of the first row that is missing.
        id: RowId,
    },
    /// A published checkpoint that cannot be read.
    #[cfg(feature = "checkpoint")]
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A list of dropped rows that cannot be read.
    #[error(
        "dropped rows, line {line}: {source}; expected is one row number a line, from 0, rising"
    )]
    DroppedRows {
        /// Line, from 1; the place in the list where it is no text.
        line: usize,
        /// The defect.
        source: DroppedRowsError,
    },
    /// Logits that do not belong to the file they are mapped to.
    #[error(
        "{logits} logits, but {dropped} of {rows} rows dropped leave {}: check that the rows \
         are those of the published file, and that they were filtered with the tokenizer of \
         the selector's model", rows - dropped
    )]
    UnmappedLogits {
        /// Number of logits.
        logits: usize,
        /// Rows of the unfiltered file.
        rows: usize,
        /// Dropped rows among them.
        dropped: usize,
    },
    /// A set of rows that cannot be read, or that the file does not have.
    #[error("set of rows: {0}; expected are ranges such as `0..10,20..30`, ends not in them")]
    RowSet(#[from] RowSetError),
    /// A figure that cannot be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

impl SelectError {
    /// Refuses two lists of different lengths, each with its name.
    pub(crate) fn if_lengths_differ(
        (left, left_len): (&'static str, usize),
        (right, right_len): (&'static str, usize),
    ) -> Result<(), Self> {
        if left_len == right_len {
            return Ok(());
        }
        Err(Self::LengthMismatch { left, left_len, right, right_len })
    }
}
