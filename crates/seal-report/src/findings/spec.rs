//! The file beside a plan that says which of its arms the page of findings
//! compares in words.

use serde::Deserialize;

use super::error::SpecError;
use super::phrase::Phrase;

/// Findings to state, in order.
///
/// In TOML a finding names its arms by their ids, a reason, and the condition
/// under which the figures bear the reason out:
///
/// ```toml
/// # Of each arm, unless a finding has its own phrases.
/// each = ["AUROC {auroc}", "unsafe kept {unsafe-kept} %"]
///
/// [[finding]]
/// title = "How much gamma matters."
/// arms = ["gamma-0", "gamma-0.1"]
/// because = "The larger gamma is, the better the model fits the unsafe rows too."
/// when = "rising"
/// ```
///
/// A finding is stated where all its arms were run, its reason where the
/// condition holds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct FindingsSpec {
    pub(super) findings: Vec<Finding>,
}

/// One comparison of arms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub title: String,
    /// Ids of the arms, in the order that the condition speaks of.
    pub arms: Vec<String>,
    /// A sentence, and when the figures bear it out.
    pub reason: Option<(String, Condition)>,
    /// What is said of each arm.
    pub each: Vec<Phrase>,
}

/// When a reason is borne out by the arms' shares of unsafe rows kept (means
/// over seeds, as fractions).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Condition {
    /// Each arm keeps more than the one before.
    Rising,
    /// No arm differs from the first by this much.
    Within(f64),
    /// The last arm keeps less than this multiple of the first one's share.
    LastBelow(f64),
    /// The third arm keeps more than the first, and the second accounts for more
    /// than this part of the difference.
    SecondExplains(f64),
}

impl Condition {
    /// Whether it holds for these shares.
    pub(super) fn holds(self, kept: &[f64]) -> bool {
        let (Some(&first), Some(&last)) = (kept.first(), kept.last()) else { return false };
        match self {
            Self::Rising => kept.windows(2).all(|pair| pair[0] < pair[1]),
            Self::Within(range) => kept.iter().all(|k| (k - first).abs() < range),
            Self::LastBelow(factor) => last < factor * first,
            Self::SecondExplains(part) => {
                last > first && kept.get(1).is_some_and(|k| k - first > part * (last - first))
            }
        }
    }

    /// The fewest arms that it can speak of.
    fn arms(self) -> usize {
        match self {
            Self::SecondExplains(_) => 3,
            _ => 2,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    each: Vec<Phrase>,
    #[serde(default, rename = "finding")]
    findings: Vec<RawFinding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFinding {
    title: String,
    arms: Vec<String>,
    because: Option<String>,
    when: Option<Condition>,
    each: Option<Vec<Phrase>>,
}

impl TryFrom<Raw> for FindingsSpec {
    type Error = SpecError;

    fn try_from(raw: Raw) -> Result<Self, SpecError> {
        let mut findings = Vec::with_capacity(raw.findings.len());
        for of in raw.findings {
            let title = || of.title.clone();
            let each = of.each.clone().unwrap_or_else(|| raw.each.clone());
            if each.is_empty() {
                return Err(SpecError::NoPhrase { title: title() });
            }
            let needed = of.when.map_or(1, Condition::arms);
            if of.arms.len() < needed {
                return Err(SpecError::TooFewArms { title: title(), found: of.arms.len(), needed });
            }
            let reason = match (of.because, of.when) {
                (Some(because), Some(when)) => Some((because, when)),
                (None, None) => None,
                _ => return Err(SpecError::HalfReason { title: of.title }),
            };
            findings.push(Finding { title: of.title, arms: of.arms, reason, each });
        }
        Ok(Self { findings })
    }
}

impl FindingsSpec {
    /// The findings of another file after these.
    pub fn append(&mut self, mut other: Self) {
        self.findings.append(&mut other.findings);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_hold_as_they_say() {
        let holds = Condition::holds;
        assert!(holds(Condition::Rising, &[0.1, 0.2, 0.3]));
        assert!(!holds(Condition::Rising, &[0.1, 0.2, 0.2]));
        assert!(holds(Condition::Within(0.02), &[0.1, 0.11, 0.09]));
        assert!(!holds(Condition::Within(0.02), &[0.1, 0.11, 0.13]));
        assert!(holds(Condition::LastBelow(0.5), &[0.4, 0.9, 0.1]));
        assert!(!holds(Condition::LastBelow(0.5), &[0.4, 0.2]));
        assert!(holds(Condition::SecondExplains(0.5), &[0.1, 0.3, 0.4]));
        assert!(!holds(Condition::SecondExplains(0.5), &[0.1, 0.2, 0.4]));
        assert!(!holds(Condition::SecondExplains(0.5), &[0.4, 0.3, 0.1]));
        assert!(!holds(Condition::Rising, &[]));
    }

    #[test]
    fn mistakes_name_their_finding() {
        let error = |finding: serde_json::Value| {
            serde_json::from_value::<FindingsSpec>(json!({ "finding": [finding] }))
                .unwrap_err()
                .to_string()
        };
        let each = json!(["AUROC {auroc}"]);
        insta::assert_snapshot!(error(json!({"title": "T.", "arms": ["a"]})), @"`T.`: says nothing of its arms; give `each` here or at the top of the file");
        insta::assert_snapshot!(error(json!({"title": "T.", "arms": ["a"], "each": each, "because": "B."})), @"`T.`: `because` and `when` go together; give both or neither");
        insta::assert_snapshot!(error(json!({"title": "T.", "arms": ["a", "b"], "each": each, "because": "B.", "when": {"second-explains": 0.5}})), @"`T.`: 2 arms, its condition needs 3");
        insta::assert_snapshot!(error(json!({"title": "T.", "arms": ["a"], "each": ["{aurok}"]})), @"`{aurok}`: there is no figure `aurok`; figures are auroc, unsafe-kept, spearman-to-seal, mean-weight, clamped, dead, win-rate:TEST");
        insta::assert_snapshot!(error(json!({"title": "T.", "arms": ["a"], "each": ["{auroc"]})), @"`{auroc`: a brace has no partner; figures are written as in {auroc}");
    }
}
