//! How far two or more raters agree beyond chance.
//!
//! Labels are categories counted from 0. Skewed labels depress every one of these figures, even where
//! raters agree on nearly all items: show the table of counts ([`confusion`]) beside them.

mod alpha;
mod fleiss;
mod kappa;

pub use alpha::krippendorff_alpha;
pub use fleiss::fleiss_kappa;
pub use kappa::{Kappa, KappaWeights, cohen_kappa, confusion};

use crate::StatsError;

/// Refuses a label that is none of the categories.
fn check_labels(
    what: &'static str,
    labels: impl IntoIterator<Item = usize>,
    categories: usize,
) -> Result<(), StatsError> {
    match labels.into_iter().enumerate().find(|(_, label)| *label >= categories) {
        Some((index, label)) => Err(StatsError::Label { what, index, label, categories }),
        None => Ok(()),
    }
}
