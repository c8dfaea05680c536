//! What can be seen of a run while it goes.

use seal_data::RowId;
use seal_lm::{Lm, Optimizer};
use seal_select::SelectorSettings;
use serde::{Deserialize, Serialize};

use crate::{BilevelError, Progress};

/// Watches a run. It sees everything that a replay needs and changes nothing.
pub trait Observer {
    /// Once, before the first step.
    ///
    /// # Errors
    /// Ends the run.
    fn start(&mut self, _start: &RunStart) -> Result<(), BilevelError> {
        Ok(())
    }

    /// Whether [`state`](Self::state) is to be called around the step, counted
    /// from 0.
    fn wants_state(&self, _step: usize) -> bool {
        false
    }

    /// Models and logits around a step.
    ///
    /// # Errors
    /// Ends the run.
    fn state(&mut self, _moment: Moment, _state: &State<'_>) -> Result<(), BilevelError> {
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
}

/// Reports progress and nothing else.
pub(crate) struct Only<'a>(pub(crate) Progress<'a>);

impl Observer for Only<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        (self.0)(done, total);
    }
}

/// Side of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
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
    /// Nominal rows of one step, B.
    pub batch: usize,
    /// Study seed.
    pub seed: u64,
    /// Rate of omega, matched to the selector function.
    pub rate: f64,
    /// Selector function, start, and how a gradient moves the logits.
    pub selector: SelectorSettings,
    /// Rows of the fine-tuning set, in the order of omega.
    pub ids: Vec<RowId>,
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
pub struct State<'a> {
    /// Steps done.
    pub step: usize,
    /// theta.
    pub theta: ModelState<'a>,
    /// theta^ of Algorithm 1.
    pub value: Option<ModelState<'a>>,
    /// Logits, in the order of [`RunStart::ids`].
    pub omega: &'a [f64],
}

/// What a step saw and did. Losses are means over a row's answer tokens, in
/// nats, under the models as they were at the start of the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTrace {
    /// From 0.
    pub step: usize,
    /// From 1.
    pub epoch: usize,
    /// Penalty strength.
    pub gamma: f64,
    /// Rows of the safe batch.
    pub safe_ids: Vec<RowId>,
    /// Rows of the fine-tuning batch.
    pub ids: Vec<RowId>,
    /// Losses of the safe rows under theta.
    pub safe_losses: Vec<f64>,
    /// Losses of the fine-tuning rows under theta.
    pub losses: Vec<f64>,
    /// Losses of the fine-tuning rows under theta^ (Algorithm 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_losses: Option<Vec<f64>>,
    /// Weights of the fine-tuning rows.
    pub p: Vec<f64>,
    /// Norm of theta's gradient, before clipping.
    pub grad_norm: f64,
    /// Norm of theta^'s gradient, before clipping (Algorithm 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_grad_norm: Option<f64>,
}
