//! Losses of a batch without gradients.

use std::ops::Range;

use seal_data::Batch;
use seal_device::Kernels;

use crate::answer_loss::{read, rows_at_once};
use crate::cut::{self, MicroBatch};
use crate::linear::product;
use crate::nll::logit_nll;
use crate::{DropoutKey, Lm};

/// Losses `[M]` of the answers of `batch`, with no tape; `model` is off it too.
pub fn token_losses(model: &Lm, batch: &Batch) -> Vec<f32> {
    dropped_token_losses(model, batch, None)
}

/// As [`token_losses`], with the dropout of a training step: the losses that
/// [`crate::differentiate`] gives for the same key, without gradients.
pub fn dropped_token_losses(
    model: &Lm,
    batch: &Batch,
    dropout: Option<DropoutKey<'_>>,
) -> Vec<f32> {
    let parts = cut::micro_batches(&model.trunk, batch, dropout);
    if parts.len() == 1 {
        return losses_of_part(model, batch, dropout);
    }
    let rows = parts.concat();
    let of_part = |part: MicroBatch| {
        let batch = batch.select(&part);
        let (ids, lengths) = (&batch.ids, &batch.lengths);
        let dropout = dropout.map(|key| DropoutKey { ids, lengths, ..key });
        losses_of_part(model, &batch, dropout)
    };
    let losses = side_by_side(model.kernels(), parts, of_part).concat();
    in_order(&rows, &batch.answers(), &losses)
}

fn losses_of_part(model: &Lm, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Vec<f32> {
    model.trunk.insist(&batch.targets);
    let hidden = model.answer_hidden(batch, dropout);
    let [m, d] = hidden.dims();
    let size = rows_at_once(model);
    // Brought into the format of the states once, not for each slice of rows.
    let head = model.output_weight().0.cast(hidden.dtype());
    let mut tokens = Vec::with_capacity(m);
    for from in (0..m).step_by(size) {
        let rows = from..(from + size).min(m);
        let hidden = hidden.clone().slice([rows.clone(), 0..d]);
        let logits = model.capped(product(None, hidden, head.clone(), model.kernels()));
        tokens.extend(read(logit_nll(model.kernels(), logits, &batch.targets[rows])));
    }
    tokens
}

/// Losses that came row after row of `rows`, in the order of their batch.
pub(crate) fn in_order(rows: &[usize], answers: &[Range<usize>], mut losses: &[f32]) -> Vec<f32> {
    let mut ordered = vec![0.0; losses.len()];
    for row in rows {
        let of_row = losses.split_off(..answers[*row].len()).expect("a loss each token");
        ordered[answers[*row].clone()].copy_from_slice(of_row);
    }
    ordered
}

/// The results of `f` for every task, in their order: side by side where there are
/// kernels, which compute on the threads of who calls them, else in turn.
pub(crate) fn side_by_side<T: Send, R: Send>(
    kernels: Option<Kernels>,
    tasks: Vec<T>,
    f: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    match kernels {
        Some(kernels) => kernels.side_by_side(tasks, f),
        None => tasks.into_iter().map(f).collect(),
    }
}
