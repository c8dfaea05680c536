//! Comparison of two arms on the same prompts and seeds.

use crate::level::normal_quantile;
use crate::study::study;
use crate::{Level, Outcomes, StatsError};

/// A paired comparison; all rates are fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// First arm minus second.
    pub diff: f64,
    /// Standard error of the difference. Never 0.
    pub se: f64,
    /// Lower end of the interval.
    pub lo: f64,
    /// Upper end of the interval.
    pub hi: f64,
    /// Two-sided p-value of no difference, before any correction for multiple tests.
    pub p: f64,
    /// The difference that a test at 5 % would find four times in five: (z.975 + z.8) x se. "No
    /// difference" may be said only beside it. Normal quantiles make it a lower bound where seeds are few
    /// and differ.
    pub detectable: f64,
}

/// Compares `a` with `b` prompt by prompt and seed by seed.
///
/// The differences get the variance and interval of [`study_interval`](crate::study_interval), so a
/// claim holds for new seeds and new prompts. A pair of which either verdict is missing is left out.
/// `Ok(None)` where there is no study interval: one seed says nothing about another.
///
/// # Errors
/// [`StatsError::Unpaired`] where the shapes differ.
pub fn paired(a: &Outcomes, b: &Outcomes, level: Level) -> Result<Option<Paired>, StatsError> {
    Ok(study(&a.minus(b)?, level).map(|(study, pivot)| Paired {
        diff: study.mean,
        se: study.se,
        lo: study.lo,
        hi: study.hi,
        p: pivot.p(study.mean),
        detectable: (normal_quantile(0.975) + normal_quantile(0.8)) * study.se,
    }))
}
