//! One step of the bilevel run.

use seal_data::{Batch, Example, RowId};
use seal_lm::{DropoutKey, Lm, OptimConfig, Optimizer, Tape};
use seal_select::Selector;

use crate::loss::{plain_loss, weighted_loss};
use crate::{BilevelError, ModelState, RunStart, State, StepTrace};

/// How a step is fitted into memory; it changes rounding only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    /// Rows that pass through the model at once; all if `None`.
    pub(crate) micro: Option<usize>,
    pub(crate) tape: Tape,
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
        Split { micro, tape }: Split,
        seed: u64,
        step: usize,
    ) -> Result<(Self, Vec<f64>, f64), BilevelError> {
        let Self { model, mut optimizer } = self;
        let size = micro.unwrap_or(rows.len());
        let chunks = rows.len().div_ceil(size);
        let mut losses = Vec::with_capacity(rows.len());
        for (i, (rows, coefficients)) in
            rows.chunks(size).zip(coefficients.chunks(size)).enumerate()
        {
            let batch = Batch::of(rows, None);
            let (ids, lengths) = (&batch.ids, &batch.lengths);
            let dropout = DropoutKey { seed, step: step as u64, ids, lengths };
            let (rows, gradients) =
                weighted_loss(&model, &batch, coefficients, Some(dropout), tape, step)?;
            losses.extend(rows.mean);
            if i + 1 == chunks {
                let (model, stats) = optimizer.step(model, gradients)?;
                return Ok((Self { model, optimizer }, losses, stats.grad_norm));
            }
            optimizer.add(&model, gradients);
        }
        Err(BilevelError::Empty("batch"))
    }

    /// The rows' losses as [`Learner::descend`] would meet them, dropout included, with no
    /// tape.
    fn look(
        &self,
        rows: &[&Example],
        micro: Option<usize>,
        seed: u64,
        step: usize,
    ) -> Result<Vec<f64>, BilevelError> {
        let mut losses = Vec::with_capacity(rows.len());
        for rows in rows.chunks(micro.unwrap_or(rows.len())) {
            let batch = Batch::of(rows, None);
            let (ids, lengths) = (&batch.ids, &batch.lengths);
            let dropout = DropoutKey { seed, step: step as u64, ids, lengths };
            losses.extend(plain_loss(&self.model, &batch, Some(dropout), step)?.mean);
        }
        Ok(losses)
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
    pub(crate) split: Split,
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
        let (split, seed, step) = (self.split, self.seed, self.step);
        let untaped = match joint {
            true => Vec::new(),
            // A term of weight 0 gets no tape and no backward pass.
            false => self.theta.look(&data, split.micro, seed, step)?,
        };
        let (theta, mut safe_losses, grad_norm) =
            self.theta.descend(&on_tape, &coefficients, split, seed, step)?;
        self.theta = theta;
        let losses = if joint { safe_losses.split_off(safe_rows.len()) } else { untaped };

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
            let (value, losses, norm) = value.descend(&data, &coefficients, split, seed, step)?;
            scores.iter_mut().zip(&losses).for_each(|(l, fitted)| *l -= fitted);
            trace.value_losses = Some(losses);
            (self.value, trace.value_grad_norm) = (Some(value), Some(norm));
        }
        self.selector.update(rows, &scores, self.rate, self.batch)?;
        self.step += 1;
        Ok((self, trace))
    }
}
