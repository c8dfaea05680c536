//! The normalising constant of the weights, and the gradient through it.

use crate::batch::BatchScores;
use crate::chunked;
use crate::softmax::Partition;
use crate::{Normalise, SelectError, SelectorFunction, SelectorSettings};

/// The normalising constant: the figure that all rows' weights share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Normaliser {
    /// Nothing.
    None,
    /// The sum of the unnormalised weights.
    Mean { total: f64 },
    /// Softmax's partition function.
    Softmax(Partition),
}

impl Normaliser {
    /// At the logits `omega`.
    ///
    /// # Errors
    /// If the logits diverged, or all weights are 0 and cannot be normalised.
    pub(crate) fn of(settings: &SelectorSettings, omega: &[f64]) -> Result<Self, SelectError> {
        match (settings.function, settings.normalise) {
            (SelectorFunction::Softmax, _) => Ok(Self::Softmax(Partition::of(omega)?)),
            (_, Normalise::None) => Ok(Self::None),
            (function, Normalise::Mean) => {
                let total = chunked::sum(omega, |w| function.value(w));
                if !total.is_finite() {
                    Err(SelectError::Diverged)
                } else if total > 0.0 {
                    Ok(Self::Mean { total })
                } else {
                    Err(SelectError::AllWeightsZero)
                }
            }
        }
    }

    /// Weight p of a row with logit `w`, one of `n`.
    pub(crate) fn weight(&self, function: SelectorFunction, n: usize, w: f64) -> f64 {
        match self {
            Self::None => function.value(w),
            Self::Mean { total } => function.value(w) * n as f64 / total,
            Self::Softmax(partition) => partition.share(w) * n as f64,
        }
    }

    /// dp/dw of the same row, without the part that it has through what
    /// weights share.
    fn slope(&self, function: SelectorFunction, n: usize, w: f64) -> f64 {
        match self {
            Self::None => function.slope(w),
            Self::Mean { total } => function.slope(w) * n as f64 / total,
            Self::Softmax(partition) => partition.share(w) * n as f64,
        }
    }
}

/// The gradient of (1/B) sum_j s_j p_j at one batch.
///
/// With p_i = N u_i / U and U = sum u, for softmax (u = exp) as for the
/// mean-normalised functions, dp_j/dw_k = (N/U) u'_k (delta_jk - p_j/N), so
/// that the gradient is (N/U) u'_k (s_k - m) / B with m = sum_j s_j p_j / N
/// and s_k = 0 outside the batch. Without a shared normaliser m is 0.
pub(crate) struct Slopes {
    normaliser: Normaliser,
    function: SelectorFunction,
    n: usize,
    mean: f64,
    batch_size: f64,
}

impl Slopes {
    pub(crate) fn of(
        normaliser: Normaliser,
        function: SelectorFunction,
        omega: &[f64],
        batch: &BatchScores,
        batch_size: usize,
    ) -> Self {
        let n = omega.len();
        let weighted = |&(j, s): &(usize, f64)| s * normaliser.weight(function, n, omega[j]);
        let mean = match normaliser {
            Normaliser::None => 0.0,
            _ => batch.entries().iter().map(weighted).sum::<f64>() / n as f64,
        };
        Self { normaliser, function, n, mean, batch_size: batch_size as f64 }
    }

    /// For a row with logit `w` and score `s`, 0 outside the batch.
    pub(crate) fn at(&self, w: f64, s: f64) -> f64 {
        self.normaliser.slope(self.function, self.n, w) * (s - self.mean) / self.batch_size
    }

    /// Whether rows outside the batch have a gradient.
    pub(crate) fn reach_all_rows(&self) -> bool {
        self.mean != 0.0
    }

    /// Writes every row's gradient to `gradient`.
    pub(crate) fn write(&self, omega: &[f64], batch: &BatchScores, gradient: &mut [f64]) {
        if self.reach_all_rows() {
            chunked::map_mut(gradient, |first, rows| {
                for (g, &w) in rows.iter_mut().zip(&omega[first..]) {
                    *g = self.at(w, 0.0);
                }
            });
        } else {
            gradient.fill(0.0);
        }
        for &(j, s) in batch.entries() {
            gradient[j] = self.at(omega[j], s);
        }
    }
}
