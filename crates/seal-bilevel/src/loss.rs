//! Weighted sums of per-row losses, and scoring without a tape.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use seal_data::{Batch, Example};
use seal_lm::{DropoutKey, Lm, RowNll, row_nll, token_nll};

use crate::{BilevelError, Progress};
use seal_lm::LmError;

/// A loss on the tape with the row losses it was made of.
pub(crate) struct WeightedLoss {
    /// `sum_b c_b l_b`, with l_b the mean loss of row b's answer tokens.
    pub(crate) loss: Tensor<1>,
    /// The l_b.
    pub(crate) rows: RowNll,
}

/// `sum_b coefficients_b l_b` over the rows of `batch`. Coefficients are
/// constants: no gradient flows through a weight.
///
/// The mean over a row's tokens is folded into the coefficient of each token,
/// so one product and one sum make the loss.
pub(crate) fn weighted_loss(
    model: &Lm,
    batch: &Batch,
    coefficients: &[f64],
    dropout: Option<DropoutKey<'_>>,
    step: usize,
) -> Result<WeightedLoss, BilevelError> {
    let tokens = token_nll(model, batch, dropout);
    let per_token: Vec<f32> = batch
        .row_of
        .iter()
        .map(|b| (coefficients[*b as usize] / batch.answer_lens[*b as usize] as f64) as f32)
        .collect();
    let shape = [per_token.len()];
    let weights = Tensor::from_data(TensorData::new(per_token, shape), &tokens.device());
    let rows = read_rows(batch, &tokens, step)?;
    Ok(WeightedLoss { loss: (tokens * weights).sum(), rows })
}

fn read_rows(batch: &Batch, tokens: &Tensor<1>, step: usize) -> Result<RowNll, BilevelError> {
    let values = tokens.clone().into_data().try_into_vec::<f32>().expect("losses are f32");
    let rows = row_nll(batch, &values);
    match rows.mean.iter().find(|l| !l.is_finite()) {
        Some(l) => Err(LmError::Diverged { step, what: "loss of a row", value: *l }.into()),
        None => Ok(rows),
    }
}

/// Loss of each row of `batch` with no tape.
pub(crate) fn plain_loss(model: &Lm, batch: &Batch, step: usize) -> Result<RowNll, BilevelError> {
    read_rows(batch, &token_nll(&model.valid(), batch, None), step)
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
    let model = model.valid();
    // Like lengths side by side; a row's loss does not depend on its batch.
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|i| (examples[*i].tokens.len(), *i));
    let chunks = order.len().div_ceil(batch);
    let mut out = vec![0.0; examples.len()];
    for (step, chunk) in order.chunks(batch).enumerate() {
        let rows: Vec<&Example> = chunk.iter().map(|i| &examples[*i]).collect();
        let b = Batch::of(&rows, None);
        for (i, l) in chunk.iter().zip(read_rows(&b, &token_nll(&model, &b, None), step)?.mean) {
            out[*i] = l;
        }
        progress(step + 1, chunks);
    }
    Ok(out)
}
