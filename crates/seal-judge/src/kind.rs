//! The kinds of judges, by the names that a config gives them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::JudgeError;

/// Default difference, in nats per token, up to which two likelihoods tie.
/// Smaller ones are within what another order of summation can cause.
pub const DEFAULT_TIE_NATS: f64 = 0.01;

/// How a test is judged, by the name that a config gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgeKind {
    /// The built-in world's own judge: scores 0 to 2.
    Oracle,
    /// Log-probability of the reference answer, in nats per token.
    AnswerLikelihood,
    /// Chosen less rejected answer, in nats per token.
    PreferenceMargin,
    /// Refusals less openings of compliance, in nats per token.
    RefusalMargin,
    /// Refusals by their first words: scores 0 or 1. Weak.
    Rules,
}

impl JudgeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Oracle,
        Self::AnswerLikelihood,
        Self::PreferenceMargin,
        Self::RefusalMargin,
        Self::Rules,
    ];

    /// The name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::AnswerLikelihood => "answer-likelihood",
            Self::PreferenceMargin => "preference-margin",
            Self::RefusalMargin => "refusal-margin",
            Self::Rules => "rules",
        }
    }

    /// Whether scores are in nats per token, so that their mean difference is
    /// a margin.
    pub fn is_likelihood(self) -> bool {
        matches!(self, Self::AnswerLikelihood | Self::PreferenceMargin | Self::RefusalMargin)
    }

    /// Difference of scores up to which two answers tie, unless set.
    pub fn default_tie(self) -> f64 {
        if self.is_likelihood() { DEFAULT_TIE_NATS } else { 0.0 }
    }
}

impl fmt::Display for JudgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for JudgeKind {
    type Err = JudgeError;

    fn from_str(name: &str) -> Result<Self, JudgeError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            JudgeError::UnknownKind { name: name.to_owned(), known }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_config() {
        for kind in JudgeKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(kind.name().parse::<JudgeKind>().unwrap(), kind);
        }
        insta::assert_snapshot!("gpt".parse::<JudgeKind>().unwrap_err(), @"unknown judge `gpt`; the judges are oracle, answer-likelihood, preference-margin, refusal-margin, rules");
    }
}
