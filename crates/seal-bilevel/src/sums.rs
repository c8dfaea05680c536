//! Sums over the steps of an epoch, and what the epochs before it came to.

use serde::{Deserialize, Serialize};

use crate::learned::EpochTrace;
use crate::position::StepPosition;

/// All that a run has summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunSums {
    /// Sum of the losses of this epoch; mean losses of the epochs before.
    Supervised {
        sum: f64,
        losses: Vec<f64>,
    },
    Bilevel {
        epoch: EpochSums,
        trace: Vec<EpochTrace>,
    },
}

/// Running means over the steps of a bilevel epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochSums {
    pub(crate) gamma: f64,
    pub(crate) safe_loss: Mean,
    pub(crate) row_loss: Mean,
}

impl EpochSums {
    pub(crate) fn add(
        &mut self,
        at: StepPosition,
        gamma: f64,
        safe_losses: &[f64],
        losses: &[f64],
    ) {
        // A mean of equal numbers is that number, to the last bit.
        self.gamma += (gamma - self.gamma) / (at.in_epoch + 1) as f64;
        safe_losses.iter().for_each(|l| self.safe_loss.add(*l));
        losses.iter().for_each(|l| self.row_loss.add(*l));
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.sum += x;
        self.n += 1;
    }

    pub(crate) fn get(&self) -> f64 {
        self.sum / self.n.max(1) as f64
    }
}
