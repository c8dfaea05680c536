//! Penalty-based bilevel training of the selector (facts: eq. 2 and 3).
//!
//! One step, all from the values at its start:
//!
//! - theta moves against `(1 - gamma) mean(l_safe) + gamma sum(p_j l_j) / B`;
//! - in Algorithm 1 theta^, the model of the value function, moves against
//!   `sum(p_j l^_j) / B`;
//! - `w_k -= (rate / B) sum_j s_j dp_j/dw_k` over the batch, with
//!   `s_j = l_j - l^_j` (Algorithm 1) or `s_j = l_j` (Algorithm 2).
//!
//! gamma reaches the ranking through theta only.

use seal_data::Example;
use seal_lm::{Lm, OptimConfig};
use seal_select::{Selector, SelectorOptimizer, SelectorSettings, matched_rate, rate_from_kappa};

use crate::learned::Learned;
use crate::learner::{Accumulation, Learner};
use crate::penalty::BilevelRun;
use crate::state::RunIdentity;
use crate::sums::EpochSums;
use crate::trainer::{TrainingPlan, TrainingTask, hash_of, total_steps};
use crate::visits::Visits;
use crate::{Algorithm, BilevelError, BilevelSettings, SelectorOptim, StateError, TrainingSet};

/// Training of a selector: a logit for each row of the fine-tuning set.
#[derive(Debug)]
pub struct Bilevel<'a> {
    /// The aligned model, on an autodiff device.
    pub model: Lm,
    /// Rows of the fine-tuning set D.
    pub data: &'a [Example],
    /// Rows of the safe set D_safe.
    pub safe: &'a [Example],
    /// How it is trained.
    pub settings: &'a BilevelSettings,
    /// L0, the mean of [`crate::score`] over `data` under `model`, in nats a token.
    pub mean_loss: f64,
    /// Fixes the order of rows, initial adapters and dropout.
    pub seed: u64,
}

fn selector_settings(settings: &BilevelSettings) -> SelectorSettings {
    let base = match settings.algorithm {
        Algorithm::One | Algorithm::Two => SelectorSettings {
            function: settings.selector,
            optimizer: match settings.selector_optim {
                SelectorOptim::Sgd => SelectorOptimizer::Plain,
                SelectorOptim::Adam => SelectorOptimizer::released(),
            },
            ..SelectorSettings::default()
        },
        Algorithm::Released => SelectorSettings::released(settings.selector),
    };
    SelectorSettings { normalise: settings.normalise, baseline: settings.baseline, ..base }
}

fn model_optimizer(settings: &BilevelSettings) -> OptimConfig {
    match settings.algorithm {
        Algorithm::One | Algorithm::Two => settings.optim.clone(),
        Algorithm::Released => {
            OptimConfig { betas: (0.9, 0.95), weight_decay: 0.0, ..settings.optim.clone() }
        }
    }
}

impl<'a> TrainingTask for Bilevel<'a> {
    type Output = Learned;
    type Objective = BilevelRun<'a>;

    fn prepare(self) -> Result<BilevelRun<'a>, BilevelError> {
        let Self { model, data, safe, settings, mean_loss, seed } = self;
        settings.validate()?;
        for (set, rows) in [(TrainingSet::FineTuning, data), (TrainingSet::Safe, safe)] {
            if rows.is_empty() {
                return Err(BilevelError::Empty { set });
            }
        }
        let model = match &settings.lora {
            Some(lora) => model.with_lora(lora, seed)?,
            None => model,
        };
        let visits = Visits::new(data, safe, settings, seed)?;
        let steps = total_steps(settings.epochs, visits.steps)?;
        settings.gamma.validate(settings.epochs, steps)?;
        let selector_settings = selector_settings(settings);
        let rate = match settings.rate {
            // As it is given: what a user names is not converted.
            Some(rate) => rate,
            None => {
                let (kappa, batch, epochs) = (settings.kappa, settings.batch, settings.epochs);
                let rate = rate_from_kappa(kappa, batch, epochs, mean_loss)?;
                matched_rate(settings.selector, rate, &selector_settings.optimizer)
            }
        };
        let run = RunIdentity {
            task: "bilevel".to_owned(),
            settings: serde_json::to_value(settings).map_err(StateError::Header)?,
            seed,
            steps,
            rows: hash_of(data),
            safe_rows: Some(hash_of(safe)),
            rate: Some(rate),
        };
        let learner = |model: Lm| Learner::new(model, &model_optimizer(settings), steps);
        Ok(BilevelRun {
            // A clone shares every weight that neither model moves.
            value: (settings.algorithm == Algorithm::One).then(|| learner(model.clone())),
            theta: learner(model),
            selector: Selector::with_settings(selector_settings, data.len())?,
            rate,
            data,
            safe,
            settings,
            accumulation: Accumulation::new(settings.micro_batch, settings.recompute),
            plan: TrainingPlan { run, of_epoch: visits.steps },
            visits,
            order: Vec::new(),
            seen: vec![0; data.len()],
            sums: EpochSums::default(),
            trace: Vec::new(),
        })
    }
}
