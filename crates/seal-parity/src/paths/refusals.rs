//! Token ids outside the vocabulary, which some backends read and write memory by.

use burn::module::Module as _;
use seal_data::Example;
use seal_lm::{
    GenerateError, GenerateSettings, LmConfig, LmError, Prompt, Tape, differentiate, generate,
    next_token_log_probabilities, token_losses,
};

use crate::fault::PathFault;
use crate::found::Found;
use crate::paths::forward::wide;
use crate::rows;
use crate::side::Side;

/// Every way in refuses an id outside the vocabulary with its number, and the device gives afterwards
/// what it gave before.
pub(crate) fn ids(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let model = side.model(shape)?.valid();
    let outside = shape.vocab_size as u32;
    let batch = rows::batch(&rows::few());
    let before = token_losses(&model, &batch);
    let row = [1, outside, 2];
    let Err(LmError::Token { id, .. }) = next_token_log_probabilities(&model, &[&row]) else {
        return Err(PathFault::broken("a judge's row with an id outside the vocabulary is read"));
    };
    let prompt = Prompt { id: batch.ids[0], tokens: row.to_vec() };
    let asked = generate(&model, &[prompt], &GenerateSettings::greedy(2), &[], 0);
    let Err(GenerateError::UnknownToken { token, .. }) = asked else {
        return Err(PathFault::broken("a prompt with an id outside the vocabulary is answered"));
    };
    let wrong = with_id(1, outside);
    refused(outside, || {
        token_losses(&model, &wrong);
    })?;
    let after = token_losses(&model, &batch);
    if before != after {
        return Err(PathFault::broken("losses changed after ids were refused"));
    }
    let mut found = Found::default();
    found.tokens("ids", vec![id, token]);
    found.numbers("losses", wide(&after));
    Ok(found)
}

/// The last token of a row is a target only, and no embedding meets it.
pub(crate) fn targets(side: &Side, shape: &LmConfig) -> Result<Found, PathFault> {
    let model = side.model(shape)?;
    let outside = shape.vocab_size as u32;
    let batch = rows::batch(&rows::few());
    let before = token_losses(&model.valid(), &batch);
    let wrong = with_id(2, outside);
    refused(outside, || {
        token_losses(&model.valid(), &wrong);
    })?;
    let weights = vec![1.0; wrong.targets.len()];
    refused(outside, || {
        differentiate(&model, &wrong, &weights, None, Tape::default());
    })?;
    let after = token_losses(&model.valid(), &batch);
    if before != after {
        return Err(PathFault::broken("losses changed after targets were refused"));
    }
    let mut found = Found::default();
    found.numbers("losses", wide(&after));
    Ok(found)
}

/// A batch whose row of three tokens has `id` at `at`.
fn with_id(at: usize, id: u32) -> seal_data::Batch {
    let mut rows: Vec<Example> = rows::of_lengths("wrong", &[(3, 1), (4, 2)]);
    rows[0].tokens[at] = id;
    rows::batch(&rows)
}

/// `f` stops with a word about `id`, before the device is asked.
fn refused(id: u32, f: impl FnOnce()) -> Result<(), PathFault> {
    match seal_device::quietly(f) {
        Err(said) if said.contains(&id.to_string()) => Ok(()),
        Err(said) => {
            Err(PathFault::broken(format!("id {id} is refused without its number: {said}")))
        }
        Ok(()) => Err(PathFault::broken(format!("id {id}, which no token has, is computed with"))),
    }
}
