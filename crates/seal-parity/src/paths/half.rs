//! Weights in bf16.

use burn::module::Module as _;
use burn::tensor::DType;
use seal_bilevel::score;
use seal_lm::{LmConfig, Tape, WeightFormat, differentiate, token_losses};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::forward::{of_weights, wide};
use crate::rows;
use crate::side::{Side, lora, shaken_adapters};

fn has_bf16(side: &Side) -> Result<(), PathFault> {
    match side.device().supports_dtype(DType::BF16) {
        true => Ok(()),
        false => Err(PathFault::Lacking { reason: "the device has no bf16".to_owned() }),
    }
}

/// Losses with states in bf16.
pub(crate) fn half_losses(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    has_bf16(side)?;
    let model = side.model_as(shape, WeightFormat::Bf16)?;
    let mut found = Found::default();
    let losses = token_losses(&model.valid(), &rows::batch(&rows::few()));
    found.numbers("losses", wide(&losses));
    let rows = rows::many("scored", 20);
    // Scoring has states in f32, whatever the weights.
    found.numbers("scores", score(&model, &rows, 8, &mut |_, _| ())?);
    Ok(found)
}

/// Gradients of adapters in f32 beside weights in bf16.
pub(crate) fn half_gradients(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    has_bf16(side)?;
    let model = side.model_as(shape, WeightFormat::Bf16)?.with_lora(&lora(0.0), 3)?;
    let model = shaken_adapters(model);
    let batch = rows::batch(&rows::few());
    let weights = vec![1.0 / batch.targets.len() as f32; batch.targets.len()];
    let mut found = Found::default();
    let done = differentiate(&model, &batch, &weights, None, Tape::default());
    found.numbers("losses", wide(&done.tokens));
    found.group("gradient", of_weights(&model, &done.gradients)?);
    Ok(found)
}
