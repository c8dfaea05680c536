//! Losses of a batch without gradients.

use std::ops::Range;

use seal_data::Batch;
use seal_device::Kernels;

use crate::answer_loss::{SliceLosses, TokenLosses, rows_at_once};
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
    let parts = LossParts::of(model, batch, dropout);
    if parts.count() == 1 {
        return parts.losses(model, 0);
    }
    let numbers = (0..parts.count()).collect();
    let losses = side_by_side(model.kernels(), numbers, |i| parts.losses(model, i));
    parts.in_order(&losses.concat())
}

/// The parts of a batch whose losses are made by themselves. Which rows are in which part depends on
/// the work alone, so that copies of a model on several devices may share them.
pub struct LossParts<'a> {
    batch: &'a Batch,
    dropout: Option<DropoutKey<'a>>,
    parts: Vec<MicroBatch>,
}

impl<'a> LossParts<'a> {
    /// Those of [`dropped_token_losses`] of `batch`.
    pub fn of(model: &Lm, batch: &'a Batch, dropout: Option<DropoutKey<'a>>) -> Self {
        Self { batch, dropout, parts: cut::micro_batches(&model.trunk, batch, dropout) }
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Losses of part `i` under `model`, the model that the parts are of or a copy of it, off the tape.
    pub fn losses(&self, model: &Lm, i: usize) -> Vec<f32> {
        if self.count() == 1 {
            return losses_of_part(model, self.batch, self.dropout);
        }
        let batch = self.batch.select(&self.parts[i]);
        let (ids, lengths) = (&batch.ids, &batch.lengths);
        let dropout = self.dropout.map(|key| DropoutKey { ids, lengths, ..key });
        losses_of_part(model, &batch, dropout)
    }

    /// The losses of all parts, which come part after part, in the order of the batch.
    pub fn in_order(&self, losses: &[f32]) -> Vec<f32> {
        if self.count() == 1 {
            return losses.to_vec();
        }
        in_order(&self.parts.concat(), &self.batch.answers(), losses)
    }
}

fn losses_of_part(model: &Lm, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Vec<f32> {
    model.trunk.insist(&batch.targets);
    let hidden = model.answer_hidden(batch, dropout);
    let [m, d] = hidden.dims();
    let size = rows_at_once(model);
    // Brought into the format of the states once, not for each slice of rows.
    let head = model.output_weight().0.cast(hidden.dtype());
    let mut tokens = TokenLosses::default();
    for from in (0..m).step_by(size) {
        let rows = from..(from + size).min(m);
        let hidden = hidden.clone().slice([rows.clone(), 0..d]);
        let logits = model.capped(product(None, hidden, head.clone(), model.kernels()));
        let losses = logit_nll(model.kernels(), logits, &batch.targets[rows]);
        tokens.extend(SliceLosses::Device(losses));
    }
    tokens.read()
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
