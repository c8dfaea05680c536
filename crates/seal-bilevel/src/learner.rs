//! A model and its optimiser, and how a step's rows move them.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::Module as _;
use seal_data::{Batch, Example};
use seal_device::DeviceGroup;
use seal_lm::{
    Differentiated, Lm, LmError, OptimConfig, Optimizer, Tape, TrainedTensor, TrainingStateError,
    differentiate, dropped_token_losses, restore_training_state,
};

use crate::error::{BilevelError, StepFigure};
use crate::loss::{read_rows, token_weights};
use crate::observer::ModelState;
use crate::position::StepPosition;
use crate::replicas::{Replicas, WeightedBatch, dropout_key};

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
    /// Where several devices share its steps.
    replicas: Option<Replicas>,
}

impl Learner {
    pub(crate) fn new(model: Lm, optim: &OptimConfig, steps: usize) -> Self {
        let optimizer = Optimizer::new(&model, optim, steps);
        Self { model, optimizer, replicas: None }
    }

    /// The same, with its steps shared by the devices of `group`.
    pub(crate) fn on(self, group: &Arc<DeviceGroup>) -> Self {
        Self { replicas: Some(Replicas::new(group, &self.model)), ..self }
    }

    /// The same, with its steps shared by the devices of `other`, whose frozen weights are its own, too.
    pub(crate) fn beside(self, other: &Self) -> Self {
        let of_own = |replicas: &Replicas| replicas.clone().with_trained_of(&self.model);
        Self { replicas: other.replicas.as_ref().map(of_own), ..self }
    }

    /// Goes on from `state`, `step` steps done.
    pub(crate) fn restored(
        self,
        state: BTreeMap<String, TrainedTensor>,
        step: usize,
    ) -> Result<Self, TrainingStateError> {
        let Self { model, mut optimizer, replicas } = self;
        let model = restore_training_state(model, &mut optimizer, step, state)?;
        let replicas = replicas.map(|replicas| replicas.with_trained_of(&model));
        Ok(Self { model, optimizer, replicas })
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
        let Self { model, mut optimizer, replicas } = self;
        let size = micro_batch.unwrap_or(rows.len()).max(1);
        let batches = rows.chunks(size).zip(coefficients.chunks(size)).map(|(rows, c)| {
            let batch = Batch::of(rows, None);
            let weights = token_weights(&batch, c);
            WeightedBatch { batch, weights }
        });
        let mut left = batches.len();
        let mut losses = Vec::with_capacity(rows.len());
        let mut last = None;
        let mut take = |of: &WeightedBatch, done: Differentiated| -> Result<(), BilevelError> {
            losses.extend(read_rows(&model, &of.batch, &done.tokens, Some(at))?.mean);
            left -= 1;
            match left {
                0 => last = Some(done.gradients),
                _ => optimizer.add(&model, done.gradients),
            }
            Ok(())
        };
        match &replicas {
            None => {
                for of in batches {
                    let dropout = Some(dropout_key(&of.batch, at));
                    let done = differentiate(&model, &of.batch, &of.weights, dropout, tape);
                    take(&of, done)?;
                }
            }
            Some(replicas) => {
                replicas.differentiate(&model, &batches.collect::<Vec<_>>(), tape, at, take)?;
            }
        }
        let (model, stats) =
            optimizer.step(model, last.unwrap_or_default()).map_err(|error| match error {
                LmError::Diverged { value, .. } => {
                    let ids = rows.iter().map(|e| e.id).collect();
                    at.diverged(StepFigure::GradientNorm, value, ids)
                }
                error => error.into(),
            })?;
        let replicas = replicas.map(|replicas| replicas.with_trained_of(&model));
        Ok((Self { model, optimizer, replicas }, losses, stats.grad_norm))
    }

    /// The rows' losses as [`Learner::descend`] would meet them, dropout included, with no
    /// tape.
    pub(crate) fn losses(
        &self,
        rows: &[&Example],
        micro_batch: Option<usize>,
        at: StepPosition,
    ) -> Result<Vec<f64>, BilevelError> {
        let batches =
            rows.chunks(micro_batch.unwrap_or(rows.len()).max(1)).map(|rows| Batch::of(rows, None));
        let mut losses = Vec::with_capacity(rows.len());
        let mut take = |batch: &Batch, tokens: &[f32]| -> Result<(), BilevelError> {
            losses.extend(read_rows(&self.model, batch, tokens, Some(at))?.mean);
            Ok(())
        };
        match &self.replicas {
            None => {
                let model = self.model.valid();
                for batch in batches {
                    let dropout = Some(dropout_key(&batch, at));
                    take(&batch, &dropped_token_losses(&model, &batch, dropout))?;
                }
            }
            Some(replicas) => {
                replicas.losses(&self.model, &batches.collect::<Vec<_>>(), at, take)?;
            }
        }
        Ok(losses)
    }

    pub(crate) fn state(&self) -> ModelState<'_> {
        ModelState { model: &self.model, optimizer: &self.optimizer }
    }
}
