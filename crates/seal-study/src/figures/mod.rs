//! From what a study left behind to the figures that a report shows.
//!
//! [`results_of`] computes the stored results and [`figures_of`] what the plots
//! need beyond them, both from [`StudyFacts`] and nothing else. No clock, no
//! file and no model is involved, so a report can be made again from the store.
//!
//! Invariant: the figures do not depend on the order in which arms, prompts or
//! rows were handed in, down to the last bit. Everything that is summed or
//! resampled is first put in the order of its row ids.
//!
//! What is not there is counted or null, never left out: a cell, a test or an
//! assessment that is missing gives missing verdicts, which the worst-case
//! bounds of a win rate show.

mod compare;
mod error;
mod facts;
mod plots;
mod rates;
mod results;
mod samples;
mod selection;
#[cfg(test)]
mod tests;
mod win;

pub use error::FiguresError;
pub use facts::{ArmFacts, CellFacts, SelectionFacts, StudyFacts, TestFacts};
pub use plots::figures_of;
pub use results::results_of;
pub use samples::row_samples;

/// Mean of the values that are there; `None` without any.
fn mean_of(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    seal_stats::mean(&values.into_iter().flatten().collect::<Vec<_>>())
}
