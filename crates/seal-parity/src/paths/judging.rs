//! What judges read off a model: probabilities of the next token, scores of a reward model.

use burn::module::Module as _;
use burn::tensor::{Tensor, TensorData};
use seal_lm::{LmConfig, Scorer, next_token_log_probabilities};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::forward::wide;
use crate::rows;
use crate::side::Side;

/// Log-probabilities of all tokens after each row, of which a guard reads the verdict.
pub(crate) fn next_tokens(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let model = side.model(shape)?.valid();
    let rows = rows::many("judged", 40);
    let rows: Vec<&[u32]> = rows.iter().map(|row| row.tokens.as_slice()).collect();
    let likely = next_token_log_probabilities(&model, &rows)?;
    let mut found = Found::default();
    found.numbers("log-probabilities", wide(&likely.concat()));
    // Safe and unsafe, as a guard weighs them.
    let unsafe_share = |log: &Vec<f32>| {
        let [a, b] = [log[11], log[12]].map(|log| f64::from(log).exp());
        b / (a + b)
    };
    found.numbers("verdicts", likely.iter().map(unsafe_share).collect());
    Ok(found)
}

/// Scores of rows by a model with a head of two.
pub(crate) fn scores(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let trunk = side.model(shape)?.valid().trunk;
    let d = shape.hidden_size;
    let head: Vec<f32> = (0..2 * d).map(|i| ((i * 7 % 13) as f32 - 6.0) / 20.0).collect();
    let head = Tensor::<2>::from_data(TensorData::new(head, [d, 2]), side.device());
    let scorer = Scorer::new(trunk, head).with_ops(side.ops());
    let rows = rows::many("scored", 40);
    let rows: Vec<&[u32]> = rows.iter().map(|row| row.tokens.as_slice()).collect();
    let mut found = Found::default();
    found.numbers("scores", wide(&scorer.values(&rows)?.concat()));
    Ok(found)
}
