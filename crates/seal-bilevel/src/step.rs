//! One step of the bilevel run.

use burn::tensor::Tensor;
use seal_data::{Batch, Example, RowId};
use seal_lm::{DropoutKey, Lm, Optimizer};
use seal_select::Selector;

use crate::loss::{WeightedLoss, plain_loss, weighted_loss};
use crate::{BilevelError, ModelState, RunStart, State, StepTrace};

/// A model in training.
pub(crate) struct Learner {
    pub(crate) model: Lm,
    pub(crate) optimizer: Optimizer,
}

impl Learner {
    /// Moves the model against `loss`; gives the gradient's norm, before clipping.
    fn descend(self, loss: Tensor<1>) -> Result<(Self, f64), BilevelError> {
        let Self { model, mut optimizer } = self;
        let (model, stats) = optimizer.step(model, loss.backward())?;
        Ok((Self { model, optimizer }, stats.grad_norm))
    }

    fn state(&self) -> ModelState<'_> {
        ModelState { model: &self.model, optimizer: &self.optimizer }
    }
}

/// What lives through the steps of a run.
pub(crate) struct Run<'a> {
    pub(crate) theta: Learner,
    /// theta^ of Algorithm 1, which knows nothing of the safe set.
    pub(crate) value: Option<Learner>,
    pub(crate) selector: Selector,
    pub(crate) rate: f64,
    pub(crate) data: &'a [Example],
    pub(crate) safe: &'a [Example],
    pub(crate) batch: usize,
    pub(crate) seed: u64,
    pub(crate) step: usize,
}

impl Run<'_> {
    pub(crate) fn start(&self, steps: usize) -> RunStart {
        RunStart {
            steps,
            batch: self.batch,
            seed: self.seed,
            rate: self.rate,
            selector: *self.selector.settings(),
            ids: self.data.iter().map(|e| e.id).collect(),
        }
    }

    pub(crate) fn state(&self) -> State<'_> {
        State {
            step: self.step,
            theta: self.theta.state(),
            value: self.value.as_ref().map(Learner::state),
            omega: self.selector.omega(),
        }
    }

    /// `epoch` counts from 0.
    pub(crate) fn step(
        mut self,
        epoch: usize,
        safe_rows: &[usize],
        rows: &[usize],
        gamma: f64,
    ) -> Result<(Self, StepTrace), BilevelError> {
        let p = self.selector.weights_of(rows);
        let safe: Vec<&Example> = safe_rows.iter().map(|i| &self.safe[*i]).collect();
        let data: Vec<&Example> = rows.iter().map(|i| &self.data[*i]).collect();
        let ids = |rows: &[&Example]| -> Vec<RowId> { rows.iter().map(|e| e.id).collect() };
        let (safe_ids, data_ids) = (ids(&safe), ids(&data));
        // The nominal size, also for a short last batch.
        let share = 1.0 / self.batch as f64;

        let mut coefficients = vec![(1.0 - gamma) / safe.len() as f64; safe.len()];
        let joint = gamma > 0.0;
        let mut on_tape = safe;
        if joint {
            on_tape.extend(&data);
            coefficients.extend(p.iter().map(|p| gamma * p * share));
        }
        let WeightedLoss { loss, rows: losses } =
            self.loss(&self.theta.model, &on_tape, &coefficients)?;
        let mut safe_losses = losses.mean;
        let losses = match joint {
            true => safe_losses.split_off(safe_rows.len()),
            // A term of weight 0 gets no tape and no backward pass.
            false => plain_loss(&self.theta.model, &Batch::of(&data, None), self.step)?.mean,
        };
        let grad_norm;
        (self.theta, grad_norm) = self.theta.descend(loss)?;

        let mut trace = StepTrace {
            step: self.step,
            epoch: epoch + 1,
            gamma,
            safe_ids,
            ids: data_ids,
            safe_losses,
            losses,
            value_losses: None,
            p,
            grad_norm,
            value_grad_norm: None,
        };
        let mut scores = trace.losses.clone();
        if let Some(value) = self.value.take() {
            let coefficients: Vec<f64> = trace.p.iter().map(|p| p * share).collect();
            let WeightedLoss { loss, rows: losses } =
                self.loss(&value.model, &data, &coefficients)?;
            scores.iter_mut().zip(&losses.mean).for_each(|(l, fitted)| *l -= fitted);
            trace.value_losses = Some(losses.mean);
            let (value, norm) = value.descend(loss)?;
            (self.value, trace.value_grad_norm) = (Some(value), Some(norm));
        }
        self.selector.update(rows, &scores, self.rate, self.batch)?;
        self.step += 1;
        Ok((self, trace))
    }

    fn loss(
        &self,
        model: &Lm,
        rows: &[&Example],
        coefficients: &[f64],
    ) -> Result<WeightedLoss, BilevelError> {
        let batch = Batch::of(rows, None);
        let dropout = DropoutKey {
            seed: self.seed,
            step: self.step as u64,
            ids: &batch.ids,
            lengths: &batch.lengths,
        };
        weighted_loss(model, &batch, coefficients, Some(dropout), self.step)
    }
}
