//! What can go wrong in training.

use seal_lm::LmError;
use seal_select::SelectError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum BilevelError {
    /// A setting outside its range.
    #[error("{0}")]
    Settings(String),
    /// Nothing to train on.
    #[error("the {0} has no rows that can be trained on")]
    Empty(&'static str),
    /// The model failed.
    #[error(transparent)]
    Model(#[from] LmError),
    /// The selector failed.
    #[error(transparent)]
    Selector(#[from] SelectError),
    /// Nearly all weight sits on a few rows.
    #[error(
        "epoch {epoch}: the selector collapsed: its effective sample size is {ess:.3} of the \
         rows, below 0.05; lower bilevel.kappa (or bilevel.rate)"
    )]
    Collapsed {
        /// Epoch, from 1.
        epoch: usize,
        /// Effective sample size over N.
        ess: f64,
    },
    /// The observer of a run failed.
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}
