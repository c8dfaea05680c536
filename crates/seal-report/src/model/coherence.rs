//! Broken answers, on which no judge is to be trusted, and answers that a limit cut.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use crate::Result;

/// How many answers of one cell to one test are broken, by their text alone. Each is counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coherence {
    /// Id of the arm.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// The test.
    pub test: String,
    /// Answers that were looked at.
    pub answers: u64,
    /// Those without a visible character.
    pub empty: u64,
    /// Those without a letter and without a digit.
    pub wordless: u64,
    /// Those that mostly repeat themselves.
    pub repetitive: u64,
    /// Those that a limit ended, of new tokens or of the context. They may be broken as well. Null
    /// where the stored answers do not say what ended them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
}

/// Shares of an arm's answers to one test, from 0 to 1: means over the seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CoherenceShares {
    /// Broken answers; null without an answer.
    pub broken: Option<f64>,
    /// Answers that a limit ended; null without an answer, and where a cell does not say it.
    pub cut: Option<f64>,
}

impl CoherenceShares {
    pub(super) fn check(&self, at: &Bounds) -> Result<()> {
        at.share("broken", self.broken)?;
        at.share("cut", self.cut)
    }
}

impl Coherence {
    /// Broken answers of every kind.
    pub fn broken(&self) -> u64 {
        [self.empty, self.wordless, self.repetitive].into_iter().fold(0, u64::saturating_add)
    }

    /// Their share of the answers, from 0 to 1; `None` without an answer.
    pub fn share(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.broken() as f64 / self.answers as f64)
    }

    /// The share of the answers that a limit ended, from 0 to 1; `None` without an answer, and where
    /// it is not known.
    pub fn cut_share(&self) -> Option<f64> {
        (self.answers > 0).then_some(self.cut? as f64 / self.answers as f64)
    }

    pub(super) fn check(&self, at: &Bounds) -> Result<()> {
        for (count, what) in [(self.broken(), "broken"), (self.cut.unwrap_or(0), "cut")] {
            if count > self.answers {
                let problem = format!("{count} are {what}, and there are {}", self.answers);
                return Err(at.wrong("answers", problem));
            }
        }
        Ok(())
    }
}

/// The answers of one cell to one test under the base of the study.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BaseNll {
    /// Id of the arm.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// The test.
    pub test: String,
    /// Answers that were scored: those with a token that fit the context.
    pub answers: u64,
    /// Mean over the answers of their mean negative log-likelihoods, in nats a token; null without one.
    pub mean: Option<f64>,
    /// The limit above which an answer counts as incoherent: the 99th percentile of the reference's
    /// answers to the test, over all seeds. Null without such an answer.
    pub limit: Option<f64>,
    /// Answers above the limit.
    pub above: u64,
}

impl BaseNll {
    /// The share of the answers above the limit, from 0 to 1; `None` without an answer or a limit.
    pub fn share(&self) -> Option<f64> {
        self.limit?;
        (self.answers > 0).then(|| self.above as f64 / self.answers as f64)
    }

    pub(super) fn check(&self, at: &Bounds) -> Result<()> {
        at.positive("mean", self.mean)?;
        at.positive("limit", self.limit)?;
        match self.above > self.answers {
            true => {
                let problem = format!("{} are above, and there are {}", self.above, self.answers);
                Err(at.wrong("answers", problem))
            }
            false => Ok(()),
        }
    }
}

/// Figures of an arm's answers to one test under the base: means over the seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BaseNllFigures {
    /// As [`BaseNll::mean`].
    pub mean: Option<f64>,
    /// As [`BaseNll::share`].
    pub above: Option<f64>,
}

impl BaseNllFigures {
    pub(super) fn check(&self, at: &Bounds) -> Result<()> {
        at.positive("mean", self.mean)?;
        at.share("above", self.above)
    }
}
