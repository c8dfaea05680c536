//! Runs that cannot be judged again.

use std::path::PathBuf;

use seal_model::ModelError;

use super::config::of_judge;

/// Why a run cannot be judged again.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// A folder without the config of a run.
    #[error("{}: it holds no config of a run", out.display())]
    NoRun {
        /// The folder.
        out: PathBuf,
    },
    /// A test that the study does not have.
    #[error("`{test}` is no test of this run; its tests are {}", known.join(", "))]
    NoSuchTest {
        /// The name.
        test: String,
        /// The tests.
        known: Vec<String>,
    },
    /// Tests for which no answers were generated.
    #[error(
        "{}: the run generated no answers, since its judge asks for likelihoods or is a majority; \
         only generated answers can be judged again",
        tests.join(", ")
    )]
    NoAnswers {
        /// The tests.
        tests: Vec<String>,
    },
    /// A judge that is not replaced and whose model folder cannot be used.
    #[error(
        "{}; this judge is not replaced, and its model is looked at all the same, because the new \
         results have its figures too, and the run left no judges.json that says what its model is: put the \
         model back",
        of_judge(section, &source.to_string())
    )]
    OtherJudge {
        /// The judge's section.
        section: String,
        /// What is wrong with it.
        source: Box<ModelError>,
    },
    /// Outputs that are not in the store.
    #[error(
        "{count} outputs that another judge needs are not whole in the store, the first is {first}; \
         nothing is made again for a judge: run the study to its end first"
    )]
    NotStored {
        /// The first of them.
        first: String,
        /// Their number.
        count: usize,
    },
}
