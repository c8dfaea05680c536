//! Rows and vocabularies that are taken in chunks.

use burn::module::Module as _;
use seal_lm::{LmConfig, Tape, differentiate, token_losses};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::forward::{of_weights, wide};
use crate::rows;
use crate::side::Side;

/// Rows of some hundred tokens: attention goes over several chunks of queries.
pub(crate) fn long_rows(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let shape = LmConfig { max_position_embeddings: 1024, ..shape.clone() };
    both(side, &shape, &[(700, 690), (513, 500), (30, 5)])
}

/// Logits that do not fit in memory at once.
pub(crate) fn wide_vocabulary(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let shape =
        LmConfig { vocab_size: 130_000, hidden_size: 16, num_hidden_layers: 1, ..shape.clone() };
    both(side, &shape, &[(50, 5), (40, 2), (7, 3)])
}

fn both(side: &Side, shape: &LmConfig, lengths: &[(usize, usize)]) -> Result<Found, PathFault> {
    let model = side.model(shape)?;
    let batch = rows::batch(&rows::of_lengths("long", lengths));
    let weights = vec![1.0 / batch.targets.len() as f32; batch.targets.len()];
    let mut found = Found::default();
    found.numbers("losses", wide(&token_losses(&model.valid(), &batch)));
    let done = differentiate(&model, &batch, &weights, None, Tape::default());
    found.numbers("losses on a tape", wide(&done.tokens));
    found.group("gradient", of_weights(&model, &done.gradients)?);
    Ok(found)
}
