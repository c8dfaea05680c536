//! One pass: losses, logits and gradients.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use seal_lm::{DropoutKey, Lm, LmConfig, Tape, differentiate, dropped_token_losses, token_losses};

use crate::fault::PathFault;
use crate::found::Found;
use crate::rows;
use crate::side::{Side, lora};

/// Logits at every position, and losses of the answers.
pub(crate) fn losses(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let model = side.model(shape)?.valid();
    let batch = rows::batch(&rows::few());
    let mut found = Found::default();
    let logits = numbers(model.logits(model.hidden(&batch, None)));
    // What stands at padding is nobody's.
    let v = shape.vocab_size;
    let kept = batch
        .lengths
        .iter()
        .enumerate()
        .flat_map(|(row, n)| logits[row * batch.width * v..][..n * v].iter().copied());
    found.numbers("logits", kept.collect());
    found.numbers("losses", wide(&token_losses(&model, &batch)));
    Ok(found)
}

/// Losses and gradients of all weights, with activations kept and made again.
pub(crate) fn gradients(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    both_tapes(&side.model(shape)?, false)
}

/// Losses and gradients of adapters on all layers, with dropout.
pub(crate) fn adapted_gradients(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    both_tapes(&side.adapted(shape, &lora(0.3))?, true)
}

fn both_tapes(model: &Lm, dropped: bool) -> Result<Found, PathFault> {
    let batch = rows::batch(&rows::few());
    let weights: Vec<f32> = (0..batch.targets.len()).map(|m| 0.1 + (m % 7) as f32 / 9.0).collect();
    let key = DropoutKey { seed: 1, step: 2, ids: &batch.ids, lengths: &batch.lengths };
    let key = dropped.then_some(key);
    let mut found = Found::default();
    for (name, recompute) in [("kept:", false), ("made again:", true)] {
        let done = differentiate(model, &batch, &weights, key, Tape { recompute });
        found.numbers(format!("{name} losses"), wide(&done.tokens));
        found.group(&format!("{name} gradient"), of_weights(model, &done.gradients)?);
    }
    let plain = dropped_token_losses(&model.valid(), &batch, key);
    found.numbers("without a tape: losses", wide(&plain));
    Ok(found)
}

/// The gradients, each named by its place in the model.
pub(crate) fn of_weights(
    model: &Lm,
    gradients: &GradientsParams,
) -> Result<Vec<(String, Vec<f64>)>, PathFault> {
    struct Read<'a> {
        from: &'a GradientsParams,
        at: usize,
        read: Vec<(String, Vec<f64>)>,
    }
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.from.get::<D>(param.id) {
                self.read.push((format!("{} {:?}", self.at, gradient.dims()), numbers(gradient)));
            }
            self.at += 1;
        }
    }
    let mut read = Read { from: gradients, at: 0, read: Vec::new() };
    model.visit(&mut read);
    match read.read.is_empty() {
        true => Err(PathFault::broken("no weight got a gradient")),
        false => Ok(read.read),
    }
}

/// The numbers of `x`, on the host.
pub(crate) fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// As f64.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}
