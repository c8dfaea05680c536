//! Settings of the bilevel stage and of fine-tuning.

use seal_lm::{LoraConfig, OptimConfig};
use seal_select::{Normalise, SelectorFunction};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// Which rule the selector is trained by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Algorithm 1 of the paper, with equal visits: a second model theta^ fits
    /// the weighted fine-tuning rows alone, and a row sinks by what it costs
    /// theta beyond theta^ (the value function of eq. 2).
    #[serde(rename = "algorithm-1")]
    One,
    /// The memory-efficient Algorithm 2 of the paper, with equal visits.
    #[serde(rename = "algorithm-2")]
    Two,
    /// What the published code does: Adam on omega, betas (0.9, 0.95) for both
    /// levels, an epoch as long as the shorter loader, last batch dropped.
    Released,
}

/// What the penalty strength does over training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[serde(expecting = "gamma is a number, or { start, increment, per }")]
pub enum Gamma {
    /// The same at every step.
    Constant(f64),
    /// `start + increment * n`, with n the number of whole epochs (or steps) done.
    Growing {
        /// Value at the start.
        start: f64,
        /// Added after each `per`.
        increment: f64,
        /// What the increment is added after.
        #[serde(default)]
        per: GammaUnit,
    },
}

/// What an increment of gamma is counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GammaUnit {
    /// Passes over the fine-tuning set.
    #[default]
    Epoch,
    /// Optimiser steps.
    Step,
}

impl Default for Gamma {
    /// The schedule of the published Llama-3 run: 0, 0.03, 0.06.
    fn default() -> Self {
        Gamma::Growing { start: 0.0, increment: 0.03, per: GammaUnit::Epoch }
    }
}

impl Gamma {
    /// gamma at a step.
    pub fn at(&self, epoch: usize, step: usize) -> f64 {
        match *self {
            Gamma::Constant(gamma) => gamma,
            Gamma::Growing { start, increment, per: GammaUnit::Epoch } => {
                start + increment * epoch as f64
            }
            Gamma::Growing { start, increment, per: GammaUnit::Step } => {
                start + increment * step as f64
            }
        }
    }

    /// Says what is wrong, if anything, for a run of this length.
    ///
    /// # Errors
    /// A value outside [0, 1) at any step.
    pub fn validate(&self, epochs: usize, steps: usize) -> Result<(), SettingsError> {
        let ends = [self.at(0, 0), self.at(epochs.saturating_sub(1), steps.saturating_sub(1))];
        match ends.into_iter().find(|g| !(0.0..1.0).contains(g)) {
            Some(gamma) => Err(SettingsError::Gamma { gamma }),
            None => Ok(()),
        }
    }
}

/// How a gradient moves the logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelectorOptim {
    /// Along the gradient, as the paper has it.
    #[default]
    Sgd,
    /// Adam as in the published code, with betas (0.9, 0.95), and otherwise as
    /// the algorithm says.
    Adam,
}

impl SelectorOptim {
    fn is_sgd(&self) -> bool {
        *self == Self::Sgd
    }
}

/// Settings of the selector stage (S2 of the paper).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BilevelSettings {
    /// The rule.
    pub algorithm: Algorithm,
    /// Penalty strength.
    #[serde(default)]
    pub gamma: Gamma,
    /// Selector function sigma.
    pub selector: SelectorFunction,
    /// Whether weights are divided by their mean.
    #[serde(default)]
    pub normalise: Normalise,
    /// Whether the batch mean is taken off the scores.
    #[serde(default)]
    pub baseline: bool,
    /// How a gradient moves the logits; `released` always has Adam.
    #[serde(default, skip_serializing_if = "SelectorOptim::is_sgd")]
    pub selector_optim: SelectorOptim,
    /// Rate of omega without a loss scale: `rate = kappa * B / (E * L0)`, matched to the
    /// selector function.
    #[serde(default = "default_kappa")]
    pub kappa: f64,
    /// Rate of omega, instead of `kappa`, taken as it is: it is not matched to the
    /// selector function ([`seal_select::matched_rate`]). Adam needs it.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Passes over the fine-tuning set, E.
    pub epochs: usize,
    /// Rows of each set in one step, B.
    pub batch: usize,
    /// Rows that pass through the model at once; gradients add up to those of the
    /// whole step, so it changes memory and rounding only. `None` is all. Where
    /// there are kernels, more than some hundred tokens a thread take turns anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// Make activations again in the backward pass instead of keeping them: less
    /// memory, about a third more time. It changes no result but by rounding.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recompute: bool,
    /// Optimiser of the model.
    #[serde(default)]
    pub optim: OptimConfig,
    /// Adapter to train; without it all weights are trained.
    #[serde(default)]
    pub lora: Option<LoraConfig>,
}

/// Most passes over a set.
const MOST_EPOCHS: usize = 1_000_000;
/// Most rows of one step.
const MOST_ROWS: usize = 1 << 20;

/// # Errors
/// A number that is 0, or so large that it can only be a mistake: sizes are made of it.
fn check_sizes(
    epochs: usize,
    batch: usize,
    micro_batch: Option<usize>,
) -> Result<(), SettingsError> {
    let sizes = [
        ("epochs", epochs, MOST_EPOCHS),
        ("batch", batch, MOST_ROWS),
        ("micro_batch", micro_batch.unwrap_or(1), MOST_ROWS),
    ];
    match sizes.into_iter().find(|(_, is, most)| !(1..=*most).contains(is)) {
        None => Ok(()),
        Some((name, value, most)) => Err(SettingsError::Count { name, value, most }),
    }
}

fn check_model(optim: &OptimConfig, lora: Option<&LoraConfig>) -> Result<(), SettingsError> {
    let of = |section| move |source| SettingsError::Model { section, source };
    optim.validate().map_err(of("optim"))?;
    match lora {
        Some(lora) => lora.validate().map_err(of("lora")),
        None => Ok(()),
    }
}

fn is_false(x: &bool) -> bool {
    !x
}

fn default_kappa() -> f64 {
    0.4
}

impl BilevelSettings {
    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// A value outside its range; the message names the field.
    pub fn validate(&self) -> Result<(), SettingsError> {
        check_sizes(self.epochs, self.batch, self.micro_batch)?;
        if !(self.kappa > 0.0 && self.kappa.is_finite()) {
            return Err(SettingsError::NotPositive { name: "kappa", value: self.kappa });
        }
        match self.rate {
            Some(rate) if !(rate > 0.0 && rate.is_finite()) => {
                return Err(SettingsError::NotPositive { name: "rate", value: rate });
            }
            None if self.algorithm == Algorithm::Released => {
                return Err(SettingsError::ReleasedNeedsRate);
            }
            None if !self.selector_optim.is_sgd() => {
                return Err(SettingsError::AdamNeedsRate);
            }
            _ => {}
        }
        self.gamma.validate(self.epochs, 1)?;
        check_model(&self.optim, self.lora.as_ref())
    }
}

/// Settings of supervised fine-tuning (S4 of the paper), and of the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftSettings {
    /// Passes over the rows.
    pub epochs: usize,
    /// Rows of one step.
    pub batch: usize,
    /// Rows that pass through the model at once; gradients add up to those of the
    /// whole step, so it changes memory and rounding only. `None` is all. Where
    /// there are kernels, more than some hundred tokens a thread take turns anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// Make activations again in the backward pass instead of keeping them: less
    /// memory, about a third more time. It changes no result but by rounding.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recompute: bool,
    /// Optimiser.
    #[serde(default)]
    pub optim: OptimConfig,
    /// Adapter to train; without it all weights are trained.
    #[serde(default)]
    pub lora: Option<LoraConfig>,
}

impl SftSettings {
    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// A value outside its range; the message names the field.
    pub fn validate(&self) -> Result<(), SettingsError> {
        check_sizes(self.epochs, self.batch, self.micro_batch)?;
        check_model(&self.optim, self.lora.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schedule() {
        let g = Gamma::default();
        let values: Vec<f64> = (0..3).map(|epoch| g.at(epoch, 1000 * epoch)).collect();
        assert_eq!(values, [0.0, 0.03, 0.06]);
    }

    #[test]
    fn gamma_must_stay_below_one() {
        assert!(Gamma::Constant(1.0).validate(1, 1).is_err());
        assert!(Gamma::Constant(-0.1).validate(1, 1).is_err());
        let steep = Gamma::Growing { start: 0.0, increment: 0.5, per: GammaUnit::Epoch };
        assert!(steep.validate(2, 10).is_ok());
        assert!(steep.validate(3, 10).unwrap_err().to_string().contains("reaches 1"));
    }
}
