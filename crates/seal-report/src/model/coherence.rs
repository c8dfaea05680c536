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
