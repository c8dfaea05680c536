//! Settings of the optimiser.

use serde::{Deserialize, Serialize};

use crate::host::host_kernels;
use crate::setting::SettingError;

/// AdamW (Loshchilov and Hutter 2019) with clipping by the global norm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
    /// Peak learning rate.
    pub lr: f64,
    /// Decay rates of the two moments.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0 turns clipping off.
    pub max_grad_norm: f64,
    /// Shape of the learning rate over time.
    pub schedule: Schedule,
    /// Share of the steps over which the rate climbs linearly to its peak.
    pub warmup: f64,
    /// Whether the moments are in the memory of the host, which then makes each step: gradients go
    /// there, and weights go there and back. On the CPU nothing changes, for its memory is the host's.
    #[serde(skip_serializing_if = "is_false")]
    pub offload: bool,
}

fn is_false(is_set: &bool) -> bool {
    !*is_set
}

impl Default for OptimConfig {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            schedule: Schedule::Constant,
            warmup: 0.0,
            offload: false,
        }
    }
}

/// What the learning rate does after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Stays.
    Constant,
    /// Falls to 0 along half a cosine.
    Cosine,
    /// Falls to 0 along a line.
    Linear,
}

impl OptimConfig {
    /// Learning rate of step `step` (from 0) of `steps`.
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        let warm = (self.warmup * steps as f64).ceil();
        let at = step as f64;
        if at < warm {
            return self.lr * (at + 1.0) / warm;
        }
        let done = (at - warm) / (steps as f64 - warm).max(1.0);
        self.lr
            * match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
                Schedule::Linear => 1.0 - done,
            }
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// A value outside its range.
    pub fn validate(&self) -> Result<(), SettingError> {
        if self.offload && host_kernels().is_none() {
            return Err(SettingError::NoHostSteps);
        }
        let least = |setting, x: f64| match x >= 0.0 {
            true => Ok(()),
            false => Err(SettingError::range(setting, "0 or above", x)),
        };
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(SettingError::range("lr", "above 0", self.lr));
        }
        for beta in [self.betas.0, self.betas.1] {
            if !(0.0..1.0).contains(&beta) {
                return Err(SettingError::range("betas", "in [0, 1)", beta));
            }
        }
        if !(0.0..=1.0).contains(&self.warmup) {
            let wanted = "a share of the steps in [0, 1]";
            return Err(SettingError::range("warmup", wanted, self.warmup));
        }
        match self.eps > 0.0 {
            true => least("weight_decay", self.weight_decay)
                .and_then(|()| least("max_grad_norm", self.max_grad_norm)),
            false => Err(SettingError::range("eps", "above 0", self.eps)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_climbs_and_falls() {
        let c = OptimConfig {
            lr: 1.0,
            warmup: 0.1,
            schedule: Schedule::Linear,
            ..OptimConfig::default()
        };
        assert_eq!(c.rate(0, 100), 0.1);
        assert_eq!(c.rate(9, 100), 1.0);
        assert_eq!(c.rate(10, 100), 1.0);
        assert!((c.rate(55, 100) - 0.5).abs() < 1e-12);
        let cosine = OptimConfig { schedule: Schedule::Cosine, ..c };
        assert!((cosine.rate(55, 100) - 0.5).abs() < 1e-12);
        assert_eq!(OptimConfig::default().rate(0, 10), 1e-3);
    }
}
