//! The selector: Algorithms 1 and 2, and the released variant.

use seal_bilevel::{Algorithm, Bilevel, BilevelSettings, Gamma, Trainer};
use seal_lm::{LmConfig, OptimConfig};
use seal_select::{Normalise, SelectorFunction};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::tuning::Steps;
use crate::rows;
use crate::side::{Side, lora};

/// A way to train the selector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectorCase {
    pub(crate) algorithm: Algorithm,
    /// 0 takes rows without a tape.
    pub(crate) gamma: f64,
    /// Adapters with dropout in place of all weights.
    pub(crate) adapters: bool,
    pub(crate) micro_batch: Option<usize>,
    pub(crate) recompute: bool,
}

impl SelectorCase {
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        Self { algorithm, gamma: 0.3, adapters: false, micro_batch: None, recompute: false }
    }

    pub(crate) fn settings(self, epochs: usize) -> BilevelSettings {
        BilevelSettings {
            algorithm: self.algorithm,
            gamma: Gamma::Constant(self.gamma),
            selector: SelectorFunction::Softmax,
            normalise: Normalise::None,
            baseline: false,
            selector_optim: Default::default(),
            kappa: 0.4,
            rate: (self.algorithm == Algorithm::Released).then_some(0.05),
            epochs,
            batch: 4,
            micro_batch: self.micro_batch,
            recompute: self.recompute,
            optim: OptimConfig { lr: 1e-3, ..OptimConfig::default() },
            lora: self.adapters.then(|| lora(0.2)),
        }
    }
}

/// Losses and norms of gradients of each step, and the logits of the selector.
pub(crate) fn learned(
    side: &Side,
    shape: &LmConfig,
    case: SelectorCase,
) -> Result<Found, PathFault> {
    let (data, safe, settings) = (rows::many("data", 18), rows::many("safe", 14), case.settings(3));
    let model = side.model(shape)?;
    let (data, safe, settings) = (&data[..], &safe[..], &settings);
    let task = Bilevel { model, data, safe, settings, mean_loss: 5.0, seed: 0 };
    let mut steps = Steps::default();
    let done = Trainer::new(task)?.run(&mut steps)?;
    let mut found = Found::default();
    found.numbers("losses", steps.losses);
    found.numbers("norms of gradients", steps.norms);
    found.numbers("losses of the value function", steps.value_losses);
    found.numbers("norms of gradients of the value function", steps.value_norms);
    // The mean of the logits moves no ranking.
    let mean = done.omega.iter().sum::<f64>() / done.omega.len() as f64;
    found.numbers("omega, its mean taken off", done.omega.iter().map(|w| w - mean).collect());
    found.numbers("weights", done.weights);
    Ok(found)
}
