//! Runs that cannot be judged again.

use std::path::PathBuf;

/// Why a run cannot be judged again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
