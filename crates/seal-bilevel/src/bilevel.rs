//! Penalty-based bilevel training of the selector (facts: eq. 2 and 3).
//!
//! One step of Algorithm 2, all from the values at its start:
//!
//! - theta moves against `(1 - gamma) mean(l_safe) + gamma sum(p_j l_j) / B`;
//! - `w_k -= (rate / B) sum_j l_j dp_j/dw_k` over the batch.
//!
//! gamma reaches the ranking through theta only.

use seal_data::{Batch, CycledOrder, Example, RowId, epoch_order};
use seal_lm::{DropoutKey, Lm, OptimConfig, Optimizer};
use seal_select::{
    CollapseAlarm, Diagnostics, Selector, SelectorSettings, gamma_eff, matched_rate,
    rate_from_kappa,
};
use serde::{Deserialize, Serialize};

use crate::loss::{plain_loss, weighted_loss};
use crate::{Algorithm, BilevelError, BilevelSettings, Progress};

/// The state at the end of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochTrace {
    /// From 1.
    pub epoch: usize,
    /// Penalty strength at the epoch's last step.
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

/// What a run visits, step by step.
struct Visits {
    ids: Vec<RowId>,
    safe: SafeRows,
    seed: u64,
    batch: usize,
    /// Steps of an epoch.
    steps: usize,
}

/// How the safe set is gone through.
enum SafeRows {
    /// Round and round, so that its rows are visited equally often.
    Cycled(CycledOrder),
    /// From the start of a new shuffle in each epoch, as the published code's
    /// loader; what an epoch does not reach is left out.
    Restarted(Vec<RowId>),
}

impl Visits {
    fn new(
        data: &[Example],
        safe: &[Example],
        settings: &BilevelSettings,
        seed: u64,
    ) -> Result<Self, BilevelError> {
        let ids: Vec<RowId> = data.iter().map(|e| e.id).collect();
        let safe_ids: Vec<RowId> = safe.iter().map(|e| e.id).collect();
        let batch = settings.batch;
        let (safe, steps) = match settings.algorithm {
            Algorithm::Two => (
                SafeRows::Cycled(CycledOrder::new(&safe_ids, "safe", seed)),
                ids.len().div_ceil(batch),
            ),
            // The published loaders are zipped and drop their last batches.
            Algorithm::Released => match ids.len().min(safe_ids.len()) / batch {
                0 => {
                    return Err(BilevelError::Settings(format!(
                        "batch is {batch}, but the sets hold {} and {} rows: algorithm released \
                         drops batches that are not whole",
                        ids.len(),
                        safe_ids.len()
                    )));
                }
                steps => (SafeRows::Restarted(safe_ids), steps),
            },
        };
        Ok(Self { ids, safe, seed, batch, steps })
    }

    /// Rows of the safe set and of the fine-tuning set, for each step.
    fn epoch(&mut self, epoch: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
        let order = |ids: &[RowId], name| epoch_order(ids, name, self.seed, epoch as u64);
        let wanted = self.steps * self.batch;
        let safe = match &mut self.safe {
            SafeRows::Cycled(cycle) => cycle.take(wanted),
            SafeRows::Restarted(ids) => order(ids, "safe"),
        };
        let data = order(&self.ids, "fine-tuning");
        let steps = safe.chunks(self.batch).zip(data.chunks(self.batch)).take(self.steps);
        steps.map(|(safe, data)| (safe.to_vec(), data.to_vec())).collect()
    }
}

fn selector_settings(settings: &BilevelSettings) -> SelectorSettings {
    let base = match settings.algorithm {
        Algorithm::Two => {
            SelectorSettings { function: settings.selector, ..SelectorSettings::default() }
        }
        Algorithm::Released => SelectorSettings::released(settings.selector),
    };
    SelectorSettings { normalise: settings.normalise, baseline: settings.baseline, ..base }
}

fn model_optimizer(settings: &BilevelSettings) -> OptimConfig {
    match settings.algorithm {
        Algorithm::Two => settings.optim.clone(),
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
    let steps = settings.epochs * visits.steps;
    settings.gamma.validate(settings.epochs, steps).map_err(BilevelError::Settings)?;
    let selector_settings = selector_settings(settings);
    let rate = match settings.rate {
        Some(rate) => rate,
        None => rate_from_kappa(settings.kappa, settings.batch, settings.epochs, mean_loss)?,
    };
    let mut run = Run {
        selector: Selector::with_settings(selector_settings, data.len())?,
        optimizer: Optimizer::new(&model_optimizer(settings), steps),
        rate: matched_rate(settings.selector, rate, &selector_settings.optimizer),
        data,
        safe,
        batch: settings.batch,
        seed,
        step: 0,
    };
    let mut model = model;
    let mut seen = vec![0u32; data.len()];
    let mut trace = Vec::with_capacity(settings.epochs);
    for epoch in 0..settings.epochs {
        let (mut safe_loss, mut row_loss) = (Mean::default(), Mean::default());
        let mut gamma = 0.0;
        for (safe_rows, rows) in visits.epoch(epoch) {
            gamma = settings.gamma.at(epoch, run.step);
            let losses;
            (model, losses) = run.step(model, &safe_rows, &rows, gamma)?;
            losses.safe.iter().for_each(|l| safe_loss.add(*l));
            losses.data.iter().for_each(|l| row_loss.add(*l));
            rows.iter().for_each(|i| seen[*i] += 1);
            progress(run.step, steps);
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

fn alarm(entry: &EpochTrace, algorithm: Algorithm) -> Result<(), BilevelError> {
    let (epoch, ess) = (entry.epoch, entry.weights.ess_share);
    tracing::debug!(epoch, ess, mean_p = entry.weights.mean_p, "weights after an epoch");
    match (CollapseAlarm::of(ess), algorithm) {
        (CollapseAlarm::Ok, _) => Ok(()),
        (CollapseAlarm::Stop, Algorithm::Two) => Err(BilevelError::Collapsed { epoch, ess }),
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

struct Losses {
    safe: Vec<f64>,
    data: Vec<f64>,
}

/// What lives through the steps of a run, the model apart.
struct Run<'a> {
    selector: Selector,
    optimizer: Optimizer,
    rate: f64,
    data: &'a [Example],
    safe: &'a [Example],
    batch: usize,
    seed: u64,
    step: usize,
}

impl Run<'_> {
    fn step(
        &mut self,
        model: Lm,
        safe_rows: &[usize],
        rows: &[usize],
        gamma: f64,
    ) -> Result<(Lm, Losses), BilevelError> {
        let weights = self.selector.weights_of(rows);
        let safe = safe_rows.iter().map(|i| &self.safe[*i]);
        let data: Vec<&Example> = rows.iter().map(|i| &self.data[*i]).collect();
        let safe_share = (1.0 - gamma) / safe_rows.len() as f64;
        let mut coefficients = vec![safe_share; safe_rows.len()];
        let joint = gamma > 0.0;
        let mut on_tape: Vec<&Example> = safe.collect();
        if joint {
            on_tape.extend(&data);
            coefficients.extend(weights.iter().map(|p| gamma * p / self.batch as f64));
        }
        let batch = Batch::of(&on_tape, None);
        let dropout = DropoutKey {
            seed: self.seed,
            step: self.step as u64,
            ids: &batch.ids,
            lengths: &batch.lengths,
        };
        let loss = weighted_loss(&model, &batch, &coefficients, Some(dropout), self.step)?;
        let mut safe_losses = loss.rows.mean;
        let data_losses = match joint {
            true => safe_losses.split_off(safe_rows.len()),
            // A term of weight 0 gets no tape and no backward pass.
            false => plain_loss(&model, &Batch::of(&data, None), self.step)?.mean,
        };
        let (model, _) = self.optimizer.step(model, loss.loss.backward())?;
        self.selector.update(rows, &data_losses, self.rate, self.batch)?;
        self.step += 1;
        Ok((model, Losses { safe: safe_losses, data: data_losses }))
    }
}
