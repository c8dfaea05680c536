//! Weighted sums of per-row losses, and scoring without a tape.

use burn::module::Module;
use seal_data::{Batch, Example};
use seal_lm::{Lm, RowNll, row_nll, token_losses};

use crate::position::StepPosition;
use crate::{BilevelError, Progress, StepFigure};

/// The weight of each supervised token of `batch` in `sum_b coefficients_b l_b`. Coefficients are
/// constants: no gradient flows through a weight.
///
/// The mean over a row's tokens is folded into the weight of each token.
pub(crate) fn token_weights(batch: &Batch, coefficients: &[f64]) -> Vec<f32> {
    let of_token =
        |b: &i32| (coefficients[*b as usize] / batch.answer_lens[*b as usize] as f64) as f32;
    batch.row_of.iter().map(of_token).collect()
}

/// `at` is `None` where nothing is trained.
pub(crate) fn read_rows(
    model: &Lm,
    batch: &Batch,
    tokens: &[f32],
    at: Option<StepPosition>,
) -> Result<RowNll, BilevelError> {
    let rows = row_nll(batch, tokens);
    let Some(row) = rows.mean.iter().position(|l| !l.is_finite()) else { return Ok(rows) };
    let loss = rows.mean[row];
    match at.filter(|at| at.step > 0) {
        // Nothing was trained yet that a learning rate could spoil.
        None => Err(model.no_loss(loss).into()),
        Some(at) => Err(at.diverged(StepFigure::RowLoss, loss, vec![batch.ids[row]])),
    }
}

/// Mean loss in nats a token of each example, in their order, under a model
/// that does not move; the frozen-loss baseline, and L0 of the rate.
///
/// # Errors
/// A loss that is not finite.
pub fn score(
    model: &Lm,
    examples: &[Example],
    batch: usize,
    progress: Progress<'_>,
) -> Result<Vec<f64>, BilevelError> {
    // Rounded states would hide what adapters do.
    let model = model.valid().with_f32_states();
    // Like lengths side by side; a row's loss does not depend on its batch.
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|i| (examples[*i].tokens.len(), *i));
    let chunks = order.len().div_ceil(batch);
    let mut out = vec![0.0; examples.len()];
    for (step, chunk) in order.chunks(batch).enumerate() {
        let rows: Vec<&Example> = chunk.iter().map(|i| &examples[*i]).collect();
        let b = Batch::of(&rows, None);
        for (i, l) in chunk.iter().zip(read_rows(&model, &b, &token_losses(&model, &b), None)?.mean)
        {
            out[*i] = l;
        }
        progress(step + 1, chunks);
    }
    Ok(out)
}
