//! A model and its optimiser, and how a step's rows move them.

use seal_data::{Batch, Example};
use seal_lm::{DropoutKey, Lm, LmError, OptimConfig, Optimizer, Tape};

use crate::error::{BilevelError, StepFigure};
use crate::loss::{plain_loss, weighted_loss};
use crate::observer::ModelState;
use crate::position::StepPosition;

/// How a step is fitted into memory; it changes rounding only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accumulation {
    /// Rows that pass through the model at once; all if `None`.
    pub(crate) micro_batch: Option<usize>,
    pub(crate) tape: Tape,
}

impl Accumulation {
    pub(crate) fn new(micro_batch: Option<usize>, recompute: bool) -> Self {
        Self { micro_batch, tape: Tape { recompute } }
    }
}

/// A model in training.
pub(crate) struct Learner {
    pub(crate) model: Lm,
    pub(crate) optimizer: Optimizer,
}

impl Learner {
    pub(crate) fn new(model: Lm, optim: &OptimConfig, steps: usize) -> Self {
        let optimizer = Optimizer::new(&model, optim, steps);
        Self { model, optimizer }
    }

    /// Moves the model against `sum_b coefficients_b l_b`; gives the l_b and the
    /// gradient's norm, before clipping.
    pub(crate) fn descend(
        self,
        rows: &[&Example],
        coefficients: &[f64],
        Accumulation { micro_batch, tape }: Accumulation,
        at: StepPosition,
    ) -> Result<(Self, Vec<f64>, f64), BilevelError> {
        let Self { model, mut optimizer } = self;
        let size = micro_batch.unwrap_or(rows.len()).max(1);
        let mut losses = Vec::with_capacity(rows.len());
        let mut last = None;
        for (rows, coefficients) in rows.chunks(size).zip(coefficients.chunks(size)) {
            if let Some(gradients) = last.take() {
                optimizer.add(&model, gradients);
            }
            let batch = Batch::of(rows, None);
            let dropout = dropout_key(&batch, at);
            let (rows, gradients) =
                weighted_loss(&model, &batch, coefficients, Some(dropout), tape, at)?;
            losses.extend(rows.mean);
            last = Some(gradients);
        }
        let (model, stats) =
            optimizer.step(model, last.unwrap_or_default()).map_err(|error| match error {
                LmError::Diverged { value, .. } => {
                    let ids = rows.iter().map(|e| e.id).collect();
                    at.diverged(StepFigure::GradientNorm, value, ids)
                }
                error => error.into(),
            })?;
        Ok((Self { model, optimizer }, losses, stats.grad_norm))
    }

    /// The rows' losses as [`Learner::descend`] would meet them, dropout included, with no
    /// tape.
    pub(crate) fn losses(
        &self,
        rows: &[&Example],
        micro_batch: Option<usize>,
        at: StepPosition,
    ) -> Result<Vec<f64>, BilevelError> {
        let mut losses = Vec::with_capacity(rows.len());
        for rows in rows.chunks(micro_batch.unwrap_or(rows.len()).max(1)) {
            let batch = Batch::of(rows, None);
            let dropout = dropout_key(&batch, at);
            losses.extend(plain_loss(&self.model, &batch, Some(dropout), at)?.mean);
        }
        Ok(losses)
    }

    pub(crate) fn state(&self) -> ModelState<'_> {
        ModelState { model: &self.model, optimizer: &self.optimizer }
    }
}

fn dropout_key(batch: &Batch, at: StepPosition) -> DropoutKey<'_> {
    let (ids, lengths) = (&batch.ids, &batch.lengths);
    DropoutKey { seed: at.seed, step: at.step as u64, ids, lengths }
}
