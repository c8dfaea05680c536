//! What a check came to.

use serde::Serialize;

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckOutcome {
    /// Name of the check, such as `llama/losses`.
    pub check: String,
    /// Whether the device does what the reference does.
    #[serde(flatten)]
    pub state: CheckState,
    /// The largest difference that is allowed.
    pub tolerance: f64,
    /// Why it is not smaller.
    pub reason: &'static str,
    /// Seconds of the first run on the device, in which kernels are compiled.
    pub seconds: f64,
    /// Seconds of the second run on the device; none where there was no second.
    pub seconds_again: Option<f64>,
    /// Seconds of the run on the reference.
    pub reference_seconds: f64,
}

/// Whether the device does what the reference does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CheckState {
    /// The difference is within the tolerance, in both runs.
    Passed {
        /// The largest difference from the reference.
        difference: f64,
        /// The quantity that differs most.
        of: String,
        /// The second run beside the first.
        repeat: Repeat,
    },
    /// It is not, or the path gave nothing that could be compared.
    Failed {
        /// The largest difference, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        difference: Option<f64>,
        /// What is wrong.
        said: String,
    },
    /// The device lacks what the path needs.
    Skipped {
        /// What it lacks.
        said: String,
    },
}

/// A second run on the device beside the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// All bits are the same.
    SameBits,
    /// The largest difference between the runs.
    Apart(f64),
}

impl CheckOutcome {
    /// Whether the device does something else than the reference.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, CheckState::Failed { .. })
    }
}
