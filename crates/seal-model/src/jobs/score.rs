//! The loss of each row under a model.

use seal_bilevel::score;
use seal_data::{Row, RowId};
use serde::Serialize;

use super::Progress;
use super::model::LoadedModel;
use crate::{LeftOutRow, ModelError};

/// Rows that pass through the model at once where nothing is trained.
pub(super) const BATCH: usize = 16;

/// The loss of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredRow {
    /// The row.
    pub id: RowId,
    /// Mean negative log-likelihood of its answer, in nats a token.
    pub nll: f64,
    /// Tokens of the answer, its end included.
    pub tokens: usize,
}

/// The losses of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// In the order of the file.
    pub rows: Vec<ScoredRow>,
    /// Rows that cannot be scored, and why.
    pub left_out: Vec<LeftOutRow>,
}

impl LoadedModel {
    /// The loss of each row.
    ///
    /// # Errors
    /// No row that can be scored; a loss that is not finite.
    pub fn score(&self, rows: &[Row], progress: Progress<'_>) -> Result<Scored, ModelError> {
        let given = self.encoder.encode(rows).usable("given")?;
        let losses = score(&self.model, &given.examples, BATCH, progress)?;
        let scored = given.examples.iter().zip(losses).map(|(e, nll)| ScoredRow {
            id: e.id,
            nll,
            tokens: e.answer_len(),
        });
        Ok(Scored { rows: scored.collect(), left_out: given.left_out })
    }
}
