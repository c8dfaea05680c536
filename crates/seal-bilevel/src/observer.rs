//! What can be seen of a run while it goes.

use seal_data::RowId;
use seal_lm::{Lm, Optimizer};
use seal_select::SelectorSettings;
use serde::{Deserialize, Serialize};

use crate::{BilevelError, EpochTrace, TrainerState};

/// Watches a run. It sees everything that a replay needs and changes nothing.
///
/// A closure over (steps done, steps in all) is an observer that is told of progress.
pub trait Observer {
    /// Once, before the first step that a [`crate::Trainer`] takes.
    ///
    /// # Errors
    /// Ends the run.
    fn start(&mut self, _start: &RunStart) -> Result<(), BilevelError> {
        Ok(())
    }

    /// Whether [`snapshot`](Self::snapshot) is to be called around the step, counted
    /// from 0.
    fn wants_snapshot(&self, _step: usize) -> bool {
        false
    }

    /// Models and logits around a step.
    ///
    /// # Errors
    /// Ends the run.
    fn snapshot(&mut self, _side: StepSide, _snapshot: &Snapshot<'_>) -> Result<(), BilevelError> {
        Ok(())
    }

    /// After each step.
    ///
    /// # Errors
    /// Ends the run.
    fn step(&mut self, _step: &StepTrace) -> Result<(), BilevelError> {
        Ok(())
    }

    /// After each step: steps done, steps in all.
    fn progress(&mut self, _done: usize, _total: usize) {}

    /// After the last step of each epoch.
    ///
    /// # Errors
    /// Ends the run.
    fn epoch(&mut self, _end: &EpochEnd) -> Result<(), BilevelError> {
        Ok(())
    }

    /// Whether [`checkpoint`](Self::checkpoint) is to be called now, after `done` steps.
    fn wants_checkpoint(&mut self, _done: usize) -> bool {
        false
    }

    /// All that the run goes on from, for [`crate::Trainer::resume`].
    ///
    /// # Errors
    /// Ends the run; [`BilevelError::Cancelled`] where it was asked to stop.
    fn checkpoint(&mut self, _state: &TrainerState) -> Result<(), BilevelError> {
        Ok(())
    }
}

impl<F: FnMut(usize, usize)> Observer for F {
    fn progress(&mut self, done: usize, total: usize) {
        self(done, total);
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Side of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepSide {
    /// Before it.
    Before,
    /// After it.
    After,
}

/// What is fixed for a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStart {
    /// Steps in all.
    pub steps: usize,
    /// Steps that were done before, in a run that goes on from a saved state.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub done: usize,
    /// Nominal rows of one step, B.
    pub batch: usize,
    /// Study seed.
    pub seed: u64,
    /// Of a bilevel run.
    #[serde(flatten)]
    pub selector: Option<SelectorStart>,
    /// Rows of the fine-tuning set, in the order of omega.
    pub ids: Vec<RowId>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// What is fixed for the selector of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectorStart {
    /// Rate of omega, matched to the selector function.
    pub rate: f64,
    /// Selector function, start, and how a gradient moves the logits.
    pub selector: SelectorSettings,
}

/// A model and its optimiser.
#[derive(Clone, Copy)]
pub struct ModelState<'a> {
    /// The model.
    pub model: &'a Lm,
    /// Its optimiser.
    pub optimizer: &'a Optimizer,
}

/// Models and logits before or after a step.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// Steps done.
    pub step: usize,
    /// theta.
    pub theta: ModelState<'a>,
    /// theta^ of Algorithm 1.
    pub value: Option<ModelState<'a>>,
    /// Logits of a bilevel run, in the order of [`RunStart::ids`].
    pub omega: Option<&'a [f64]>,
}

/// What a step saw and did. Losses are means over a row's answer tokens, in
/// nats, under the models as they were at the start of the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTrace {
    /// From 0.
    pub step: usize,
    /// From 1.
    pub epoch: usize,
    /// Rows of the fine-tuning batch.
    pub ids: Vec<RowId>,
    /// Losses of the fine-tuning rows under theta.
    pub losses: Vec<f64>,
    /// Norm of theta's gradient, before clipping.
    pub grad_norm: f64,
    /// Of a bilevel run.
    #[serde(flatten)]
    pub penalty: Option<PenaltyTrace>,
}

/// The part of a [`StepTrace`] that the penalty objective adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PenaltyTrace {
    /// Penalty strength.
    pub gamma: f64,
    /// Rows of the safe batch.
    pub safe_ids: Vec<RowId>,
    /// Losses of the safe rows under theta.
    pub safe_losses: Vec<f64>,
    /// Weights of the fine-tuning rows.
    pub p: Vec<f64>,
    /// Losses of the fine-tuning rows under theta^ (Algorithm 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_losses: Option<Vec<f64>>,
    /// Norm of theta^'s gradient, before clipping (Algorithm 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_grad_norm: Option<f64>,
}

/// What an epoch came to.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEnd {
    /// From 1.
    pub epoch: usize,
    /// Mean over the fine-tuning rows of their mean answer losses in nats a token, as
    /// they were when a row's turn came.
    pub loss: f64,
    /// Of a bilevel run.
    pub trace: Option<EpochTrace>,
}
