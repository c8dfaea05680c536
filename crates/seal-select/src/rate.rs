//! Learning rates that mean the same for every loss scale and function.

use crate::settings::check_positive;
use crate::{SelectError, SelectorFunction, SelectorOptimizer};

/// Rate at which `function` changes weights as fast, to first order from the
/// start, as softmax does at `rate`.
///
/// A plain step moves p by rate x score x (dp/dw)^2, since the slope enters
/// once in the gradient and once in the weight. Adam divides the gradient's
/// scale out, so that the slope enters once; that softmax then also lifts every
/// row outside the batch, by the same rate, is left out.
pub fn matched_rate(function: SelectorFunction, rate: f64, optimizer: &SelectorOptimizer) -> f64 {
    let slope = function.start_slope();
    match optimizer {
        SelectorOptimizer::Plain => rate / (slope * slope),
        SelectorOptimizer::Adam { .. } => rate / slope,
    }
}

/// Rate of a plain softmax selector, `kappa * batch / (epochs * mean_loss)`.
///
/// To first order a row that is visited once an epoch ends at the logit
/// -kappa (l / mean_loss - 1), whatever the scale of the loss. `mean_loss` is
/// that of the fine-tuning set under the starting model, in nats per token, a
/// constant of the run.
///
/// # Errors
/// If an argument is not positive and finite.
pub fn rate_from_kappa(
    kappa: f64,
    batch: usize,
    epochs: usize,
    mean_loss: f64,
) -> Result<f64, SelectError> {
    check_positive("kappa", kappa)?;
    check_positive("batch", batch as f64)?;
    check_positive("epochs", epochs as f64)?;
    check_positive("mean loss", mean_loss)?;
    Ok(kappa * batch as f64 / (epochs as f64 * mean_loss))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Normalise, Selector, SelectorSettings};

    #[test]
    fn matched_functions_move_the_first_weight_alike() {
        for optimizer in [SelectorOptimizer::Plain, SelectorOptimizer::released()] {
            let moved = SelectorFunction::ALL.map(|function| {
                // Enough rows for softmax's 1/N to vanish.
                let settings = SelectorSettings { function, optimizer, ..Default::default() };
                let mut s = Selector::with_settings(settings, 1_000_000).unwrap();
                let rate = matched_rate(function, 1e-4, &optimizer);
                s.update(&[5], &[2.0], rate, 1).unwrap();
                // Relative to another row: none of them moves, except that
                // under Adam softmax lifts each by the rate.
                let p = s.weights_of(&[5, 6]);
                let lifted = s.omega()[6] - function.start();
                1.0 - p[0] / p[1] - lifted
            });
            for m in moved {
                assert!((m / moved[0] - 1.0).abs() < 1e-3, "{optimizer:?}: {moved:?}");
            }
        }
    }

    #[test]
    fn kappa_sets_where_logits_end() {
        // 400 rows, half at twice the loss of the rest, four epochs.
        let losses: Vec<f64> = (0..400).map(|i| if i % 2 == 0 { 40.0 } else { 20.0 }).collect();
        let rate = rate_from_kappa(0.03, 8, 4, 30.0).unwrap();
        let mut s = Selector::new(SelectorFunction::Softmax, 400, Normalise::None).unwrap();
        for _ in 0..4 {
            for first in (0..400).step_by(8) {
                let batch: Vec<usize> = (first..first + 8).collect();
                s.update(&batch, &losses[first..first + 8], rate, 8).unwrap();
            }
        }
        for (w, l) in s.omega().iter().zip(&losses) {
            assert!((w + 0.03 * (l / 30.0 - 1.0)).abs() < 1e-3, "{w} {l}");
        }
    }

    #[test]
    fn a_loss_of_zero_has_no_rate() {
        insta::assert_snapshot!(
            rate_from_kappa(0.4, 8, 4, 0.0).unwrap_err(),
            @"mean loss is 0, it must be positive and finite"
        );
    }
}
