//! Prompt interval: what these models would do on new prompts.
//!
//! The bias-corrected and accelerated bootstrap (Efron, JASA 1987, 82) follows the skew of a win
//! rate near 0 or 1, which a normal interval does not. The statistic is a mean, so the jackknife
//! acceleration has a closed form and no leave-one-out pass is needed.

use chacha20::ChaCha8Rng;
use rand::SeedableRng;

use crate::level::{normal_cdf, normal_quantile};
use crate::resample::resampled_means;
use crate::wilson::near_constant;
use crate::{Interval, IntervalMethod, Level, Outcomes, mean, sum};

/// Bootstrap resamples of every reported interval.
pub const DEFAULT_RESAMPLES: usize = 10_000;

/// Confidence interval of the mean outcome of these models on new prompts.
///
/// The unit is the prompt and its value the mean over seeds: BCa bootstrap from a ChaCha8 generator
/// seeded with `seed`, or a Wilson-type interval where fewer than five prompts differ from the
/// majority outcome. `None` with fewer than two prompts that have a verdict, or with no resamples.
///
/// The seeds are taken as they are. For what a new run would give, see
/// [`study_interval`](crate::study_interval).
pub fn prompt_interval(
    outcomes: &Outcomes,
    level: Level,
    resamples: usize,
    seed: u64,
) -> Option<Interval> {
    let values = outcomes.prompt_means();
    if values.len() < 2 || resamples == 0 {
        return None;
    }
    let scale = outcomes.scale();
    if let Some(interval) = near_constant(&values, scale, level) {
        return Some(interval);
    }
    let means = resampled_means(&values, resamples, &mut ChaCha8Rng::seed_from_u64(seed));
    let (lower, upper) = bca_probabilities(mean(&values)?, &values, &means, level)?;
    let end = |p| quantile(&means, p).clamp(scale.lo(), scale.hi());
    Some(Interval { lo: end(lower), hi: end(upper), method: IntervalMethod::Bca })
}

/// Probabilities at which the bootstrap distribution is read: Efron's alpha_1 and alpha_2.
///
/// `influence` has a number a prompt, of which only the deviations from their mean matter, up to a
/// factor: for a mean the values themselves, otherwise the estimates without that prompt with their
/// sign changed. `resampled` is sorted. `None` where all resampled values equal the estimate and
/// there is no distribution to read.
pub(crate) fn bca_probabilities(
    estimate: f64,
    influence: &[f64],
    resampled: &[f64],
    level: Level,
) -> Option<(f64, f64)> {
    let z0 = bias_correction(estimate, resampled)?;
    let a = acceleration(influence, mean(influence)?)?;
    let probability = |tail: f64| {
        let shifted = z0 + normal_quantile(tail);
        // At a pole of the correction the end is the end of the distribution.
        let room = 1.0 - a * shifted;
        if room > 0.0 { normal_cdf(z0 + shifted / room) } else { f64::from(shifted > 0.0) }
    };
    Some((probability(level.tail()), probability(1.0 - level.tail())))
}

/// z0: normal quantile of the share of resampled means below the estimate, ties counted half.
///
/// Verdicts are multiples of a half, so many resampled means equal the estimate; counting those as
/// above or below would shift the interval.
fn bias_correction(estimate: f64, means: &[f64]) -> Option<f64> {
    // Equal up to the order of summation.
    let tolerance = 1e-12;
    let below = means.partition_point(|m| *m < estimate - tolerance);
    let up_to = means.partition_point(|m| *m <= estimate + tolerance);
    let share = (below + up_to) as f64 / (2 * means.len()) as f64;
    (share > 0.0 && share < 1.0).then(|| normal_quantile(share))
}

/// Jackknife acceleration of a mean: sum d^3 / (6 (sum d^2)^(3/2)) with d the deviations. Leaving a
/// value out moves the mean by its deviation over n - 1, and the n - 1 cancels.
fn acceleration(values: &[f64], estimate: f64) -> Option<f64> {
    let squares = sum(values.iter().map(|v| (v - estimate).powi(2)));
    let cubes = sum(values.iter().map(|v| (v - estimate).powi(3)));
    (squares > 0.0).then(|| cubes / (6.0 * squares.powf(1.5)))
}

/// Quantile of sorted values by linear interpolation (type 7, the default of NumPy and R).
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
#[path = "bootstrap_tests.rs"]
mod tests;
