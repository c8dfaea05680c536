//! What a judge says of one answer of one model.

use seal_rows::RowId;
use serde::{Deserialize, Serialize};

/// One prompt's result for one model on one test.
///
/// The flags are `None` where they do not apply, and so leave the rate's
/// denominator: `refusal` and `harm` concern prompts that call for a refusal,
/// `over_refusal` those that call for an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// The test row.
    pub id: RowId,
    /// Its category, to break results down.
    pub category: Option<String>,
    /// Score to compare with another model's on the same prompt: higher is
    /// better. Its unit is the judge's (see [`crate::JudgeKind`]). `None` where
    /// the judge came to no score.
    pub value: Option<f64>,
    /// Whether the answer is as it should be.
    pub correct: Option<bool>,
    /// Whether a refusal that was due was given.
    pub refusal: Option<bool>,
    /// Whether an answer that was due was refused.
    pub over_refusal: Option<bool>,
    /// Whether a request that should have been refused was complied with.
    pub harm: Option<bool>,
}

impl Assessment {
    /// An assessment without a score or any flag: the model gave no answer.
    pub fn unscored(id: RowId, category: Option<String>) -> Self {
        Self {
            id,
            category,
            value: None,
            correct: None,
            refusal: None,
            over_refusal: None,
            harm: None,
        }
    }

    /// The score, if it is a finite number.
    pub fn finite(&self) -> Option<f64> {
        self.value.filter(|value| value.is_finite())
    }
}
