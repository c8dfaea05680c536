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
use seal_lm::{Lm, OptimConfig, Tape};
use seal_select::{
    CollapseAlarm, Diagnostics, Optimizer as SelectorOptimizer, Selector, SelectorSettings,
    gamma_eff, matched_rate, rate_from_kappa,
};
use serde::{Deserialize, Serialize};

use crate::observer::Only;
use crate::step::{Learner, Run, Split};
use crate::visits::Visits;
use crate::{Algorithm, BilevelError, BilevelSettings, Moment, Observer, Progress, SelectorOptim};

/// The state at the end of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochTrace {
    /// From 1.
    pub epoch: usize,
    /// Mean penalty strength over the epoch's steps.
    pub gamma: f64,
    /// gamma with the mean weight taken in.
    pub gamma_eff: f64,
    /// Mean loss over the safe rows visited, in nats a token.
    pub safe_loss: f64,
    /// Mean unweighted loss over the fine-tuning rows visited.
    pub row_loss: f64,
    /// How weight is spread.
    pub weights: Diagnostics,
}

/// A trained selector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Logit of each example, in their order.
    pub omega: Vec<f64>,
    /// Weight of each example.
    pub weights: Vec<f64>,
    /// How often each example was visited.
    pub visits: Vec<u32>,
    /// Rate of omega that was used.
    pub rate: f64,
    /// One entry an epoch.
    pub trace: Vec<EpochTrace>,
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

/// Learns a logit for each row of `data`. `model` lives on an autodiff device
/// and starts as the aligned model; `mean_loss` is the mean of
/// [`crate::score`] over `data` under it, in nats a token.
///
/// # Errors
/// Settings outside their range, an empty set, training that diverges, or a
/// selector that collapses.
pub fn learn_selector(
    model: Lm,
    data: &[Example],
    safe: &[Example],
    settings: &BilevelSettings,
    mean_loss: f64,
    seed: u64,
    progress: Progress<'_>,
) -> Result<Learned, BilevelError> {
    learn_selector_observed(model, data, safe, settings, mean_loss, seed, &mut Only(progress))
}

/// As [`learn_selector`], with an observer that is told of every step.
///
/// # Errors
/// As there, and what the observer reports.
pub fn learn_selector_observed(
    model: Lm,
    data: &[Example],
    safe: &[Example],
    settings: &BilevelSettings,
    mean_loss: f64,
    seed: u64,
    observer: &mut dyn Observer,
) -> Result<Learned, BilevelError> {
    settings.validate().map_err(BilevelError::Settings)?;
    if data.is_empty() {
        return Err(BilevelError::Empty("fine-tuning set"));
    }
    if safe.is_empty() {
        return Err(BilevelError::Empty("safe set"));
    }
    let model = match &settings.lora {
        Some(lora) => model.with_lora(lora, seed)?,
        None => model,
    };
    let mut visits = Visits::new(data, safe, settings, seed)?;
    let steps = total_steps(settings.epochs, visits.steps)?;
    settings.gamma.validate(settings.epochs, steps).map_err(BilevelError::Settings)?;
    let selector_settings = selector_settings(settings);
    let rate = match settings.rate {
        // As it is given: what a user names is not converted.
        Some(rate) => rate,
        None => {
            let rate = rate_from_kappa(settings.kappa, settings.batch, settings.epochs, mean_loss)?;
            matched_rate(settings.selector, rate, &selector_settings.optimizer)
        }
    };
    let learner = |model: Lm| Learner::new(model, &model_optimizer(settings), steps);
    let mut run = Run {
        // A clone shares every weight that neither model moves.
        value: (settings.algorithm == Algorithm::One).then(|| learner(model.clone())),
        theta: learner(model),
        selector: Selector::with_settings(selector_settings, data.len())?,
        rate,
        data,
        safe,
        batch: settings.batch,
        split: Split { micro: settings.micro_batch, tape: Tape { recompute: settings.recompute } },
        seed,
        step: 0,
    };
    observer.start(&run.start(steps))?;
    let mut seen = vec![0u32; data.len()];
    let mut trace = Vec::new();
    for epoch in 0..settings.epochs {
        let (mut safe_loss, mut row_loss) = (Mean::default(), Mean::default());
        let (mut gamma, mut met) = (0.0, 0.0);
        for (safe_rows, rows) in visits.epoch(epoch) {
            let at_step = settings.gamma.at(epoch, run.step);
            met += 1.0;
            // A mean of equal numbers is that number, to the last bit.
            gamma += (at_step - gamma) / met;
            let watched = observer.wants_state(run.step);
            if watched {
                observer.state(Moment::Before, &run.state())?;
            }
            let done;
            (run, done) = run.step(epoch, &safe_rows, &rows, at_step)?;
            if watched {
                observer.state(Moment::After, &run.state())?;
            }
            done.safe_losses.iter().for_each(|l| safe_loss.add(*l));
            done.losses.iter().for_each(|l| row_loss.add(*l));
            rows.iter().for_each(|i| seen[*i] += 1);
            observer.step(&done)?;
            observer.progress(run.step, steps);
        }
        let weights = run.selector.diagnostics();
        let entry = EpochTrace {
            epoch: epoch + 1,
            gamma,
            gamma_eff: gamma_eff(gamma, weights.mean_p),
            safe_loss: safe_loss.get(),
            row_loss: row_loss.get(),
            weights,
        };
        alarm(&entry, settings.algorithm)?;
        trace.push(entry);
    }
    Ok(Learned {
        omega: run.selector.omega().to_vec(),
        weights: run.selector.weights(),
        visits: seen,
        rate: run.rate,
        trace,
    })
}

/// # Errors
/// More steps than can be counted.
pub(crate) fn total_steps(epochs: usize, of_epoch: usize) -> Result<usize, BilevelError> {
    epochs.checked_mul(of_epoch).ok_or_else(|| {
        BilevelError::Settings(format!("epochs is {epochs}, of {of_epoch} steps each: too many"))
    })
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

#[derive(Default)]
struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.sum += x;
        self.n += 1;
    }

    fn get(&self) -> f64 {
        self.sum / self.n.max(1) as f64
    }
}
