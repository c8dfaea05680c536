//! Win rate at equal lengths: what a judge that likes long answers would say if both were as long.
//!
//! The model is the shortest of AlpacaEval's (Dubois et al. 2024, arXiv:2404.04475), without its terms
//! of instructions:
//!
//! ```text
//! logit p = w1 tanh(d / s) + w2
//! ```
//!
//! with p the worth of a prompt, d the length of the arm's answer less that of the reference's, and s
//! the sample standard deviation of d. The figure is p at d = 0, the logistic function of w2.
//!
//! AlpacaEval estimates the weights with an L1 penalty that it chooses by cross-validation. Here they
//! are the most likely ones. Where no finite weights are the most likely, because length tells wins
//! from losses without an exception, Firth's penalty decides ([`LengthFit::Penalised`]).

mod fit;

use chacha20::ChaCha8Rng;
use rand::SeedableRng;

use crate::bootstrap::{bca_probabilities, quantile};
use crate::resample::position;
use crate::wilson::near_constant;
use crate::{Interval, IntervalMethod, Level, Scale, StatsError, mean, sample_variance};
use fit::{CurveWeights, Observation};

/// How a [`LengthControlled`] win rate was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthFit {
    /// By the most likely weights.
    MostLikely,
    /// By the weights of Firth's penalised likelihood (Biometrika 1993, 80), the likelihood times the
    /// root of the determinant of the information. Length separates wins from losses, so that the
    /// likelihood has no maximum. The figure then says little.
    Penalised,
    /// Every worth is 1, or every worth is 0: so is the figure.
    Unanimous,
    /// No lengths differ: the figure is the mean worth.
    EqualLengths,
}

/// A win rate at equal lengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LengthControlled {
    /// The win rate at equal lengths, a fraction.
    pub rate: f64,
    /// w1, the change of the logit from equal lengths to an arm's answer that is much longer. `None`
    /// where no weights were fitted.
    pub slope: Option<f64>,
    /// How it was found.
    pub fit: LengthFit,
}

/// Win rate at equal lengths of prompts with `worths` in [0, 1] (1 a win, 0 a loss, or a probability)
/// and `excess`, the length of the arm's answer less that of the reference's, in any one unit.
///
/// `None` without prompts, and where the lengths differ by nearly the same amount in every prompt, of
/// which tanh shows no difference: then nothing is known of equal lengths.
///
/// # Errors
/// [`StatsError::Length`] for lists of different lengths, [`StatsError::Outcome`] for a worth outside
/// [0, 1], [`StatsError::NotFinite`] for a length.
pub fn length_controlled(
    worths: &[f64],
    excess: &[f64],
) -> Result<Option<LengthControlled>, StatsError> {
    check(worths, excess)?;
    Ok(controlled(worths, excess, CurveWeights::ZERO).map(|(found, _)| found))
}

/// Confidence interval of [`length_controlled`] on new prompts, with everything fitted again in each
/// resample.
///
/// BCa bootstrap over prompts from a ChaCha8 generator seeded with `seed`. Where fewer than five worths
/// differ from the majority it is the Wilson-type interval of the mean worth, stretched to hold the
/// estimate. A resample without an estimate has its mean worth in its place. `None` where the prompts
/// have no estimate, with fewer than two of them, or with no resamples.
///
/// # Errors
/// As [`length_controlled`].
pub fn length_controlled_interval(
    worths: &[f64],
    excess: &[f64],
    level: Level,
    resamples: usize,
    seed: u64,
) -> Result<Option<Interval>, StatsError> {
    check(worths, excess)?;
    let Some((estimate, start)) = controlled(worths, excess, CurveWeights::ZERO) else {
        return Ok(None);
    };
    if worths.len() < 2 || resamples == 0 {
        return Ok(None);
    }
    if let Some(Interval { lo, hi, method }) = near_constant(worths, Scale::Rate, level) {
        let (lo, hi) = (lo.min(estimate.rate), hi.max(estimate.rate));
        return Ok(Some(Interval { lo, hi, method }));
    }
    let refitted = |worths: &[f64], excess: &[f64]| {
        let found = controlled(worths, excess, start).map(|(found, _)| found.rate);
        found.or_else(|| mean(worths)).unwrap_or(estimate.rate)
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut drawn_worths, mut drawn_excess) = (worths.to_vec(), excess.to_vec());
    let mut rates: Vec<f64> = (0..resamples)
        .map(|_| {
            for at in 0..worths.len() {
                let from = position(worths.len(), &mut rng);
                (drawn_worths[at], drawn_excess[at]) = (worths[from], excess[from]);
            }
            refitted(&drawn_worths, &drawn_excess)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    // Influence of each prompt, by leaving it out. Only deviations from the mean matter.
    let left_out = |list: &[f64], at: usize| [&list[..at], &list[at + 1..]].concat();
    let influence: Vec<f64> = (0..worths.len())
        .map(|at| -refitted(&left_out(worths, at), &left_out(excess, at)))
        .collect();
    let Some((lower, upper)) = bca_probabilities(estimate.rate, &influence, &rates, level) else {
        return Ok(None);
    };
    let (lo, hi) = (quantile(&rates, lower), quantile(&rates, upper));
    Ok(Some(Interval { lo, hi, method: IntervalMethod::Bca }))
}

fn check(worths: &[f64], excess: &[f64]) -> Result<(), StatsError> {
    let (left, right) = (worths.len(), excess.len());
    if left != right {
        return Err(StatsError::Length { what: "worths and lengths", left, right });
    }
    let (lo, hi) = (Scale::Rate.lo(), Scale::Rate.hi());
    if let Some((prompt, value)) = worths.iter().enumerate().find(|(_, w)| !(lo..=hi).contains(*w))
    {
        return Err(StatsError::Outcome { prompt, seed: 0, value: *value, lo, hi });
    }
    if let Some((index, value)) = excess.iter().enumerate().find(|(_, d)| !d.is_finite()) {
        return Err(StatsError::NotFinite { what: "lengths", index, value: *value });
    }
    Ok(())
}

/// The figure and its weights, fitted from `start`.
fn controlled(
    worths: &[f64],
    excess: &[f64],
    start: CurveWeights,
) -> Option<(LengthControlled, CurveWeights)> {
    let average = mean(worths)?;
    let without = |rate, fit| Some((LengthControlled { rate, slope: None, fit }, start));
    if worths.iter().all(|w| *w == worths[0]) && (worths[0] == 0.0 || worths[0] == 1.0) {
        return without(worths[0], LengthFit::Unanimous);
    }
    if excess.iter().all(|d| *d == 0.0) {
        return without(average, LengthFit::EqualLengths);
    }
    let spread = sample_variance(excess)?.sqrt();
    if spread == 0.0 {
        return None;
    }
    let rows: Vec<Observation> = std::iter::zip(worths, excess)
        .map(|(worth, d)| Observation { worth: *worth, length: (d / spread).tanh() })
        .collect();
    let (fit, weights) = fit::fit(&rows, start)?;
    let rate = fit::logistic(weights.level);
    Some((LengthControlled { rate, slope: Some(weights.slope), fit }, weights))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
