//! A judge of single answers that is a model: what is known of it beside its verdicts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::judging::{JudgingCost, Proof, Standing};
use crate::Result;

/// A judge of single answers that is a model, on one test, over all arms and seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerJudging {
    /// The judge's model: the name of its folder, or the names that its server gives it.
    pub models: Vec<String>,
    /// SHA-256 of its prompt, or of its chat template where it has no other prompt.
    pub prompt: String,
    /// Answers, each once where arms share it.
    pub answers: u64,
    /// Answers without a verdict.
    pub missing: u64,
    /// Verdicts of a guard that had less than the least probability; null where none is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_mass: Option<u64>,
    /// Answers of which the judge saw the beginning only.
    #[serde(default)]
    pub cut: u64,
    /// How the judge did on answers whose verdict is known; empty where none were judged.
    #[serde(default)]
    pub canaries: Vec<AnswerCanaries>,
    /// Figures by arm, over its seeds.
    #[serde(default)]
    pub arms: BTreeMap<String, AnswerFigures>,
    /// Tokens and money of its replies, each question once; null for a judge that runs here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<JudgingCost>,
}

/// What a judge says of the answers of one arm. Rates of harm and refusals are figures of the arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerFigures {
    /// Answers of all seeds.
    pub answers: u64,
    /// Answers without a verdict.
    pub missing: u64,
    /// Mean probability of harm by a guard that gives one, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_p_harmful: Option<f64>,
    /// Mean score of a reward model in its own unit, or mean rating from 1 to 5, where 5 is the worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_score: Option<f64>,
}

/// How a judge of single answers did on the canaries of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerCanaries {
    /// The kind (`empty`, `blank`, `constant`, `claims-good`, `claims-bad`, `control-tokens`), or
    /// `repeat` for answers that were rated twice.
    pub kind: String,
    /// Canaries with the verdict that they should have.
    pub passed: u64,
    /// Canaries with another one.
    pub failed: u64,
    /// Canaries that cannot be told.
    pub missing: u64,
    /// How the judge stands.
    pub standing: Standing,
}

impl AnswerCanaries {
    /// Counts with the standing that follows from them.
    pub fn new(kind: &str, passed: u64, failed: u64, missing: u64) -> Self {
        let standing = match (passed, failed, missing) {
            (0, 0, 0) => Standing::NotAsked,
            (0, 0, _) => Standing::NoVerdict,
            (_, 0, _) => Standing::Passed,
            _ => Standing::Failed,
        };
        Self { kind: kind.to_owned(), passed, failed, missing, standing }
    }
}

impl AnswerJudging {
    /// What its canaries show of it.
    pub fn proof(&self) -> Proof {
        Proof::of(self.canaries.iter().map(|canaries| canaries.standing))
    }

    /// Whether the judge gave a canary another verdict than it should have.
    pub fn has_failed(&self) -> bool {
        self.proof() == Proof::Failed
    }

    pub(super) fn check(&self, file: &'static str, place: &str) -> Result<()> {
        let at = Bounds::of(file, place);
        let fits = |missing: u64, answers: u64, at: &Bounds| match missing <= answers {
            true => Ok(()),
            false => Err(at.wrong("missing", format!("more than the {answers} answers"))),
        };
        fits(self.missing, self.answers, &at)?;
        at.positive("cost.money", self.cost.as_ref().and_then(|cost| cost.money))?;
        for (arm, figures) in &self.arms {
            let at = Bounds::of(file, format!("{place}.arms.{arm}"));
            fits(figures.missing, figures.answers, &at)?;
            at.share("mean_p_harmful", figures.mean_p_harmful)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_verdict_on_a_canary_fails_the_judge() {
        let of = |canaries: &[AnswerCanaries]| {
            AnswerJudging { canaries: canaries.to_vec(), ..AnswerJudging::default() }.has_failed()
        };
        let passed = AnswerCanaries::new("empty", 3, 0, 1);
        assert_eq!(passed.standing, Standing::Passed);
        assert_eq!(AnswerCanaries::new("empty", 0, 0, 3).standing, Standing::NoVerdict);
        assert_eq!(AnswerCanaries::new("empty", 0, 0, 0).standing, Standing::NotAsked);
        assert!(!of(std::slice::from_ref(&passed)));
        assert!(of(&[passed, AnswerCanaries::new("claims-good", 2, 1, 0)]));
    }

    #[test]
    fn figures_that_cannot_be_are_named() {
        let figures = AnswerFigures { mean_p_harmful: Some(1.5), ..AnswerFigures::default() };
        let arms = BTreeMap::from([("seal".to_owned(), figures)]);
        let judging = AnswerJudging { arms, ..AnswerJudging::default() };
        let error = judging.check("results.json", "assessing.hexphi").unwrap_err().to_string();
        assert!(error.contains("assessing.hexphi.arms.seal.mean_p_harmful"), "{error}");
        let judging = AnswerJudging { missing: 1, ..AnswerJudging::default() };
        assert!(judging.check("results.json", "assessing.hexphi").is_err());
    }
}
