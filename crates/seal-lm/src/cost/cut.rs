//! Where batches are cut on devices with kernels, as far as it follows from the
//! shape of a model.

use super::counts::{kept_per_token, linear_weights};
use crate::plan::Plan;

/// Multiply-adds of a forward pass that are worth a part of their own.
pub(crate) const WORTH: usize = 1 << 27;

/// Tokens per part. Not fewer: each matrix product repacks its weights once per
/// part.
pub(crate) const PART: usize = 512;

/// Tokens per part where the tape of [`PART`] tokens takes more memory than the
/// model.
pub(crate) const SMALL_PART: usize = 256;

/// Most groups of parts that have gradients of their own.
pub(crate) const GROUPS: usize = 8;

/// Most groups where these gradients are as large as the model.
const WHOLE_GROUPS: usize = 2;

/// What decides how a batch is cut where there are kernels: rows take turns on the
/// tape, so that what it holds does not grow with the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Weights of the linear layers of all blocks.
    pub(crate) linear: usize,
    /// Weights that are trained.
    trained: usize,
    /// Whether all are, and not adapters.
    whole: bool,
    /// Numbers that a tape keeps of each token, roughly.
    pub(crate) kept: usize,
}

impl Cut {
    /// Of a model with `trained` weights that are trained, all of them if `whole`.
    pub(crate) fn of(plan: &Plan, trained: usize, whole: bool) -> Self {
        let (linear, kept) = (linear_weights(plan) as usize, kept_per_token(plan) as usize);
        Self { linear, trained, whole, kept }
    }

    /// Most groups of parts.
    pub(crate) fn groups(&self) -> usize {
        if self.whole { WHOLE_GROUPS } else { GROUPS }
    }

    /// Tokens from which another part is worth gradients of its own: they take less
    /// than half of the memory of its tape.
    pub(crate) fn least(&self) -> usize {
        2 * self.trained / self.kept.max(1)
    }

    /// Tokens on the tape at once, and copies of the gradients, at most: of batches of
    /// any size with rows of about one length, up to `context` tokens, where there are
    /// kernels.
    pub(crate) fn at_once(&self, context: usize, threads: usize) -> (usize, usize) {
        let lanes = threads.clamp(1, self.groups());
        let part = PART.max(self.least()).max(WORTH / self.linear.max(1));
        // Numbers of parts are rounded down, to half of them at most. There are no more than
        // rows, so that a part may be two of them.
        (lanes * (2 * part + context).max(2 * context), self.groups() + lanes)
    }
}
