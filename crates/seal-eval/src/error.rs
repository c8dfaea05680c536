//! Why evidence or the facts of a study give no figures.

use std::fmt;

use seal_judge::JudgeError;
use seal_rows::RowId;
use seal_stats::StatsError;

/// Why no figures can be computed. Every kind names its place, because the
/// facts of a study come from many stored files of which one may be from
/// another study.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A study seed is listed twice.
    #[error("seed {seed}: is there twice; list each seed once")]
    DuplicateSeed {
        /// The seed.
        seed: u64,
    },
    /// Two arms have one id.
    #[error("arm `{arm}`: is there twice; arm ids are unique")]
    DuplicateArm {
        /// The id.
        arm: String,
    },
    /// Two arms have a role that one arm has.
    #[error("arm `{arm}`: is a second {role} arm; keep one")]
    SecondOfRole {
        /// The second arm.
        arm: String,
        /// The role, as messages name it.
        role: &'static str,
    },
    /// No arm has the id of the reference.
    #[error("reference `{reference}`: no arm has this id; the arms are {}", known.join(", "))]
    NoReference {
        /// The id that was looked for.
        reference: String,
        /// The ids that there are.
        known: Vec<String>,
    },
    /// A cell is of a seed that the study does not have.
    #[error("{cell}: the seed is not among the study's seeds")]
    UnknownSeed {
        /// The cell.
        cell: CellId,
    },
    /// Two cells are of one arm and seed.
    #[error("{cell}: the cell is there twice; keep one")]
    DuplicateCell {
        /// The cell.
        cell: CellId,
    },
    /// A cell has evidence on a test that the study does not have.
    #[error("{cell}: `{test}` is not among the study's tests")]
    UnknownTest {
        /// The cell.
        cell: CellId,
        /// The test.
        test: String,
    },
    /// A selection lists a row twice.
    #[error("{cell}: row {row} is selected from twice")]
    DuplicateRow {
        /// The cell.
        cell: CellId,
        /// The row.
        row: RowId,
    },
    /// A row's weight is negative or not finite.
    #[error("selection of {cell}: a weight is {weight}; weights are finite and not negative")]
    Weight {
        /// The cell.
        cell: CellId,
        /// The weight.
        weight: f64,
    },
    /// The evidence on a cell cannot be compared with the reference's.
    #[error("{cell}, test `{test}`: {source}")]
    Verdicts {
        /// The cell.
        cell: CellId,
        /// The test.
        test: String,
        /// What is wrong.
        source: Box<JudgeError>,
    },
    /// The evidence on two models cannot be compared.
    #[error("seed at position {column}: {source}")]
    Evidence {
        /// Position of the seed, from 0.
        column: usize,
        /// What is wrong.
        source: Box<JudgeError>,
    },
    /// A statistic refused its numbers.
    #[error("{place}: {source}")]
    Stats {
        /// Which numbers.
        place: StatisticInput,
        /// What is wrong.
        source: StatsError,
    },
}

/// One arm with one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellId {
    /// The arm's id.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
}

/// Which numbers a statistic was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatisticInput {
    /// Verdicts on two models.
    Verdicts,
    /// The verdicts of an arm on a test.
    Test {
        /// The arm's id.
        arm: String,
        /// The test.
        test: String,
    },
    /// The verdicts of an arm and of the arm it is compared with.
    Comparison {
        /// The arm's id.
        arm: String,
        /// The other's id.
        against: String,
        /// The test.
        test: String,
    },
    /// The rows that a cell selects from.
    Selection(CellId),
    /// The p values of one family.
    Holm,
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arm `{}`, seed {}", self.arm, self.seed)
    }
}

impl fmt::Display for StatisticInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdicts => f.write_str("verdicts"),
            Self::Test { arm, test } => write!(f, "arm `{arm}`, test `{test}`"),
            Self::Comparison { arm, against, test } => {
                write!(f, "arm `{arm}` against `{against}`, test `{test}`")
            }
            Self::Selection(cell) => write!(f, "selection of {cell}"),
            Self::Holm => f.write_str("Holm's correction"),
        }
    }
}

impl EvalError {
    /// Names the numbers that a statistic refused.
    pub(crate) fn at(place: StatisticInput) -> impl FnOnce(StatsError) -> Self {
        move |source| Self::Stats { place, source }
    }
}
