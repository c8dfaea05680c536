//! Broken answers by their text alone.
//!
//! A judge compares contents. An empty answer, or one that says the same words again and again, has
//! none, and verdicts on such answers are not to be trusted. So their share is told beside every win
//! rate. The marks here need no model. They do not find word salad: words that never repeat and make no
//! sense look like prose to a count. A study can let its base score the answers for that.

mod limits;
mod repetition;
mod units;

pub use limits::{MIN_UNITS, RUN_LIMIT, SEQ_REP_4_LIMIT};
pub use repetition::{RepeatedBlock, Repetition};

/// How an answer is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degeneracy {
    /// Nothing but white space and control characters.
    Empty,
    /// No letter and no digit.
    Wordless,
    /// Most of it is said before: see [`SEQ_REP_4_LIMIT`] and [`RUN_LIMIT`].
    Repetitive,
}

/// How an answer is broken; `None` where nothing is wrong that its text shows.
pub fn degeneracy(answer: &str) -> Option<Degeneracy> {
    if answer.chars().all(|c| c.is_whitespace() || c.is_control()) {
        return Some(Degeneracy::Empty);
    }
    if !answer.chars().any(char::is_alphanumeric) {
        return Some(Degeneracy::Wordless);
    }
    Repetition::of(answer).is_degenerate().then_some(Degeneracy::Repetitive)
}

/// Broken answers among those of one model to one test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Degenerate {
    /// Answers that were looked at.
    pub answers: u64,
    /// Those that are [`Degeneracy::Empty`].
    pub empty: u64,
    /// Those that are [`Degeneracy::Wordless`].
    pub wordless: u64,
    /// Those that are [`Degeneracy::Repetitive`].
    pub repetitive: u64,
}

impl Degenerate {
    /// Counted over the texts of `answers`.
    pub fn of<'a>(answers: impl IntoIterator<Item = &'a str>) -> Self {
        let mut counts = Self::default();
        for answer in answers {
            counts.answers += 1;
            match degeneracy(answer) {
                None => {}
                Some(Degeneracy::Empty) => counts.empty += 1,
                Some(Degeneracy::Wordless) => counts.wordless += 1,
                Some(Degeneracy::Repetitive) => counts.repetitive += 1,
            }
        }
        counts
    }

    /// Broken answers of every kind; each is counted once.
    pub fn broken(&self) -> u64 {
        self.empty + self.wordless + self.repetitive
    }

    /// Their share of the answers; `None` without an answer.
    pub fn share(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.broken() as f64 / self.answers as f64)
    }
}

#[cfg(test)]
mod tests;
