//! Judges and their settings.

use serde::{Deserialize, Serialize};

use crate::{JudgeError, JudgeKind, LikelihoodJudge, RuleJudge};

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
    Answers(RuleJudge),
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
            JudgeKind::Oracle => Judge::Answers(RuleJudge::Oracle),
            JudgeKind::Rules => Judge::Answers(RuleJudge::Rules { refusals }),
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
        assert_eq!(oracle, Judge::Answers(RuleJudge::Oracle));
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
