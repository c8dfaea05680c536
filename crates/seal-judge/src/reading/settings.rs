//! How a verdict stands in a reply.

use serde::{Deserialize, Serialize};

/// Where a verdict stands in a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictForm {
    /// The first token is a label. Its log-probabilities decide where they are there and the text
    /// is that token or gives the same verdict. Otherwise the text is read as with
    /// [`VerdictForm::Line`].
    #[default]
    FirstToken,
    /// The reply is a label, or its last line is `Verdict: LABEL`.
    Line,
    /// FastChat's `[[A]]`, `[[B]]` and `[[C]]` for a tie.
    Letters,
    /// Arena-Hard's `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]` and `[[B>>A]]`.
    ArenaHard,
}

/// How a verdict is read, as a config says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerdictSettings {
    /// Where the verdict stands.
    pub form: VerdictForm,
    /// Labels of the answer shown first.
    pub first: Vec<String>,
    /// Labels of the answer shown second.
    pub second: Vec<String>,
    /// Labels of a tie. In log-probabilities half of a tie counts for each answer.
    pub tie: Vec<String>,
    /// Whether case and white space of a token count, as with AlpacaEval's `m` and `M`.
    pub exact: bool,
    /// Least probability of all labels together, in [0, 1], for the log-probabilities to decide.
    /// Below it the reply is about to say something else.
    pub least_mass: f64,
}

impl Default for VerdictSettings {
    fn default() -> Self {
        Self {
            form: VerdictForm::FirstToken,
            first: vec!["A".to_owned()],
            second: vec!["B".to_owned()],
            tie: Vec::new(),
            exact: false,
            least_mass: 0.5,
        }
    }
}

/// Settings by which no verdict can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verdict.{name} {why}")]
pub struct ReadingError {
    /// The setting.
    pub name: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl VerdictSettings {
    /// Refuses labels that are missing, empty, or of two meanings.
    ///
    /// # Errors
    /// [`ReadingError`] with the setting at fault.
    pub fn check(&self) -> Result<(), ReadingError> {
        let bad = |name, why: &str| Err(ReadingError { name, why: why.to_owned() });
        if !(0.0..=1.0).contains(&self.least_mass) {
            return bad("least_mass", "is a probability, from 0 to 1");
        }
        if self.first.is_empty() || self.second.is_empty() {
            return bad("first", "and verdict.second need at least one label each");
        }
        let lists = [("first", &self.first), ("second", &self.second), ("tie", &self.tie)];
        let mut seen: Vec<&str> = Vec::new();
        for (name, list) in lists {
            for label in list {
                if label.trim().is_empty() {
                    return bad(name, "holds an empty label; remove it");
                }
                if seen.iter().any(|known| self.same(known, label)) {
                    return bad(
                        name,
                        "holds a label that stands there already, or in another list",
                    );
                }
                seen.push(label);
            }
        }
        Ok(())
    }

    /// Whether a judge can say of two answers that they tie.
    pub fn has_tie(&self) -> bool {
        match self.form {
            VerdictForm::FirstToken | VerdictForm::Line => !self.tie.is_empty(),
            VerdictForm::Letters | VerdictForm::ArenaHard => true,
        }
    }

    /// Whether two texts are one label.
    pub(super) fn same(&self, one: &str, two: &str) -> bool {
        match self.exact {
            true => one == two,
            false => one.trim().to_lowercase() == two.trim().to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_there_and_of_one_meaning() {
        let of = |json: &str| serde_json::from_str::<VerdictSettings>(json).unwrap().check();
        assert_eq!(of("{}"), Ok(()));
        assert_eq!(of(r#"{"first": ["m"], "second": ["M"], "exact": true}"#), Ok(()));
        let error = |json: &str| of(json).unwrap_err().to_string();
        insta::assert_snapshot!(error(r#"{"first": ["m"], "second": ["M"]}"#), @"verdict.second holds a label that stands there already, or in another list");
        insta::assert_snapshot!(error(r#"{"first": []}"#), @"verdict.first and verdict.second need at least one label each");
        insta::assert_snapshot!(error(r#"{"tie": [" "]}"#), @"verdict.tie holds an empty label; remove it");
        insta::assert_snapshot!(error(r#"{"least_mass": 2}"#), @"verdict.least_mass is a probability, from 0 to 1");
        assert!(serde_json::from_str::<VerdictSettings>(r#"{"label": []}"#).is_err());
    }

    #[test]
    fn a_tie_needs_a_word_for_it() {
        let of = |json: &str| serde_json::from_str::<VerdictSettings>(json).unwrap().has_tie();
        assert!(!of("{}") && !of(r#"{"form": "line"}"#));
        assert!(of(r#"{"form": "line", "tie": ["tie"]}"#));
        assert!(of(r#"{"form": "letters"}"#) && of(r#"{"form": "arena-hard"}"#));
    }
}
