//! Comparison of two arms on the same prompts and seeds.

use crate::level::{normal_quantile, two_sided_p};
use crate::{Level, Outcomes, StatsError, study_interval};

/// A paired comparison; all rates are fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// First arm minus second.
    pub diff: f64,
    /// Standard error of the difference. Never 0.
    pub se: f64,
    /// Degrees of freedom of the t statistic.
    pub df: f64,
    /// Lower end of the interval.
    pub lo: f64,
    /// Upper end of the interval.
    pub hi: f64,
    /// Two-sided p-value of no difference, before any correction for multiple tests.
    pub p: f64,
    /// The difference that a test at 5 % would find four times in five: (z.975 + z.8) x se. "No
    /// difference" may be said only beside it. Normal quantiles make it a lower bound where `df` is
    /// small.
    pub detectable: f64,
}

/// Compares `a` with `b` prompt by prompt and seed by seed.
///
/// The differences get the variance and degrees of freedom of [`study_interval`], so a claim holds
/// for new seeds and new prompts. A pair of which either verdict is missing is left out. `Ok(None)`
/// where [`study_interval`] has no answer: one seed says nothing about another.
///
/// # Errors
/// [`StatsError::Unpaired`] where the shapes differ.
pub fn paired(a: &Outcomes, b: &Outcomes, level: Level) -> Result<Option<Paired>, StatsError> {
    Ok(study_interval(&a.minus(b)?, level).map(|study| Paired {
        diff: study.mean,
        se: study.se,
        df: study.df,
        lo: study.lo,
        hi: study.hi,
        p: two_sided_p(study.mean / study.se, study.df),
        detectable: (normal_quantile(0.975) + normal_quantile(0.8)) * study.se,
    }))
}
