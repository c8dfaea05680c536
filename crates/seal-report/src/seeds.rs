//! Figures of an arm's selection over its seeds.

use crate::{Arm, Ranking, number};

/// A figure over the seeds that have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OverSeeds {
    pub mean: f64,
    pub least: f64,
    pub largest: f64,
}

impl OverSeeds {
    /// `None` where no seed has the figure.
    pub(crate) fn of(arm: &Arm, pick: fn(&Ranking) -> Option<f64>) -> Option<Self> {
        let values: Vec<f64> =
            arm.cells.iter().filter_map(|cell| pick(cell.selection.as_ref()?)).collect();
        (!values.is_empty()).then(|| Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            largest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// The mean, with the least and the largest seed in brackets.
    pub(crate) fn text(self, text: fn(f64) -> String) -> String {
        format!("{} {}", text(self.mean), number::bracket(&text(self.least), &text(self.largest)))
    }
}

/// The share of the unsafe rows that an arm keeps, as fractions.
pub(crate) fn unsafe_kept(arm: &Arm) -> Option<OverSeeds> {
    OverSeeds::of(arm, |ranking| ranking.unsafe_kept)
}
