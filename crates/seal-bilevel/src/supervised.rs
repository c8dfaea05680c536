//! Supervised fine-tuning: the mean over rows of their mean answer losses.

use std::sync::Arc;

use seal_data::{Example, RowId, epoch_order};
use seal_device::DeviceGroup;
use seal_lm::{Lm, training_state};

use crate::learner::{Accumulation, Learner};
use crate::position::StepPosition;
use crate::state::{RunIdentity, Saved};
use crate::sums::RunSums;
use crate::trainer::{Objective, TrainingPlan, TrainingTask, hash_of, total_steps};
use crate::{
    BilevelError, EpochEnd, RunStart, SftSettings, Snapshot, StateError, StepTrace, TrainingSet,
};

/// Fine-tuning of a model on rows.
#[derive(Debug)]
pub struct Supervised<'a> {
    /// The model at the start, on an autodiff device.
    pub model: Lm,
    /// The rows.
    pub examples: &'a [Example],
    /// How it is trained.
    pub settings: &'a SftSettings,
    /// Fixes the order of rows, initial adapters and dropout.
    pub seed: u64,
}

/// A model after training.
#[derive(Debug)]
pub struct FineTuned {
    /// With adapters, where they were trained.
    pub model: Lm,
    /// Mean over rows of their mean answer losses in nats a token, of each epoch, as
    /// they were when a row's turn came: the model moved on between them.
    pub losses: Vec<f64>,
}

#[doc(hidden)]
pub struct SupervisedRun<'a> {
    learner: Learner,
    examples: &'a [Example],
    ids: Vec<RowId>,
    batch: usize,
    accumulation: Accumulation,
    plan: TrainingPlan,
    /// Positions of the rows in the order of this epoch.
    order: Vec<usize>,
    /// Of the losses of this epoch.
    sum: f64,
    losses: Vec<f64>,
}

impl<'a> TrainingTask for Supervised<'a> {
    type Output = FineTuned;
    type Objective = SupervisedRun<'a>;

    fn prepare(self) -> Result<SupervisedRun<'a>, BilevelError> {
        let Self { model, examples, settings, seed } = self;
        settings.validate()?;
        if examples.is_empty() {
            return Err(BilevelError::Empty { set: TrainingSet::FineTuning });
        }
        let model = match &settings.lora {
            Some(lora) => model.with_lora(lora, seed)?,
            None => model,
        };
        let of_epoch = examples.len().div_ceil(settings.batch);
        let steps = total_steps(settings.epochs, of_epoch)?;
        let run = RunIdentity {
            task: "supervised".to_owned(),
            settings: serde_json::to_value(settings).map_err(StateError::Header)?,
            seed,
            steps,
            rows: hash_of(examples),
            safe_rows: None,
            rate: None,
        };
        Ok(SupervisedRun {
            learner: Learner::new(model, &settings.optim, steps),
            examples,
            ids: examples.iter().map(|e| e.id).collect(),
            batch: settings.batch,
            accumulation: Accumulation::new(settings.micro_batch, settings.recompute),
            plan: TrainingPlan { run, of_epoch },
            order: Vec::new(),
            sum: 0.0,
            losses: Vec::new(),
        })
    }
}

impl Objective for SupervisedRun<'_> {
    type Output = FineTuned;

    fn plan(&self) -> &TrainingPlan {
        &self.plan
    }

    fn start(&self) -> RunStart {
        let RunIdentity { steps, seed, .. } = self.plan.run;
        let ids = self.ids.clone();
        RunStart { steps, done: 0, batch: self.batch, seed, selector: None, ids }
    }

    fn on(self, group: &Arc<DeviceGroup>) -> Self {
        Self { learner: self.learner.on(group), ..self }
    }

    fn begin_epoch(&mut self, epoch: usize) {
        self.order = epoch_order(&self.ids, "sft", self.plan.run.seed, epoch as u64);
        self.sum = 0.0;
    }

    fn step(mut self, at: StepPosition) -> Result<(Self, StepTrace), BilevelError> {
        let rows = self.order.iter().skip(at.in_epoch * self.batch).take(self.batch);
        let rows: Vec<&Example> = rows.map(|i| &self.examples[*i]).collect();
        let share = vec![1.0 / rows.len() as f64; rows.len()];
        let (losses, grad_norm);
        (self.learner, losses, grad_norm) =
            self.learner.descend(&rows, &share, self.accumulation, at)?;
        self.sum += losses.iter().sum::<f64>();
        let ids = rows.iter().map(|e| e.id).collect();
        let (step, epoch) = (at.step, at.epoch + 1);
        Ok((self, StepTrace { step, epoch, ids, losses, grad_norm, penalty: None }))
    }

    fn end_epoch(&mut self, epoch: usize) -> Result<EpochEnd, BilevelError> {
        let loss = self.sum / self.examples.len() as f64;
        self.losses.push(loss);
        Ok(EpochEnd { epoch: epoch + 1, loss, trace: None })
    }

    fn snapshot(&self, step: usize) -> Snapshot<'_> {
        Snapshot { step, theta: self.learner.state(), value: None, omega: None }
    }

    fn save(&self) -> Saved {
        Saved {
            sums: RunSums::Supervised { sum: self.sum, losses: self.losses.clone() },
            theta: training_state(&self.learner.model, &self.learner.optimizer),
            value: None,
            selector: None,
        }
    }

    fn load(self, saved: Saved, step: usize) -> Result<Self, StateError> {
        let RunSums::Supervised { sum, losses } = saved.sums else {
            return Err(StateError::OtherRun { what: "task" });
        };
        Ok(Self { learner: self.learner.restored(saved.theta, step)?, sum, losses, ..self })
    }

    fn finish(self) -> FineTuned {
        FineTuned { model: self.learner.model, losses: self.losses }
    }
}
