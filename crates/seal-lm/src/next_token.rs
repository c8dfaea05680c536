//! How likely each token is to come next.

use crate::answer_loss::rows_at_once;
use crate::last_states::of_last_states;
use crate::linear::product;
use crate::{Lm, LmError};

/// The log-probabilities, in nats, of all V tokens after the last token of each row, `[B][V]`.
///
/// One forward pass. Logits are made of the last tokens alone, a few rows at a time. A row's
/// numbers do not depend on the rows beside it, but for the order of sums that a device chooses.
/// States between the layers are f32, whatever the format of the weights, as in generation.
///
/// `model` is expected off the tape ([`burn::module::Module::valid`]).
///
/// # Errors
/// [`LmError::EmptyRow`] for a row without tokens, [`LmError::Token`] for a token outside the
/// vocabulary, [`LmError::NoProbability`] where the model gives numbers that are not finite.
pub fn next_token_log_probabilities(model: &Lm, rows: &[&[u32]]) -> Result<Vec<Vec<f32>>, LmError> {
    let model = &model.clone().with_f32_states();
    let (size, v) = (rows_at_once(model), model.config().vocab_size);
    let found = of_last_states(&model.trunk, rows, |states| {
        let [m, d] = states.dims();
        let head = model.output_weight().0.cast(states.dtype());
        let mut found = Vec::with_capacity(m);
        for from in (0..m).step_by(size) {
            let states = states.clone().slice([from..(from + size).min(m), 0..d]);
            let logits = model.capped(product(None, states, head.clone(), model.kernels()));
            let logits = logits.into_data();
            let logits = logits.convert::<f32>().try_into_vec::<f32>().expect("logits are f32");
            found.extend(logits.chunks_exact(v).map(log_softmax));
        }
        found
    })?;
    match found.iter().position(Option::is_none) {
        Some(row) => Err(LmError::NoProbability { row }),
        None => Ok(found.into_iter().flatten().collect()),
    }
}

/// `logits` less the logarithm of the sum of their exponentials, which is taken in f64; `None`
/// for a logit that is not finite.
fn log_softmax(logits: &[f32]) -> Option<Vec<f32>> {
    if logits.iter().any(|logit| !logit.is_finite()) {
        return None;
    }
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = f64::from(largest);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - largest).exp()).sum();
    let norm = largest + sum.ln();
    Some(logits.iter().map(|logit| (f64::from(*logit) - norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_and_keep_the_distances_of_logits() {
        let found = log_softmax(&[1.0, -2.0, 300.0, 299.0]).unwrap();
        let sum: f64 = found.iter().map(|x| f64::from(*x).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        assert!((found[2] - found[3] - 1.0).abs() < 1e-6);
        assert_eq!(log_softmax(&[1.0, f32::NAN]), None);
        assert_eq!(log_softmax(&[1.0, f32::INFINITY]), None);
    }
}
