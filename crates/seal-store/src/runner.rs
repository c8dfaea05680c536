//! Where the work of a stage is done.

use std::error::Error;

use crate::error::StoreError;
use crate::node::{Job, Node};
use crate::threads::{NoThread, on_pool};

/// Does the work of stages, several at once: in this process, or by handing them to another.
///
/// A runner decides neither what runs nor when, and touches nothing of the store but the
/// folders of the job.
pub trait Runner<W>: Sync {
    /// Why work fails.
    type Error: Error + Send + 'static;

    /// Makes the output of `node` in the folder of `job`, and returns when it is whole.
    ///
    /// # Errors
    /// Work that failed, or that could not be started.
    fn run(&self, node: &Node<W>, job: &Job<'_>) -> Result<(), StageError<Self::Error>>;
}

/// Why a stage has no output.
#[derive(Debug, thiserror::Error)]
pub enum StageError<E> {
    /// Its work failed.
    #[error(transparent)]
    Work(E),
    /// Its work stopped because it was asked to.
    #[error("stopped on request")]
    Cancelled,
    /// Its work panicked.
    #[error("panicked: {}", message.as_deref().unwrap_or("no message"))]
    Panicked {
        /// The message of the panic, if it was a text.
        message: Option<String>,
    },
    /// The system gave no thread to do it on.
    #[error(transparent)]
    NoThread(#[from] NoThread),
    /// The store could not take its output.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A stage's work as a function.
pub type Work<'a, E> = Box<dyn Fn(&Job<'_>) -> Result<(), E> + Send + Sync + 'a>;

/// Calls the work of a stage in this process, on as many threads as the stage needs.
///
/// Each stage has a pool of its own: small models, with one thread each, lose more than they
/// gain by sharing.
#[derive(Debug)]
pub struct InProcess<E> {
    is_cancelled: fn(&E) -> bool,
}

impl<E> InProcess<E> {
    /// A runner of functions that fail with `E` and never stop on request.
    pub fn new() -> Self {
        Self { is_cancelled: |_| false }
    }

    /// The same, of functions that may stop on request: `is_cancelled` tells by their error.
    pub fn cancelled_by(is_cancelled: fn(&E) -> bool) -> Self {
        Self { is_cancelled }
    }
}

impl<E> Default for InProcess<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, E: Error + Send + 'static> Runner<Work<'a, E>> for InProcess<E> {
    type Error = E;

    fn run(&self, node: &Node<Work<'a, E>>, job: &Job<'_>) -> Result<(), StageError<E>> {
        on_pool(node.needs.threads, || (node.work)(job))?.map_err(|error| {
            match (self.is_cancelled)(&error) {
                true => StageError::Cancelled,
                false => StageError::Work(error),
            }
        })
    }
}
