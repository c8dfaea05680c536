//! Rows that cannot be trained on or judged.

use std::path::PathBuf;

use seal_data::{ExampleError, RowId};
use seal_judge::JudgeError;

/// Rows that cannot be trained on or judged.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// A set without rows.
    #[error("the {set} set has no rows")]
    Empty {
        /// Name of the set.
        set: String,
    },
    /// A test that its judge cannot work on.
    #[error("test `{test}`: {source}")]
    Test {
        /// The test.
        test: String,
        /// Why.
        source: JudgeError,
    },
    /// A row of a test that its judge cannot work on.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A row of a test that a model cannot be asked.
    #[error(transparent)]
    Example(#[from] ExampleError),
    /// A row that the selector's model did not read.
    #[error(
        "row {row} has no logit: the proxy's context does not hold it; raise \
         proxy.model.max_position_embeddings"
    )]
    NoLogit {
        /// The row.
        row: RowId,
    },
    /// A row without a label, where rows are chosen by their labels.
    #[error("selection.method = \"labels\": row {row} does not say whether it is unsafe")]
    NoLabel {
        /// The row.
        row: RowId,
    },
    /// A model folder without weights.
    #[error("{}: no weights in safetensors", dir.display())]
    NoWeights {
        /// The folder.
        dir: PathBuf,
    },
}
