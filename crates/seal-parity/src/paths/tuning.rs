//! Fine-tuning, and losses of rows.

use seal_bilevel::{BilevelError, Observer, SftSettings, StepTrace, Supervised, Trainer, score};
use seal_lm::{LmConfig, OptimConfig, Schedule};

use crate::fault::PathFault;
use crate::found::Found;
use crate::rows;
use crate::side::{Side, lora};

/// A way to fine-tune.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TuningCase {
    /// Adapters with dropout in place of all weights.
    pub(crate) adapters: bool,
    pub(crate) micro_batch: Option<usize>,
    pub(crate) recompute: bool,
}

impl TuningCase {
    /// Settings of some steps, with a rate that rises and falls, decay and clipping.
    pub(crate) fn settings(self, epochs: usize) -> SftSettings {
        SftSettings {
            epochs,
            batch: 5,
            micro_batch: self.micro_batch,
            recompute: self.recompute,
            optim: OptimConfig {
                lr: 2e-3,
                weight_decay: 0.05,
                schedule: Schedule::Cosine,
                warmup: 0.2,
                ..OptimConfig::default()
            },
            lora: self.adapters.then(|| lora(0.2)),
        }
    }
}

/// Keeps what steps saw.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) losses: Vec<f64>,
    pub(crate) norms: Vec<f64>,
    pub(crate) value_losses: Vec<f64>,
    pub(crate) value_norms: Vec<f64>,
}

impl Observer for Steps {
    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        self.losses.extend(&step.losses);
        self.norms.push(step.grad_norm);
        if let Some(penalty) = &step.penalty {
            self.losses.extend(&penalty.safe_losses);
            self.value_losses.extend(penalty.value_losses.iter().flatten());
            self.value_norms.extend(penalty.value_grad_norm);
        }
        Ok(())
    }
}

/// Losses and norms of gradients of each step, and losses of all rows afterwards.
pub(crate) fn tuned(side: &Side, shape: &LmConfig, case: TuningCase) -> Result<Found, PathFault> {
    let (examples, settings) = (rows::many("tuned", 17), case.settings(3));
    let task =
        Supervised { model: side.model(shape)?, examples: &examples, settings: &settings, seed: 0 };
    let mut steps = Steps::default();
    let done = Trainer::new(task)?.run(&mut steps)?;
    let mut found = Found::default();
    found.numbers("losses of steps", steps.losses);
    found.numbers("norms of gradients", steps.norms);
    let after = score(&side.with_ops(done.model), &examples, 8, &mut |_, _| ())?;
    found.numbers("losses afterwards", after);
    Ok(found)
}

/// Losses of rows, in batches of several sizes.
pub(crate) fn row_losses(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let (model, examples) = (side.model(shape)?, rows::many("scored", 50));
    let mut found = Found::default();
    for batch in [50, 7] {
        let losses = score(&model, &examples, batch, &mut |_, _| ())?;
        found.numbers(format!("losses, {batch} at once"), losses);
    }
    Ok(found)
}
