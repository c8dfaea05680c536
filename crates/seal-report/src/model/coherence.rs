//! Broken answers: those on which no judge is to be trusted.

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

    pub(super) fn check(&self, at: &Bounds) -> Result<()> {
        match self.broken() > self.answers {
            true => Err(at.wrong(
                "answers",
                format!("{} are broken, and there are {}", self.broken(), self.answers),
            )),
            false => Ok(()),
        }
    }
}
