//! The table of a judge: a TOML file.

use std::path::{Path, PathBuf};

use seal_endpoint::EndpointSettings;
use seal_judge::prompt::{PairSlots, PromptForm};
use seal_judge::reading::VerdictSettings;
use serde::{Deserialize, Serialize};

use crate::error::JudgingError;
use crate::toml_table::{fault, read_table};

/// Most samples of a pair.
const MOST_SAMPLES: u32 = 100;

/// What a judge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    /// Compares two answers.
    Pairwise,
    /// Rates one answer.
    Rubric,
}

/// A judge, as its table has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeTable {
    /// What the judge does.
    pub kind: TableKind,
    /// The prompt; our own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptSource>,
    /// How a verdict is read.
    #[serde(default)]
    pub verdict: VerdictSettings,
    /// Whom to ask.
    pub endpoint: EndpointSettings,
    /// Seed of the codes around answers.
    #[serde(default)]
    pub seed: u64,
    /// How often each pair is judged in both orders, at least 1. The worth of the pair is the mean over
    /// these samples.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub samples: u32,
    /// Number of prompts that get canaries, 0 for none.
    #[serde(default = "default_canaries")]
    pub canaries: usize,
    /// Largest share of pairs that may be missing, in [0, 1].
    #[serde(default = "default_missing")]
    pub max_missing: f64,
    /// Largest cost of the verdicts of a set, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// Names that the server may give its model. Without any, all verdicts of a set are of one
    /// name, and another is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served_as: Vec<String>,
    /// Whether a model may judge its own answers.
    #[serde(default)]
    pub allow_self: bool,
}

/// Where a prompt's text stands, and what it must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "S: Default + Deserialize<'de>"))]
pub struct PromptSource<S = PairSlots> {
    /// The file, from the folder of the table.
    pub file: PathBuf,
    /// SHA-256 of the file in hexadecimal digits, or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The form of the file.
    #[serde(default)]
    pub form: FormName,
    /// The record of a file of FastChat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Names of its slots.
    #[serde(default)]
    pub slots: S,
    /// Where the text was published, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its licence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// The name of a prompt's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormName {
    /// The user's turn.
    #[default]
    Text,
    /// Turns in ChatML.
    Chatml,
    /// A record of FastChat's JSON lines; `record` names it.
    Fastchat,
}

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

impl<S> PromptSource<S> {
    /// The form with its record.
    ///
    /// # Errors
    /// Why the two do not go together.
    pub(crate) fn prompt_form(&self) -> Result<PromptForm, &'static str> {
        match (self.form, &self.record) {
            (FormName::Text, None) => Ok(PromptForm::Text),
            (FormName::Chatml, None) => Ok(PromptForm::Chatml),
            (FormName::Fastchat, Some(record)) => {
                Ok(PromptForm::Fastchat { record: record.clone() })
            }
            (FormName::Fastchat, None) => {
                Err("prompt.record names the record of a file of FastChat")
            }
            (FormName::Text | FormName::Chatml, Some(_)) => {
                Err("prompt.record is for files of FastChat; remove it, or set prompt.form")
            }
        }
    }
}

impl JudgeTable {
    /// Reads a table; `path` names it in messages.
    ///
    /// # Errors
    /// [`JudgingError::Table`] and [`JudgingError::Settings`] for what is no table of a judge, for
    /// a key in it, and for values that cannot be used.
    pub fn parse(text: &str, path: &Path) -> Result<Self, JudgingError> {
        let table: Self = read_table(text, path)?;
        table.check(path)?;
        Ok(table)
    }

    /// Refuses values that cannot be used; `path` names the table in messages.
    ///
    /// # Errors
    /// As [`JudgeTable::parse`].
    pub fn check(&self, path: &Path) -> Result<(), JudgingError> {
        let of = |source| JudgingError::Settings { path: path.to_owned(), source };
        self.endpoint.check().map_err(of)?;
        self.verdict
            .check()
            .map_err(|source| JudgingError::Reading { path: path.to_owned(), source })?;
        match self.fault() {
            Some(why) => Err(JudgingError::Table { path: path.to_owned(), line: None, why }),
            None => Ok(()),
        }
    }

    fn fault(&self) -> Option<String> {
        let fault = fault(self.max_missing, self.max_cost, &self.served_as);
        if fault.is_some() {
            return fault;
        }
        if !(1..=MOST_SAMPLES).contains(&self.samples) {
            return Some(format!("samples is from 1 to {MOST_SAMPLES}"));
        }
        if self.samples > 1 && self.endpoint.temperature == Some(0.0) {
            let why = "samples above 1 need endpoint.temperature above 0: without it every sample is the \
                       same reply, and each is paid for";
            return Some(why.to_owned());
        }
        if self.samples > 1 && self.endpoint.seed.is_some() {
            let why = "samples above 1 and endpoint.seed do not go together: with one seed every sample \
                       is the same reply; leave out the seed";
            return Some(why.to_owned());
        }
        self.prompt.as_ref().and_then(|prompt| prompt.prompt_form().err()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "[endpoint]\nbase_url = \"https://x.example/v1\"\nmodel = \"m\"\n";

    fn of(head: &str) -> Result<JudgeTable, String> {
        let text = format!("kind = \"pairwise\"\n{head}\n{ENDPOINT}");
        JudgeTable::parse(&text, Path::new("judge.toml")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_table_has_defaults() {
        let table = of("").unwrap();
        assert_eq!((table.canaries, table.max_missing, table.max_cost), (3, 0.05, None));
        assert_eq!(table.prompt, None);
        assert_eq!(table.verdict, VerdictSettings::default());
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_line() {
        insta::assert_snapshot!(of("canary = 3").unwrap_err(), @"judge.toml, line 2: unknown field `canary`, expected one of `kind`, `prompt`, `verdict`, `endpoint`, `seed`, `samples`, `canaries`, `max_missing`, `max_cost`, `served_as`, `allow_self`; did you mean `canaries`?");
        for samples in ["samples = 0", "samples = 101"] {
            assert_eq!(of(samples).unwrap_err(), "judge.toml: samples is from 1 to 100");
        }
        let cold = JudgeTable::parse(
            &format!("kind = \"pairwise\"\nsamples = 3\n{ENDPOINT}temperature = 0\n"),
            Path::new("judge.toml"),
        );
        let said = cold.unwrap_err().to_string();
        assert!(said.contains("samples above 1 need endpoint.temperature above 0"), "{said}");
        assert_eq!(of("samples = 3").unwrap().samples, 3);
        insta::assert_snapshot!(of("max_missing = 5.0").unwrap_err(), @"judge.toml: max_missing is a share, from 0 to 1");
        insta::assert_snapshot!(of("verdict = { first = [] }").unwrap_err(), @"judge.toml: verdict.first and verdict.second need at least one label each");
        insta::assert_snapshot!(of("prompt = { file = \"p\", form = \"fastchat\" }").unwrap_err(), @"judge.toml: prompt.record names the record of a file of FastChat");
        insta::assert_snapshot!(of("kind = \"pairwise\"").unwrap_err(), @"judge.toml, line 2: duplicate key");
    }

    #[test]
    fn a_config_of_a_study_is_told_from_a_table() {
        let of = |text| JudgeTable::parse(text, Path::new("own.toml")).unwrap_err().to_string();
        insta::assert_snapshot!(of("[study]\nname = \"s\"\n[[arms]]\nname = \"a\""), @"own.toml: this is the config of a study; the table of a judge has kind and [endpoint]");
        insta::assert_snapshot!(of("kind = \"pairwise\""), @"own.toml, line 1: missing field `endpoint`");
    }

    #[test]
    fn a_key_in_a_table_is_refused_and_never_quoted() {
        let key = "sk-0123456789abcdefghij";
        for line in [
            format!("api_key = \"{key}\""),
            format!("served_as = [\"{key}\"]"),
            // Broken syntax beside a key.
            format!("served_as = [\"{key}\""),
            format!("canaries = \"{key}\""),
        ] {
            let said = of(&line).unwrap_err();
            assert!(!said.contains("0123456789"), "{said}");
        }
    }
}
