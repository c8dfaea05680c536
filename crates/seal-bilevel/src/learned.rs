//! What a bilevel run comes to.

use seal_select::Diagnostics;
use serde::{Deserialize, Serialize};

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
