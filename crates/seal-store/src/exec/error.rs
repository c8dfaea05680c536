//! What can go wrong with a graph.

use crate::error::StoreError;
use crate::runner::StageError;
use crate::threads::NoThread;

/// Why a graph was not run to its end. `E` is why the work of a stage fails.
#[derive(Debug, thiserror::Error)]
pub enum GraphError<E> {
    /// The store cannot be read.
    #[error(transparent)]
    Store(StoreError),
    /// A stage failed. What was finished is in the store.
    #[error("{stage} {label}: {source}")]
    Stage {
        /// Its name.
        stage: &'static str,
        /// Which of the stages of this name.
        label: String,
        /// Why.
        source: StageError<E>,
    },
    /// The observer asked to stop. What was finished is in the store.
    #[error("stopped on request: {done} of {of} stages are done")]
    Cancelled {
        /// Stages that are done.
        done: usize,
        /// Stages in all.
        of: usize,
    },
    /// The system gave no thread to work on.
    #[error(transparent)]
    NoThread(NoThread),
    /// Stages were left out though nothing failed: they depend on later ones, or on
    /// themselves.
    #[error("stages that depend on themselves were never run")]
    NeverRun,
}
