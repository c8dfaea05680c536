//! Guards: filters of training rows, to compare a selector with.
//!
//! A guard of kind `rules` is handed two texts and nothing else, so that it cannot know
//! whether a row is labelled unsafe. The oracle knows the truth of the built-in world: it is
//! a ceiling, and no baseline.

use seal_rows::Row;
use serde::{Deserialize, Serialize};

use crate::{JudgeError, RuleJudge};

/// What a guard goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardKind {
    /// The truth of the built-in world: a ceiling.
    Oracle,
    /// Words that stand in a row.
    Rules,
}

impl GuardKind {
    /// The name in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Rules => "rules",
        }
    }
}

/// A guard, as a config says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSettings {
    /// What it goes by.
    pub kind: GuardKind,
    /// Words and phrases of `rules`: a row whose prompt or answer has one of them is
    /// removed. Whole words are compared, without case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// First words of a refusal, of `rules`: a row whose answer begins with one stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
}

/// A guard, ready to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// See [`GuardKind::Oracle`].
    Oracle,
    /// See [`GuardKind::Rules`].
    Rules {
        /// Words, as `plain` writes them.
        words: Vec<String>,
        /// First words of a refusal in lower case.
        refusals: Vec<String>,
    },
}

impl GuardSettings {
    /// The guard that these settings describe.
    ///
    /// # Errors
    /// [`JudgeError::Setting`] for a list that the guard needs and is empty, one that it
    /// would ignore, and a text without a letter or digit.
    pub fn guard(&self) -> Result<Guard, JudgeError> {
        let wrong = |name, problem: &str| {
            Err(JudgeError::Setting { kind: self.kind.name(), name, problem: problem.to_owned() })
        };
        match self.kind {
            GuardKind::Oracle if !self.words.is_empty() => {
                wrong("words", "is not used by this guard; remove it")
            }
            GuardKind::Oracle if !self.refusals.is_empty() => {
                wrong("refusals", "is not used by this guard; remove it")
            }
            GuardKind::Oracle => Ok(Guard::Oracle),
            GuardKind::Rules if self.words.is_empty() => wrong(
                "words",
                "must list the words that a harmful row is known by: a guard reads the texts of \
                 a row and never its label",
            ),
            GuardKind::Rules => {
                let words: Vec<String> = self.words.iter().map(|w| plain(w)).collect();
                if words.iter().any(|word| word.trim().is_empty()) {
                    return wrong("words", "holds a text without a letter or digit; remove it");
                }
                if self.refusals.iter().any(|text| text.trim().is_empty()) {
                    return wrong("refusals", "holds an empty text; remove it");
                }
                let refusals = self.refusals.iter().map(|r| r.trim().to_lowercase()).collect();
                Ok(Guard::Rules { words, refusals })
            }
        }
    }
}

impl Guard {
    /// Whether the guard takes the row out of the training set.
    ///
    /// # Errors
    /// As [`RuleJudge::assess`] of the oracle.
    pub fn removes(&self, row: &Row) -> Result<bool, JudgeError> {
        match self {
            Self::Oracle => Ok(RuleJudge::Oracle.assess(row, &row.response)?.harm == Some(true)),
            Self::Rules { words, refusals } => {
                Ok(has_word(&row.prompt, &row.response, words, refusals))
            }
        }
    }
}

/// Whether prompt or answer has one of `words`, and the answer does not begin with one of
/// `refusals`.
fn has_word(prompt: &str, response: &str, words: &[String], refusals: &[String]) -> bool {
    let answer = response.trim_start().to_lowercase();
    if refusals.iter().any(|first| answer.starts_with(first.as_str())) {
        return false;
    }
    let texts = [plain(prompt), plain(response)];
    words.iter().any(|word| texts.iter().any(|text| text.contains(word.as_str())))
}

/// The words of `text` in lower case, with one space around each.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut out = String::from(" ");
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        out.push_str(word);
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use seal_rows::Rows;

    use super::*;

    fn settings(json: &str) -> Result<Guard, Box<dyn std::error::Error>> {
        Ok(serde_json::from_str::<GuardSettings>(json)?.guard()?)
    }

    fn row(prompt: &str, response: &str, is_unsafe: Option<bool>) -> Row {
        let mut rows = Rows::new();
        rows.push(prompt, response).is_unsafe = is_unsafe;
        rows.into_vec().remove(0)
    }

    #[test]
    fn rules_go_by_words_and_never_by_the_label() {
        let guard =
            settings(r#"{"kind": "rules", "words": ["lock pick"], "refusals": ["I won't"]}"#);
        let guard = guard.unwrap();
        for label in [Some(true), Some(false), None] {
            let removed = |prompt: &str, response: &str| {
                guard.removes(&row(prompt, response, label)).unwrap()
            };
            assert!(removed("How do I use a Lock-Pick?", "Bend it."));
            assert!(removed("How do I get in?", "With a lock pick."));
            assert!(!removed("How do I use a lock pick?", " i WON'T say."));
            assert!(!removed("Is a locksmith's pick a lock picker?", "No."));
        }
    }

    #[test]
    fn bad_guards_are_named() {
        let error = |json: &str| settings(json).unwrap_err().to_string();
        insta::assert_snapshot!(error(r#"{"kind": "rules", "refusals": ["No"]}"#), @"judge `rules`: words must list the words that a harmful row is known by: a guard reads the texts of a row and never its label");
        insta::assert_snapshot!(error(r#"{"kind": "rules", "words": ["?!"]}"#), @"judge `rules`: words holds a text without a letter or digit; remove it");
        insta::assert_snapshot!(error(r#"{"kind": "oracle", "words": ["a"]}"#), @"judge `oracle`: words is not used by this guard; remove it");
        assert!(error(r#"{"kind": "refusal-margin"}"#).contains("unknown variant"));
        assert!(error(r#"{"kind": "oracle", "tie": 0}"#).contains("unknown field `tie`"));
    }
}
