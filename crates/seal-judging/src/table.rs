//! The table of a judge that is asked: a TOML file.

use std::path::Path;

use seal_endpoint::EndpointSettings;
use seal_judge::prompt::{PairSlots, RubricSlots};
use seal_judge::reading::{RatingSettings, ReadingError, VerdictSettings};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::JudgingError;
use crate::kind::TableKind;
use crate::local::LocalModel;
use crate::source::PromptSource;
use crate::toml_table::read_table;

/// How the replies of a kind of judges are read, as a table has it.
pub trait ReplySettings: Default + Serialize + DeserializeOwned {
    /// The kind of judges.
    const KIND: TableKind;

    /// Refuses settings by which nothing can be read.
    ///
    /// # Errors
    /// [`ReadingError`] with the setting at fault.
    fn check(&self) -> Result<(), ReadingError>;
}

impl ReplySettings for VerdictSettings {
    const KIND: TableKind = TableKind::Pairwise;

    fn check(&self) -> Result<(), ReadingError> {
        Self::check(self)
    }
}

impl ReplySettings for RatingSettings {
    const KIND: TableKind = TableKind::Rubric;

    fn check(&self) -> Result<(), ReadingError> {
        Self::check(self)
    }
}

/// A judge that is asked, as its table has it. `S` has the names of its prompt's slots, `V` says how
/// a reply is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(bound(deserialize = "S: Default + Deserialize<'de>, V: Default + Deserialize<'de>"))]
pub struct AskedTable<S, V> {
    /// What the judge does.
    pub kind: TableKind,
    /// The prompt; our own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptSource<S>>,
    /// The policy by which answers are rated, for prompts with a slot for one; our own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// How a reply is read.
    #[serde(default)]
    pub verdict: V,
    /// The server to ask. A table has it or a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointSettings>,
    /// The model on this machine to ask. A table has it or an endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<LocalModel>,
    /// Seed of the codes around answers.
    #[serde(default)]
    pub seed: u64,
    /// Of a judge of pairs: how often each pair is judged in both orders, from 1 to 100. The worth of
    /// the pair is the mean over these samples. A judge that rates single answers takes 1 alone.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub samples: u32,
    /// Number of prompts, or of answers, that get canaries; 0 for none.
    #[serde(default = "default_canaries")]
    pub canaries: usize,
    /// Largest share of pairs, or of answers, that may be missing, in [0, 1].
    #[serde(default = "default_missing")]
    pub max_missing: f64,
    /// Largest cost of the replies of a set, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// Names that the server may give its model. Without any, all replies of a set are of one name,
    /// and another is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served_as: Vec<String>,
    /// Whether a model may judge its own answers.
    #[serde(default)]
    pub allow_self: bool,
}

/// A judge that compares two answers, as its table has it.
pub type JudgeTable = AskedTable<PairSlots, VerdictSettings>;

/// A judge that rates answers, as its table has it.
pub type RubricTable = AskedTable<RubricSlots, RatingSettings>;

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(samples: &u32) -> bool {
    *samples == 1
}

fn default_canaries() -> usize {
    3
}

fn default_missing() -> f64 {
    0.05
}

impl<S, V: ReplySettings> AskedTable<S, V> {
    /// Reads a table; `path` names it in messages.
    ///
    /// # Errors
    /// [`JudgingError::Kind`] for a judge that does something else; [`JudgingError::Table`],
    /// [`JudgingError::Settings`] and [`JudgingError::Reading`] for what is no table of a judge, for
    /// a key in it, and for values that cannot be used.
    pub fn parse(text: &str, path: &Path) -> Result<Self, JudgingError>
    where
        S: Default + DeserializeOwned,
    {
        let table: Self = read_table(text, path, V::KIND)?;
        table.check(path)?;
        Ok(table)
    }

    /// Refuses values that cannot be used; `path` names the table in messages.
    ///
    /// # Errors
    /// As [`AskedTable::parse`].
    pub fn check(&self, path: &Path) -> Result<(), JudgingError> {
        let at = || path.to_owned();
        if let Some(endpoint) = &self.endpoint {
            endpoint.check().map_err(|source| JudgingError::Settings { path: at(), source })?;
        }
        self.verdict.check().map_err(|source| JudgingError::Reading { path: at(), source })?;
        match self.fault() {
            Some(why) => Err(JudgingError::Table { path: at(), line: None, why: why.to_owned() }),
            None => Ok(()),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        match (&self.endpoint, &self.model) {
            (Some(_), Some(_)) => {
                return Some(
                    "it has [endpoint] and [model]: a judge is one of both; remove the other",
                );
            }
            (None, None) => {
                return Some(
                    "it names no judge: write [endpoint] for a server, or [model] for a model on \
                     this machine",
                );
            }
            (None, Some(model)) => {
                if self.max_cost.is_some() {
                    return Some("max_cost is for servers; a model on this machine costs nothing");
                }
                if !self.served_as.is_empty() {
                    return Some("served_as is for servers; a model on this machine has one name");
                }
                if let Some(fault) = model.fault() {
                    return Some(fault);
                }
            }
            (Some(_), None) => {}
        }
        if !(0.0..=1.0).contains(&self.max_missing) {
            return Some("max_missing is a share, from 0 to 1");
        }
        if self.max_cost.is_some_and(|cost| !(cost.is_finite() && cost >= 0.0)) {
            return Some("max_cost is a number, 0 or more");
        }
        if self.served_as.iter().any(|name| name.trim().is_empty()) {
            return Some("served_as holds an empty name; remove it");
        }
        match (&self.policy, V::KIND) {
            (Some(_), TableKind::Pairwise) => {
                return Some("policy is for judges that rate one answer; remove it");
            }
            (Some(policy), TableKind::Rubric) if policy.trim().is_empty() => {
                return Some("policy is empty; remove it, and our own holds");
            }
            _ => {}
        }
        if let Some(fault) = self.fault_of_samples() {
            return Some(fault);
        }
        self.prompt.as_ref().and_then(|prompt| prompt.prompt_form().err())
    }

    fn fault_of_samples(&self) -> Option<&'static str> {
        let endpoint = self.endpoint.as_ref();
        match (self.samples, V::KIND) {
            (1, _) => None,
            (_, TableKind::Rubric) => Some("samples is for judges of pairs; remove it"),
            (0 | 101.., _) => Some("samples is from 1 to 100"),
            _ if self.model.is_some() => Some(
                "samples is for servers; a model on this machine gives the same reply each time",
            ),
            _ if endpoint.is_some_and(|e| e.temperature == Some(0.0)) => Some(
                "samples above 1 need endpoint.temperature above 0: without it every sample is the \
                 same reply, and each is paid for",
            ),
            _ if endpoint.is_some_and(|e| e.seed.is_some()) => Some(
                "samples above 1 and endpoint.seed do not go together: with one seed every sample is \
                 the same reply; leave out the seed",
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
