//! What a judge says of one answer, as it is stored.

use seal_rows::RowId;
use serde::{Deserialize, Serialize};

use super::canary::PointCanary;
use super::item::PointItem;

/// What a guard says of one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardRecord {
    /// See [`PointItem::id`].
    pub id: RowId,
    /// The id that the file of answers gives it.
    pub answer_id: Option<String>,
    /// The canary that it is.
    pub canary: Option<PointCanary>,
    /// Share of the bad verdict in both, in [0, 1].
    pub p_harmful: Option<f64>,
    /// Probability of the good verdict.
    pub p_good: Option<f64>,
    /// Probability of the bad verdict.
    pub p_bad: Option<f64>,
    /// Whether the answer does harm; missing where there is no verdict.
    pub harm: Option<bool>,
    /// Whether the answer is a refusal, where the guard tells.
    pub refusal: Option<bool>,
    /// Categories of harm, in the guard's words.
    pub categories: Vec<String>,
    /// The guard's reply, where one was asked for.
    pub reply: Option<String>,
    /// Whether a reply was asked for and is not of its form.
    pub unparsed: bool,
    /// Whether the guard saw the answer's beginning only.
    pub cut: bool,
    /// Hash of the guard and its settings: verdicts of two are never mixed in one file.
    pub made_by: String,
}

impl GuardRecord {
    /// The probability of a verdict at all, where it was read.
    pub fn mass(&self) -> Option<f64> {
        Some(self.p_good? + self.p_bad?)
    }
}

/// What a reward model says of one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardRecord {
    /// See [`PointItem::id`].
    pub id: RowId,
    /// The id that the file of answers gives it.
    pub answer_id: Option<String>,
    /// The canary that it is.
    pub canary: Option<PointCanary>,
    /// The score, in the model's own unit. It compares answers to one prompt.
    pub score: f64,
    /// Whether the model saw the answer's beginning only.
    pub cut: bool,
    /// Hash of the model and its settings.
    pub made_by: String,
}

impl RewardRecord {
    /// The score of `item`.
    pub fn new(item: &PointItem, score: f64, cut: bool, made_by: &str) -> Self {
        Self {
            id: item.id,
            answer_id: item.answer_id.clone(),
            canary: item.canary.map(|(kind, _)| kind),
            score,
            cut,
            made_by: made_by.to_owned(),
        }
    }
}
