//! Kinds of judges and their settings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AnswerJudge, JudgeError, LikelihoodJudge};

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

/// How one test is judged, as a config says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeSettings {
    /// The kind of judge.
    pub kind: JudgeKind,
    /// Difference of scores up to which two answers tie;
    /// [`JudgeKind::default_tie`] unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie: Option<f64>,
    /// Refusals, for `refusal-margin`; their first words, for `rules`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// Openings of an answer that complies, for `refusal-margin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<String>,
}

/// A judge, ready to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judge {
    /// Reads answers that the model generates.
    Answers(AnswerJudge),
    /// Asks the model for likelihoods.
    Likelihood(LikelihoodJudge),
}

impl JudgeSettings {
    /// Settings of a judge that needs no others.
    pub fn new(kind: JudgeKind) -> Self {
        Self { kind, tie: None, refusals: Vec::new(), openings: Vec::new() }
    }

    /// Difference of scores up to which two answers tie.
    pub fn tie(&self) -> f64 {
        self.tie.unwrap_or_else(|| self.kind.default_tie())
    }

    /// The judge that these settings describe.
    ///
    /// # Errors
    /// [`JudgeError::Setting`] for a tie that is negative or not finite, a list
    /// that the judge needs and is empty or holds an empty text, and a list
    /// that it would ignore.
    pub fn judge(&self) -> Result<Judge, JudgeError> {
        let tie = self.tie();
        if !(tie.is_finite() && tie >= 0.0) {
            return Err(self.wrong("tie", format!("must be 0 or more, is {tie}")));
        }
        let (refusals, openings) = match self.kind {
            JudgeKind::RefusalMargin => (true, true),
            JudgeKind::Rules => (true, false),
            _ => (false, false),
        };
        self.check_list("refusals", &self.refusals, refusals)?;
        self.check_list("openings", &self.openings, openings)?;
        let refusals = self.refusals.clone();
        Ok(match self.kind {
            JudgeKind::Oracle => Judge::Answers(AnswerJudge::Oracle),
            JudgeKind::Rules => Judge::Answers(AnswerJudge::Rules { refusals }),
            JudgeKind::AnswerLikelihood => Judge::Likelihood(LikelihoodJudge::Answer),
            JudgeKind::PreferenceMargin => Judge::Likelihood(LikelihoodJudge::Preference),
            JudgeKind::RefusalMargin => {
                let openings = self.openings.clone();
                Judge::Likelihood(LikelihoodJudge::Refusal { refusals, openings })
            }
        })
    }

    fn check_list(
        &self,
        name: &'static str,
        list: &[String],
        needed: bool,
    ) -> Result<(), JudgeError> {
        if !needed && !list.is_empty() {
            Err(self.wrong(name, "is not used by this judge; remove it".to_owned()))
        } else if needed && list.is_empty() {
            Err(self.wrong(name, "must list at least one text".to_owned()))
        } else if list.iter().any(|text| text.trim().is_empty()) {
            Err(self.wrong(name, "holds an empty text; remove it".to_owned()))
        } else {
            Ok(())
        }
    }

    fn wrong(&self, name: &'static str, problem: String) -> JudgeError {
        JudgeError::Setting { kind: self.kind.name(), name, problem }
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

    #[test]
    fn ties_follow_the_unit_of_the_score() {
        let tie = |kind| JudgeSettings::new(kind).tie();
        assert_eq!(tie(JudgeKind::Oracle), 0.0);
        assert_eq!(tie(JudgeKind::Rules), 0.0);
        assert_eq!(tie(JudgeKind::PreferenceMargin), 0.01);
        let set = JudgeSettings { tie: Some(0.0), ..JudgeSettings::new(JudgeKind::RefusalMargin) };
        assert_eq!(set.tie(), 0.0);
    }

    #[test]
    fn settings_make_the_judge_they_name() {
        let json = r#"{"kind": "refusal-margin", "refusals": ["No."], "openings": ["Sure"]}"#;
        let settings: JudgeSettings = serde_json::from_str(json).unwrap();
        let Judge::Likelihood(judge) = settings.judge().unwrap() else { panic!("not likelihood") };
        assert_eq!(judge.kind(), JudgeKind::RefusalMargin);
        let oracle = JudgeSettings::new(JudgeKind::Oracle).judge().unwrap();
        assert_eq!(oracle, Judge::Answers(AnswerJudge::Oracle));
        assert!(serde_json::from_str::<JudgeSettings>(r#"{"kind": "oracle", "ties": 0}"#).is_err());
    }

    #[test]
    fn bad_settings_are_named() {
        let error = |json: &str| {
            let settings: JudgeSettings = serde_json::from_str(json).unwrap();
            settings.judge().unwrap_err().to_string()
        };
        insta::assert_snapshot!(error(r#"{"kind": "oracle", "tie": -1}"#), @"judge `oracle`: tie must be 0 or more, is -1");
        insta::assert_snapshot!(error(r#"{"kind": "rules"}"#), @"judge `rules`: refusals must list at least one text");
        insta::assert_snapshot!(error(r#"{"kind": "oracle", "openings": ["a"]}"#), @"judge `oracle`: openings is not used by this judge; remove it");
        insta::assert_snapshot!(error(r#"{"kind": "rules", "refusals": [" "]}"#), @"judge `rules`: refusals holds an empty text; remove it");
    }
}
