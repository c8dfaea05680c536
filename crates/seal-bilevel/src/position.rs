//! Place of a step in its run.

use seal_data::RowId;

use crate::error::{BilevelError, StepFigure};

/// Place of a step in its run.
#[derive(Clone, Copy, Debug)]
pub struct StepPosition {
    /// Study seed.
    pub(crate) seed: u64,
    /// From 0.
    pub(crate) step: usize,
    /// From 0.
    pub(crate) epoch: usize,
    /// Step of the epoch, from 0.
    pub(crate) in_epoch: usize,
}

impl StepPosition {
    pub(crate) fn diverged(self, figure: StepFigure, value: f64, rows: Vec<RowId>) -> BilevelError {
        BilevelError::Diverged { step: self.step, epoch: self.epoch + 1, figure, value, rows }
    }
}
