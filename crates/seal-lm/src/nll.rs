//! Negative log-likelihood of answers.
//!
//! The paper's loss of a row is the mean over its answer tokens (facts: eq. 1
//! with the length-normalised loss); the prompt never counts. Logits are made
//! only where an answer token is predicted.

use burn::tensor::activation::log_softmax;
use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use seal_data::Batch;
use seal_device::Kernels;

use crate::{DropoutKey, Lm};

/// Losses of rows, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct RowNll {
    /// Mean over the row's answer tokens, in nats a token, `[B]`.
    pub mean: Vec<f64>,
}

/// Loss in nats of each supervised token of `batch`, `[M]`, in its order, on the
/// tape with all its logits: [`crate::differentiate`] and
/// [`crate::token_losses`] need less memory.
pub fn token_nll(model: &Lm, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<1> {
    model.trunk.insist(&batch.targets);
    let logits = model.logits(model.answer_hidden(batch, dropout));
    logit_nll(model.kernels(), logits, &batch.targets)
}

/// Losses `[m]` of `targets` under `logits` `[m, V]`.
pub(crate) fn logit_nll(kernels: Option<Kernels>, logits: Tensor<2>, targets: &[i32]) -> Tensor<1> {
    match kernels {
        Some(kernels) => kernels.nll(logits, targets.iter().map(|t| *t as u32).collect()),
        None => {
            let (m, device) = (targets.len(), logits.device());
            let targets = TensorData::new(targets.to_vec(), [m, 1]);
            let targets = Tensor::<2, Int>::from_data(targets, &device);
            // Half precision has too few digits for a sum over a vocabulary.
            let logits = logits.cast(FloatDType::F32);
            log_softmax(logits, 1).gather(1, targets).reshape([m]).neg()
        }
    }
}

/// Per-row means of losses `[M]` read from the device, summed in f64 in order.
pub fn row_nll(batch: &Batch, tokens: &[f32]) -> RowNll {
    let mut mean = vec![0f64; batch.rows()];
    for (nll, row) in tokens.iter().zip(&batch.row_of) {
        mean[*row as usize] += f64::from(*nll);
    }
    for (mean, n) in mean.iter_mut().zip(&batch.answer_lens) {
        *mean /= *n as f64;
    }
    RowNll { mean }
}
