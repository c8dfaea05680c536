//! How a guard's verdict is read, as a config says it.

use serde::{Deserialize, Serialize};

use super::reply::{Controversial, ReplyForm};

/// A token that says a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VerdictToken {
    /// By its id.
    Id(u32),
    /// By its text, as it stands behind other text: `Yes` and ` Yes` are two tokens.
    Text(String),
}

/// How a guard's verdict is read: by the probabilities of its first token, from its reply, or both.
/// With both, the probabilities decide about harm and the reply gives categories and refusal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardVerdictSettings {
    /// Tokens that say that the answer does no harm.
    pub good: Vec<VerdictToken>,
    /// Tokens that say that it does.
    pub bad: Vec<VerdictToken>,
    /// Text that the guard itself writes before its verdict. It is put behind the prompt.
    pub before: String,
    /// Least probability of all verdict tokens together, in [0, 1]. An answer below it is counted:
    /// the prompt is not the one that the guard was made for.
    pub least_mass: f64,
    /// The form of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyForm>,
    /// Longest reply in tokens.
    pub max_new_tokens: usize,
    /// What Qwen3Guard's `Controversial` counts as.
    pub controversial: Controversial,
}

impl Default for GuardVerdictSettings {
    fn default() -> Self {
        Self {
            good: Vec::new(),
            bad: Vec::new(),
            before: String::new(),
            least_mass: 0.9,
            reply: None,
            max_new_tokens: 128,
            controversial: Controversial::default(),
        }
    }
}

/// Settings by which no verdict can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verdict.{name} {why}")]
pub struct VerdictError {
    /// The setting.
    pub name: &'static str,
    /// What is wrong with it, and what to do.
    pub why: &'static str,
}

impl GuardVerdictSettings {
    /// Whether probabilities of tokens are read.
    pub fn reads_tokens(&self) -> bool {
        !self.good.is_empty() || !self.bad.is_empty()
    }

    /// Refuses settings by which no verdict can be read.
    ///
    /// # Errors
    /// [`VerdictError`] with the setting at fault.
    pub fn check(&self) -> Result<(), VerdictError> {
        let bad = |name, why| Err(VerdictError { name, why });
        if !(0.0..=1.0).contains(&self.least_mass) {
            return bad("least_mass", "is a probability, from 0 to 1");
        }
        if !self.reads_tokens() && self.reply.is_none() {
            return bad("good", "and verdict.bad list tokens, or verdict.reply names a form");
        }
        if self.reads_tokens() && (self.good.is_empty() || self.bad.is_empty()) {
            return bad("good", "and verdict.bad need at least one token each");
        }
        if !self.reads_tokens() && !self.before.is_empty() {
            return bad("before", "stands before verdict tokens, and there are none; remove it");
        }
        if self.reply.is_some() && self.max_new_tokens == 0 {
            return bad("max_new_tokens", "must be at least 1");
        }
        let all: Vec<&VerdictToken> = self.good.iter().chain(&self.bad).collect();
        if all.iter().any(|token| matches!(token, VerdictToken::Text(text) if text.is_empty())) {
            return bad("good", "or verdict.bad holds an empty text; remove it");
        }
        if all.iter().enumerate().any(|(i, token)| all[..i].contains(token)) {
            return bad("good", "or verdict.bad holds a token that stands there already");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_tokens_or_a_form() {
        let of = |json: &str| serde_json::from_str::<GuardVerdictSettings>(json).unwrap().check();
        assert_eq!(of(r#"{"good": ["safe"], "bad": [370, "unsafe"]}"#), Ok(()));
        assert_eq!(of(r#"{"reply": "wildguard"}"#), Ok(()));
        let error = |json: &str| of(json).unwrap_err().to_string();
        insta::assert_snapshot!(error("{}"), @"verdict.good and verdict.bad list tokens, or verdict.reply names a form");
        insta::assert_snapshot!(error(r#"{"good": ["a"]}"#), @"verdict.good and verdict.bad need at least one token each");
        insta::assert_snapshot!(error(r#"{"good": ["a"], "bad": ["a"]}"#), @"verdict.good or verdict.bad holds a token that stands there already");
        insta::assert_snapshot!(error(r#"{"good": [""], "bad": ["a"]}"#), @"verdict.good or verdict.bad holds an empty text; remove it");
        insta::assert_snapshot!(error(r#"{"reply": "wildguard", "before": "x"}"#), @"verdict.before stands before verdict tokens, and there are none; remove it");
        insta::assert_snapshot!(error(r#"{"reply": "wildguard", "max_new_tokens": 0}"#), @"verdict.max_new_tokens must be at least 1");
        insta::assert_snapshot!(error(r#"{"least_mass": 1.5}"#), @"verdict.least_mass is a probability, from 0 to 1");
        assert!(serde_json::from_str::<GuardVerdictSettings>(r#"{"reply": "gpt"}"#).is_err());
        assert!(serde_json::from_str::<GuardVerdictSettings>(r#"{"tokens": []}"#).is_err());
    }
}
