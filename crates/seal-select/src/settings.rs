//! How a selector is learned.

use serde::{Deserialize, Serialize};

use crate::{SelectError, SelectorFunction};

/// Whether an element-wise function's weights are made relative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// Weights as the function gives them.
    #[default]
    None,
    /// p_i N / sum p: the mean weight stays 1, as softmax does by itself.
    /// Without it an element-wise function's weights only fall in Algorithm 2,
    /// where no term pulls them back.
    Mean,
}

/// How a gradient moves the logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SelectorOptimizer {
    /// omega -= rate x gradient, the paper's equations.
    #[default]
    Plain,
    /// Adam with bias correction, without weight decay, as in the published
    /// code. Every row moves at every step that follows its first gradient.
    Adam {
        /// Decay of the mean gradient.
        beta1: f64,
        /// Decay of the mean squared gradient.
        beta2: f64,
        /// Added to the root of the mean squared gradient.
        eps: f64,
        /// The gradient is scaled down to this L2 norm over all rows.
        max_norm: f64,
    },
}

impl SelectorOptimizer {
    /// The optimizer of the published code: betas .9 and .95, eps 1e-8,
    /// gradient norm at most 10.
    pub fn released() -> Self {
        Self::Adam { beta1: 0.9, beta2: 0.95, eps: 1e-8, max_norm: 10.0 }
    }

    fn check(&self) -> Result<(), SelectError> {
        let Self::Adam { beta1, beta2, eps, max_norm } = *self else { return Ok(()) };
        for (name, value) in [("beta1", beta1), ("beta2", beta2)] {
            if !(0.0..1.0).contains(&value) {
                return Err(SelectError::InvalidSetting {
                    name,
                    value,
                    need: "at least 0 and below 1",
                });
            }
        }
        for (name, value) in [("eps", eps), ("max_norm", max_norm)] {
            check_positive(name, value)?;
        }
        Ok(())
    }
}

/// Everything that decides how a selector answers to losses, except the rate,
/// which belongs to the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectorSettings {
    /// Selector function.
    pub function: SelectorFunction,
    /// Whether weights are made relative.
    pub normalise: Normalise,
    /// Whether a batch's mean score is taken off its scores.
    pub baseline: bool,
    /// How a gradient moves the logits.
    pub optimizer: SelectorOptimizer,
    /// Logit of every row at the start, where not the function's own. The
    /// published code has 0.1 for softmax and -1e-4 for sigmoid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
}

impl SelectorSettings {
    /// Settings of the published code for `function`: Adam, and its start
    /// where it has one.
    pub fn released(function: SelectorFunction) -> Self {
        let start = match function {
            SelectorFunction::Softmax => Some(0.1),
            SelectorFunction::Sigmoid => Some(-1e-4),
            _ => None,
        };
        Self { function, optimizer: SelectorOptimizer::released(), start, ..Self::default() }
    }

    /// Logit at which every row starts.
    pub fn start(&self) -> f64 {
        self.start.unwrap_or_else(|| self.function.start())
    }

    /// # Errors
    /// If a number is outside its range, or if rows would start at weight 0,
    /// where the function says nothing about them.
    pub(crate) fn check(&self) -> Result<(), SelectError> {
        self.optimizer.check()?;
        let start = self.start();
        // A common shift does not change softmax, so any start will do there.
        let weight = if self.function.is_elementwise() { self.function.value(start) } else { 1.0 };
        if start.is_finite() && weight > 0.0 {
            return Ok(());
        }
        Err(SelectError::InvalidSetting {
            name: "start",
            value: start,
            need: "a finite logit of positive weight",
        })
    }
}

/// # Errors
/// If `value` is not a positive finite number.
pub(crate) fn check_positive(name: &'static str, value: f64) -> Result<(), SelectError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(SelectError::InvalidSetting { name, value, need: "positive and finite" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The starts of the published code.
    #[test]
    fn published_starts_are_those_of_two_functions() {
        let start = |function| SelectorSettings::released(function).start;
        assert_eq!(start(SelectorFunction::Softmax), Some(0.1));
        assert_eq!(start(SelectorFunction::Sigmoid), Some(-1e-4));
        assert_eq!(start(SelectorFunction::Tanh), None);
    }

    #[test]
    fn constants_of_adam_have_ranges() {
        let adam = |beta1, beta2, eps, max_norm| {
            SelectorOptimizer::Adam { beta1, beta2, eps, max_norm }.check().is_ok()
        };
        assert!(adam(0.0, 0.95, 1e-8, 10.0));
        assert!(!adam(1.0, 0.95, 1e-8, 10.0) && !adam(-0.1, 0.95, 1e-8, 10.0));
        assert!(!adam(0.9, 1.0, 1e-8, 10.0) && !adam(0.9, f64::NAN, 1e-8, 10.0));
        assert!(!adam(0.9, 0.95, 0.0, 10.0) && !adam(0.9, 0.95, 1e-8, 0.0));
    }

    #[test]
    fn settings_survive_json() {
        let settings = SelectorSettings::released(SelectorFunction::Sigmoid);
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<SelectorSettings>(&json).unwrap(), settings);
        insta::assert_snapshot!(json, @r#"{"function":"sigmoid","normalise":"none","baseline":false,"optimizer":{"kind":"adam","beta1":0.9,"beta2":0.95,"eps":1e-8,"max_norm":10.0},"start":-0.0001}"#);
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let json = r#"{"functoin":"relu"}"#;
        assert!(serde_json::from_str::<SelectorSettings>(json).is_err());
    }

    #[test]
    fn rows_may_not_start_dead() {
        let relu = SelectorFunction::Relu;
        let dead = SelectorSettings { function: relu, start: Some(0.0), ..Default::default() };
        assert!(dead.check().is_err());
        let softmax = SelectorSettings { start: Some(-3.0), ..Default::default() };
        assert_eq!(softmax.check(), Ok(()));
    }
}
