//! What can be wrong with the facts of a study.

use seal_judge::JudgeError;
use seal_stats::StatsError;

/// Why no figures can be computed. It names the place, because the facts come
/// from many stored files of which one may be from another study.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The parts of the facts do not fit each other.
    #[error("{place}: {problem}")]
    Inconsistent {
        /// Which part.
        place: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The assessments of a cell cannot be compared with the reference's.
    #[error("arm `{arm}`, seed {seed}, test `{test}`: {source}")]
    Verdicts {
        /// The arm.
        arm: String,
        /// The study seed.
        seed: u64,
        /// The test.
        test: String,
        /// What is wrong.
        source: Box<JudgeError>,
    },
    /// A statistic refused its numbers.
    #[error("{place}: {source}")]
    Stats {
        /// Which arm, seed or test.
        place: String,
        /// What is wrong.
        source: StatsError,
    },
}

impl FiguresError {
    /// Names the place where a statistic failed.
    pub(super) fn at(place: impl Into<String>) -> impl FnOnce(StatsError) -> Self {
        let place = place.into();
        move |source| Self::Stats { place, source }
    }

    /// Parts that do not fit each other.
    pub(super) fn inconsistent(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Inconsistent { place: place.into(), problem: problem.into() }
    }
}
