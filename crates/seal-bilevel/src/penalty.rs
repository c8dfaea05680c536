//! One step of the bilevel run, and what an epoch of them comes to.

use std::sync::Arc;

use seal_data::{Example, RowId};
use seal_device::DeviceGroup;
use seal_lm::training_state;
use seal_select::{CollapseAlarm, Selector, gamma_eff};

use crate::learner::{Accumulation, Learner};
use crate::position::StepPosition;
use crate::state::Saved;
use crate::sums::{EpochSums, RunSums};
use crate::trainer::{Objective, TrainingPlan};
use crate::visits::Visits;
use crate::{
    Algorithm, BilevelError, BilevelSettings, EpochEnd, EpochTrace, Learned, PenaltyTrace,
    RunStart, SelectorStart, Snapshot, StateError, StepTrace,
};

/// What lives through the steps of a run.
#[doc(hidden)]
pub struct BilevelRun<'a> {
    pub(crate) theta: Learner,
    /// theta^ of Algorithm 1, which knows nothing of the safe set.
    pub(crate) value: Option<Learner>,
    pub(crate) selector: Selector,
    pub(crate) rate: f64,
    pub(crate) data: &'a [Example],
    pub(crate) safe: &'a [Example],
    pub(crate) settings: &'a BilevelSettings,
    pub(crate) accumulation: Accumulation,
    pub(crate) plan: TrainingPlan,
    pub(crate) visits: Visits,
    /// Rows of both sets for each step of this epoch.
    pub(crate) order: Vec<(Vec<usize>, Vec<usize>)>,
    /// How often each row's turn comes up to the end of this epoch.
    pub(crate) seen: Vec<u32>,
    pub(crate) sums: EpochSums,
    pub(crate) trace: Vec<EpochTrace>,
}

impl Objective for BilevelRun<'_> {
    type Output = Learned;

    fn plan(&self) -> &TrainingPlan {
        &self.plan
    }

    fn start(&self) -> RunStart {
        let selector = SelectorStart { rate: self.rate, selector: *self.selector.settings() };
        RunStart {
            steps: self.plan.run.steps,
            done: 0,
            batch: self.settings.batch,
            seed: self.plan.run.seed,
            selector: Some(selector),
            ids: self.data.iter().map(|e| e.id).collect(),
        }
    }

    fn on(self, group: &Arc<DeviceGroup>) -> Self {
        let theta = self.theta.on(group);
        // The frozen weights are on each device once.
        Self { value: self.value.map(|value| value.beside(&theta)), theta, ..self }
    }

    fn begin_epoch(&mut self, epoch: usize) {
        self.order = self.visits.epoch(epoch);
        self.order.iter().flat_map(|(_, rows)| rows).for_each(|i| self.seen[*i] += 1);
        self.sums = EpochSums::default();
    }

    fn step(mut self, at: StepPosition) -> Result<(Self, StepTrace), BilevelError> {
        let (safe, rows) = std::mem::take(&mut self.order[at.in_epoch]);
        let safe: Vec<&Example> = safe.iter().map(|i| &self.safe[*i]).collect();
        let data: Vec<&Example> = rows.iter().map(|i| &self.data[*i]).collect();
        let gamma = self.settings.gamma.at(at.epoch, at.step);
        let (batch, accumulation) = (self.settings.batch, self.accumulation);
        let p = self.selector.weights_of(&rows);
        let ids = |rows: &[&Example]| -> Vec<RowId> { rows.iter().map(|e| e.id).collect() };
        let (safe_ids, data_ids) = (ids(&safe), ids(&data));
        // The nominal size, also for a short last batch.
        let share = 1.0 / batch as f64;

        let mut coefficients = vec![(1.0 - gamma) / safe.len() as f64; safe.len()];
        let joint = gamma > 0.0;
        let mut on_tape = safe;
        if joint {
            on_tape.extend(&data);
            coefficients.extend(p.iter().map(|p| gamma * p * share));
        }
        let untaped = match joint {
            true => Vec::new(),
            // A term of weight 0 gets no tape and no backward pass.
            false => self.theta.losses(&data, accumulation.micro_batch, at)?,
        };
        let (mut safe_losses, grad_norm);
        (self.theta, safe_losses, grad_norm) =
            self.theta.descend(&on_tape, &coefficients, accumulation, at)?;
        let losses = if joint { safe_losses.split_off(safe_ids.len()) } else { untaped };

        let mut scores = losses.clone();
        let (mut value_losses, mut value_grad_norm) = (None, None);
        if let Some(value) = self.value.take() {
            let coefficients: Vec<f64> = p.iter().map(|p| p * share).collect();
            let (value, losses, norm) = value.descend(&data, &coefficients, accumulation, at)?;
            scores.iter_mut().zip(&losses).for_each(|(l, fitted)| *l -= fitted);
            (value_losses, value_grad_norm) = (Some(losses), Some(norm));
            self.value = Some(value);
        }
        self.selector.update(&rows, &scores, self.rate, batch).map_err(|source| {
            BilevelError::SelectorStep { step: at.step, epoch: at.epoch + 1, source }
        })?;
        self.sums.add(at, gamma, &safe_losses, &losses);
        let penalty =
            PenaltyTrace { gamma, safe_ids, safe_losses, p, value_losses, value_grad_norm };
        let (step, epoch) = (at.step, at.epoch + 1);
        let trace =
            StepTrace { step, epoch, ids: data_ids, losses, grad_norm, penalty: Some(penalty) };
        Ok((self, trace))
    }

    fn end_epoch(&mut self, epoch: usize) -> Result<EpochEnd, BilevelError> {
        let EpochSums { gamma, safe_loss, row_loss } = &self.sums;
        let weights = self.selector.diagnostics();
        let trace = EpochTrace {
            epoch: epoch + 1,
            gamma: *gamma,
            gamma_eff: gamma_eff(*gamma, weights.mean_p),
            safe_loss: safe_loss.get(),
            row_loss: row_loss.get(),
            weights,
        };
        alarm(&trace, self.settings.algorithm)?;
        self.trace.push(trace.clone());
        Ok(EpochEnd { epoch: epoch + 1, loss: trace.row_loss, trace: Some(trace) })
    }

    fn snapshot(&self, step: usize) -> Snapshot<'_> {
        Snapshot {
            step,
            theta: self.theta.state(),
            value: self.value.as_ref().map(Learner::state),
            omega: Some(self.selector.omega()),
        }
    }

    fn save(&self) -> Saved {
        let of = |learner: &Learner| training_state(&learner.model, &learner.optimizer);
        Saved {
            sums: RunSums::Bilevel { epoch: self.sums.clone(), trace: self.trace.clone() },
            theta: of(&self.theta),
            value: self.value.as_ref().map(of),
            selector: Some(self.selector.state()),
        }
    }

    fn load(self, saved: Saved, step: usize) -> Result<Self, StateError> {
        let Saved {
            sums: RunSums::Bilevel { epoch: sums, trace },
            theta,
            value,
            selector: Some(selector),
        } = saved
        else {
            return Err(StateError::OtherRun { what: "task" });
        };
        if selector.omega.len() != self.data.len() || value.is_some() != self.value.is_some() {
            return Err(StateError::OtherRun { what: "selector" });
        }
        let value = self.value.zip(value).map(|(learner, state)| learner.restored(state, step));
        let selector = Selector::restore(*self.selector.settings(), selector);
        Ok(Self {
            theta: self.theta.restored(theta, step)?,
            value: value.transpose()?,
            selector: selector.map_err(StateError::Selector)?,
            sums,
            trace,
            ..self
        })
    }

    fn finish(self) -> Learned {
        Learned {
            omega: self.selector.omega().to_vec(),
            weights: self.selector.weights(),
            visits: self.seen,
            rate: self.rate,
            trace: self.trace,
        }
    }
}

fn alarm(entry: &EpochTrace, algorithm: Algorithm) -> Result<(), BilevelError> {
    let (epoch, ess) = (entry.epoch, entry.weights.ess_share);
    tracing::debug!(epoch, ess, mean_p = entry.weights.mean_p, "weights after an epoch");
    match (CollapseAlarm::of(ess), algorithm) {
        (CollapseAlarm::Ok, _) => Ok(()),
        (CollapseAlarm::Stop, Algorithm::One | Algorithm::Two) => {
            Err(BilevelError::Collapsed { epoch, ess })
        }
        (CollapseAlarm::Warn | CollapseAlarm::Stop, _) => {
            tracing::warn!(epoch, ess, "the effective sample size of the weights is low");
            Ok(())
        }
    }
}
