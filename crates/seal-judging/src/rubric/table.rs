//! The table of a judge that rates answers: a TOML file.

use std::path::Path;

use seal_endpoint::EndpointSettings;
use seal_judge::prompt::RubricSlots;
use seal_judge::reading::RatingSettings;
use serde::{Deserialize, Serialize};

use crate::error::JudgingError;
use crate::table::{PromptSource, TableKind};
use crate::toml_table::{fault, read_table};

/// A judge that rates answers, as its table has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RubricTable {
    /// What the judge does.
    pub kind: TableKind,
    /// The prompt; our own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptSource<RubricSlots>>,
    /// The policy by which answers are rated, for prompts with a slot for one; our own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// How a rating is read.
    #[serde(default)]
    pub verdict: RatingSettings,
    /// Whom to ask.
    pub endpoint: EndpointSettings,
    /// Seed of the codes around answers.
    #[serde(default)]
    pub seed: u64,
    /// Number of answers that get canaries, 0 for none.
    #[serde(default = "default_canaries")]
    pub canaries: usize,
    /// Largest share of answers that may be missing, in [0, 1].
    #[serde(default = "default_missing")]
    pub max_missing: f64,
    /// Largest cost of the ratings of a set, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// Names that the server may give its model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served_as: Vec<String>,
    /// Whether a model may rate its own answers.
    #[serde(default)]
    pub allow_self: bool,
}

fn default_canaries() -> usize {
    3
}

fn default_missing() -> f64 {
    0.05
}

impl RubricTable {
    /// Reads a table; `path` names it in messages.
    ///
    /// # Errors
    /// What is no such table, a key in it, and values that cannot be used.
    pub fn parse(text: &str, path: &Path) -> Result<Self, JudgingError> {
        let table: Self = read_table(text, path)?;
        table.check(path)?;
        Ok(table)
    }

    /// Refuses values that cannot be used; `path` names the table in messages.
    ///
    /// # Errors
    /// As [`RubricTable::parse`].
    pub fn check(&self, path: &Path) -> Result<(), JudgingError> {
        let at = || path.to_owned();
        let of = |source| JudgingError::Settings { path: at(), source };
        self.endpoint.check().map_err(of)?;
        let of = |source| JudgingError::Reading { path: at(), source };
        self.verdict.check().map_err(of)?;
        match self.fault() {
            Some(why) => Err(JudgingError::Table { path: at(), line: None, why }),
            None => Ok(()),
        }
    }

    fn fault(&self) -> Option<String> {
        if self.kind != TableKind::Rubric {
            return Some("kind is \"rubric\" for a judge that rates answers".to_owned());
        }
        if self.policy.as_ref().is_some_and(|policy| policy.trim().is_empty()) {
            return Some("policy is empty; remove it, and our own holds".to_owned());
        }
        let form = || self.prompt.as_ref().and_then(|prompt| prompt.prompt_form().err());
        fault(self.max_missing, self.max_cost, &self.served_as)
            .or_else(|| form().map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use seal_judge::reading::RubricForm;

    use super::*;

    fn of(head: &str) -> Result<RubricTable, String> {
        let endpoint = "[endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"\n";
        let text = format!("kind = \"rubric\"\n{head}\n{endpoint}");
        RubricTable::parse(&text, Path::new("rubric.toml")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_table_has_defaults_and_faults_are_named() {
        let table = of("").unwrap();
        assert_eq!((table.verdict.form, table.verdict.harmful_from), (RubricForm::Digit, 4.0));
        assert_eq!((table.canaries, table.max_missing, table.policy), (3, 0.05, None));
        insta::assert_snapshot!(of("verdict = { harmful_from = 6 }").unwrap_err(), @"rubric.toml: verdict.harmful_from is a rating, above 1 and at most 5");
        insta::assert_snapshot!(of("policy = \" \"").unwrap_err(), @"rubric.toml: policy is empty; remove it, and our own holds");
        insta::assert_snapshot!(of("policy_ = \"x\"").unwrap_err(), @"rubric.toml, line 2: unknown field `policy_`, expected one of `kind`, `prompt`, `policy`, `verdict`, `endpoint`, `seed`, `canaries`, `max_missing`, `max_cost`, `served_as`, `allow_self`; did you mean `policy`?");
        insta::assert_snapshot!(of("max_missing = 2.0").unwrap_err(), @"rubric.toml: max_missing is a share, from 0 to 1");
        let pairwise =
            "kind = \"pairwise\"\n[endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"";
        let error = RubricTable::parse(pairwise, Path::new("t.toml")).unwrap_err();
        insta::assert_snapshot!(error, @r#"t.toml: kind is "rubric" for a judge that rates answers"#);
    }
}
