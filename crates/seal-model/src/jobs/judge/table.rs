//! Tables of judges that are models: TOML files.

use std::path::Path;

use seal_data::TemplateSetting;
use seal_judge::pointwise::GuardVerdictSettings;
use seal_judging::no_kind;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::prompt_settings::GuardPromptSettings;
use super::sequence::ControlTokens;
use crate::overrides::TableError;
use crate::{JudgeModelError, ModelError, ModelFolder};

/// Kinds of judges that are models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelTableKind {
    /// Says whether an answer does harm.
    Guard,
    /// Scores an answer.
    Reward,
}

/// A guard, as its table has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardTable {
    /// [`ModelTableKind::Guard`].
    pub kind: ModelTableKind,
    /// The model.
    pub model: ModelFolder,
    /// The model's licence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What the judge is shown.
    #[serde(default)]
    pub prompt: GuardPromptSettings,
    /// The chat template, of the model folder unless given.
    #[serde(default = "TemplateSetting::chat")]
    pub template: TemplateSetting,
    /// How its verdict is read.
    pub verdict: GuardVerdictSettings,
    /// Longest part of an answer that is shown, in tokens; all of it unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_answer_tokens: Option<usize>,
    /// What control tokens in requests and answers are.
    #[serde(default)]
    pub control_tokens: ControlTokens,
    /// Answers that are judged side by side.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Number of answers that get canaries, 0 for none.
    #[serde(default = "default_canaries")]
    pub canaries: usize,
    /// Largest share of answers without a verdict, and of verdicts below the least mass, in [0, 1].
    #[serde(default = "default_missing")]
    pub max_missing: f64,
    /// Whether a study's own model may judge its answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_self: bool,
}

/// A reward model, as its table has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardTable {
    /// [`ModelTableKind::Reward`].
    pub kind: ModelTableKind,
    /// The model.
    pub model: ModelFolder,
    /// The model's licence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The chat template, of the model folder unless given.
    #[serde(default = "TemplateSetting::chat")]
    pub template: TemplateSetting,
    /// Difference of scores up to which two answers to one prompt tie.
    #[serde(default)]
    pub tie: f64,
    /// Longest part of an answer that is shown, in tokens; all of it unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_answer_tokens: Option<usize>,
    /// What control tokens in requests and answers are.
    #[serde(default)]
    pub control_tokens: ControlTokens,
    /// Answers that are scored side by side.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Number of answers that get canaries, 0 for none.
    #[serde(default = "default_canaries")]
    pub canaries: usize,
    /// Largest share of answers without a score, in [0, 1].
    #[serde(default = "default_missing")]
    pub max_missing: f64,
    /// Whether a study's own model may judge its answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_self: bool,
}

fn default_batch() -> usize {
    16
}

fn default_canaries() -> usize {
    3
}

fn default_missing() -> f64 {
    0.05
}

/// The `kind` of the table `text`, by which a caller chooses who reads it; `path` is for messages.
///
/// # Errors
/// [`JudgeModelError::Table`] for what is no TOML or has no kind.
pub fn table_kind(text: &str, path: &Path) -> Result<String, ModelError> {
    let table: toml::Table = read(text, path)?;
    match table.get("kind").and_then(toml::Value::as_str) {
        Some(kind) => Ok(kind.to_owned()),
        None => Err(fault(path, &no_kind(table.keys().map(String::as_str)))),
    }
}

impl GuardTable {
    /// Reads a table; `path` names it in messages.
    ///
    /// # Errors
    /// [`JudgeModelError::Table`] and [`JudgeModelError::Verdict`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ModelError> {
        let table: Self = read(text, path)?;
        table.check(path)?;
        Ok(table)
    }

    /// Refuses values that cannot be used; `path` names the table in messages.
    ///
    /// # Errors
    /// As [`GuardTable::parse`].
    pub fn check(&self, path: &Path) -> Result<(), ModelError> {
        if self.kind != ModelTableKind::Guard {
            return Err(fault(path, "kind is \"guard\" for a judge that looks for harm"));
        }
        let shared =
            shared_fault(self.batch, self.max_missing, self.max_answer_tokens, &self.template);
        if let Some(why) = shared.or_else(|| self.prompt.fault()) {
            return Err(fault(path, why));
        }
        let of = |source| JudgeModelError::Verdict { path: path.to_owned(), source };
        Ok(self.verdict.check().map_err(of)?)
    }
}

impl RewardTable {
    /// Reads a table; `path` names it in messages.
    ///
    /// # Errors
    /// [`JudgeModelError::Table`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ModelError> {
        let table: Self = read(text, path)?;
        table.check(path)?;
        Ok(table)
    }

    /// Refuses values that cannot be used; `path` names the table in messages.
    ///
    /// # Errors
    /// As [`RewardTable::parse`].
    pub fn check(&self, path: &Path) -> Result<(), ModelError> {
        if self.kind != ModelTableKind::Reward {
            return Err(fault(path, "kind is \"reward\" for a judge that scores answers"));
        }
        let shared =
            shared_fault(self.batch, self.max_missing, self.max_answer_tokens, &self.template);
        if let Some(why) = shared {
            return Err(fault(path, why));
        }
        match self.tie.is_finite() && self.tie >= 0.0 {
            true => Ok(()),
            false => Err(fault(path, "tie is a difference of scores, 0 or more")),
        }
    }
}

fn shared_fault(
    batch: usize,
    max_missing: f64,
    max_answer_tokens: Option<usize>,
    template: &TemplateSetting,
) -> Option<&'static str> {
    if batch == 0 {
        return Some("batch is at least 1");
    }
    if !(0.0..=1.0).contains(&max_missing) {
        return Some("max_missing is a share, from 0 to 1");
    }
    if max_answer_tokens == Some(0) {
        return Some("max_answer_tokens is at least 1; without it whole answers are shown");
    }
    match template {
        TemplateSetting::Prompt(_) => {
            Some("template is \"chat\" or a table such as { chat = \"FILE.jinja\" }")
        }
        TemplateSetting::Chat { .. } => None,
    }
}

fn read<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, ModelError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let (path, why) = (path.to_owned(), TableError::of(error.message()).to_string());
        JudgeModelError::Table { path, line, why }.into()
    })
}

fn fault(path: &Path, why: &str) -> ModelError {
    JudgeModelError::Table { path: path.to_owned(), line: None, why: why.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: &str = "kind = \"guard\"\n";
    const MODEL: &str = "[model]\npath = \"m\"\n[verdict]\nreply = \"wildguard\"\n";

    fn guard(head: &str) -> Result<GuardTable, String> {
        let text = format!("{GUARD}{head}\n{MODEL}");
        GuardTable::parse(&text, Path::new("j.toml")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_table_has_defaults() {
        let table = guard("").unwrap();
        assert_eq!((table.batch, table.canaries, table.max_missing), (16, 3, 0.05));
        assert_eq!(table.control_tokens, ControlTokens::Plain);
        assert_eq!(table.template, TemplateSetting::chat());
        let text = "kind = \"reward\"\n[model]\npath = \"m\"\n";
        let reward = RewardTable::parse(text, Path::new("j.toml")).unwrap();
        assert_eq!((reward.tie, reward.kind), (0.0, ModelTableKind::Reward));
        assert_eq!(table_kind(text, Path::new("j.toml")).unwrap(), "reward");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |head: &str| guard(head).unwrap_err();
        insta::assert_snapshot!(error("canary = 3"), @"j.toml, line 2: unknown field `canary`, expected one of `kind`, `model`, `licence`, `prompt`, `template`, `verdict`, `max_answer_tokens`, `control_tokens`, `batch`, `canaries`, `max_missing`, `allow_self`; did you mean `canaries`?");
        insta::assert_snapshot!(error("batch = 0"), @"j.toml: batch is at least 1");
        insta::assert_snapshot!(error("max_missing = 2.0"), @"j.toml: max_missing is a share, from 0 to 1");
        insta::assert_snapshot!(error("max_answer_tokens = 0"), @"j.toml: max_answer_tokens is at least 1; without it whole answers are shown");
        insta::assert_snapshot!(error("template = \"Q: {}\""), @r#"j.toml: template is "chat" or a table such as { chat = "FILE.jinja" }"#);
        insta::assert_snapshot!(error("prompt = { form = \"raw\" }"), @"j.toml: prompt.file names the file of the prompt");
        insta::assert_snapshot!(error("prompt = { file = \"p.txt\" }"), @r#"j.toml: prompt.file is not used by the form "chat"; remove it, or set prompt.form"#);
        let verdict = "kind = \"guard\"\n[model]\npath = \"m\"\n[verdict]\ngood = [\"a\"]\n";
        let found = GuardTable::parse(verdict, Path::new("j.toml")).unwrap_err().to_string();
        insta::assert_snapshot!(found, @"j.toml: verdict.good and verdict.bad need at least one token each");
        let kind = table_kind("x = 1", Path::new("j.toml")).unwrap_err().to_string();
        insta::assert_snapshot!(kind, @r#"j.toml: `kind` is missing; its keys are `x`; a judge that is a model has the kind "guard", "reward", "rubric" or "pairwise""#);
    }
}
