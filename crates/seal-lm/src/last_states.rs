//! The state of the last token of each row.

use burn::tensor::Tensor;
use seal_data::{Batch, Example, RowId};

use crate::LmError;
use crate::cut::{self, MicroBatch};
use crate::token_losses::side_by_side;
use crate::trunk::Trunk;

/// What `f` makes of the states `[m, D]` of the last tokens of m rows, one result a row, in the
/// order of `rows`.
///
/// Long batches are cut into parts, which run side by side where there are kernels. Where the cuts
/// are depends on the rows alone.
///
/// # Errors
/// [`LmError::EmptyRow`] and [`LmError::Token`], before anything is computed.
pub(crate) fn of_last_states<R: Send>(
    trunk: &Trunk,
    rows: &[&[u32]],
    f: impl Fn(Tensor<2>) -> Vec<R> + Sync,
) -> Result<Vec<R>, LmError> {
    if let Some(row) = rows.iter().position(|row| row.is_empty()) {
        return Err(LmError::EmptyRow { row });
    }
    trunk.check_tokens(rows.iter().copied().flatten().copied())?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let batch = batch_of(rows);
    let parts = cut::micro_batches(trunk, &batch, None);
    let order = parts.concat();
    let of_part = |part: MicroBatch| f(states(trunk, &batch.select(&part)));
    let found = side_by_side(trunk.kernels(), parts, of_part).into_iter().flatten();
    let mut found: Vec<(usize, R)> = order.into_iter().zip(found).collect();
    found.sort_by_key(|(row, _)| *row);
    Ok(found.into_iter().map(|(_, result)| result).collect())
}

/// Last states `[m, D]`, normalised, of the m rows of `batch`.
fn states(trunk: &Trunk, batch: &Batch) -> Tensor<2> {
    let layout = trunk.layout(batch, None);
    trunk.forward(&layout, &trunk.position_pass(&layout, None))
}

/// The rows as a batch, which reads states where a token is predicted: after the last one.
fn batch_of(rows: &[&[u32]]) -> Batch {
    let example = |row: &&[u32]| {
        // The predicted token is a target only and no input, so any will do.
        let tokens = row.iter().copied().chain([0]).collect();
        Example::new(RowId::of("", "", 0), tokens, row.len())
    };
    let examples: Vec<Example> = rows.iter().map(example).collect();
    Batch::of(&examples.iter().collect::<Vec<_>>(), None)
}
