//! Batched generation with a KV cache, greedy or sampled.

use crate::cache::Cache;
use crate::draft::Draft;
use crate::{GenerateError, GenerateSettings, Generated, Lm, Prompt};

/// Continues `prompts`; answers are in their order.
///
/// An answer ends at the first token of `stops` (the end of text, the end of a
/// turn), after `max_new_tokens`, or where prompt and answer fill the model's
/// `max_position_embeddings`; [`Generated::finish`] says which. `seed` keys the
/// draws of sampling together with the prompt's id and the position, so that an
/// answer does not depend on the batch its prompt happens to be in.
///
/// `model` is expected off the tape ([`burn::module::Module::valid`]).
///
/// # Errors
/// Settings outside their range, a prompt that is empty, longer than the
/// context or of another vocabulary (all before anything is generated), or
/// logits that are not numbers.
pub fn generate(
    model: &Lm,
    prompts: &[Prompt],
    settings: &GenerateSettings,
    stops: &[u32],
    seed: u64,
) -> Result<Vec<Generated>, GenerateError> {
    let mut out: Vec<Option<Generated>> = vec![None; prompts.len()];
    generate_each(model, prompts, settings, stops, seed, |i, answer| {
        out[i] = Some(answer);
        Ok::<(), GenerateError>(())
    })?;
    Ok(out.into_iter().map(|g| g.expect("every prompt is in one chunk")).collect())
}

/// As [`generate`], but hands each answer on, with the index of its prompt, as
/// soon as its batch is finished: what `each` has stored outlives a run that is
/// killed, and the prompts that are left give the same answers later.
///
/// The order is that of the prompts' lengths, then of their indices.
///
/// # Errors
/// As [`generate`], and what `each` reports, which ends the run.
pub fn generate_each<E: From<GenerateError>>(
    model: &Lm,
    prompts: &[Prompt],
    settings: &GenerateSettings,
    stops: &[u32],
    seed: u64,
    mut each: impl FnMut(usize, Generated) -> Result<(), E>,
) -> Result<(), E> {
    check(model, prompts, settings)?;
    let model = &model.clone().with_f32_states();
    // Prompts of like length side by side waste the least padding.
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by_key(|i| (prompts[*i].tokens.len(), *i));
    for chunk in order.chunks(settings.batch) {
        let batch: Vec<&Prompt> = chunk.iter().map(|i| &prompts[*i]).collect();
        let answers = generate_batch(model, &batch, settings, stops, seed)?;
        for (i, answer) in chunk.iter().zip(answers) {
            each(*i, answer)?;
        }
    }
    Ok(())
}

fn check(model: &Lm, prompts: &[Prompt], settings: &GenerateSettings) -> Result<(), GenerateError> {
    settings.validate()?;
    let (context, vocab_size) = (model.config().max_position_embeddings, model.config().vocab_size);
    for Prompt { id, tokens } in prompts {
        if tokens.is_empty() {
            return Err(GenerateError::Empty { id: *id });
        }
        if tokens.len() > context {
            return Err(GenerateError::TooLong { id: *id, tokens: tokens.len(), context });
        }
        if let Some(token) = tokens.iter().find(|t| **t as usize >= vocab_size) {
            return Err(GenerateError::UnknownToken { id: *id, token: *token, vocab_size });
        }
    }
    Ok(())
}

fn generate_batch(
    model: &Lm,
    prompts: &[&Prompt],
    settings: &GenerateSettings,
    stops: &[u32],
    seed: u64,
) -> Result<Vec<Generated>, GenerateError> {
    let (context, v) = (model.config().max_position_embeddings, model.config().vocab_size);
    let mut drafts: Vec<Draft<'_>> =
        prompts.iter().map(|p| Draft::new(p, settings.max_new_tokens, context)).collect();
    let steps = drafts.iter().map(|d| d.limit()).max().expect("a chunk is not empty");
    if steps > 0 {
        let tokens: Vec<&[u32]> = prompts.iter().map(|p| p.tokens.as_slice()).collect();
        let (mut cache, mut hidden) = Cache::start(model, &tokens, steps);
        for _ in 0..steps {
            let logits = model.logits(hidden).into_data();
            let mut logits = logits.convert::<f32>().try_into_vec::<f32>().expect("logits are f32");
            let rows = logits.chunks_exact_mut(v).zip(&mut drafts);
            let next = rows.map(|(row, draft)| draft.step(row, settings, stops, seed));
            let next: Vec<u32> = next.collect::<Result<_, _>>()?;
            if drafts.iter().all(Draft::has_ended) {
                break;
            }
            hidden = cache.step(model, &next);
        }
    }
    Ok(drafts.into_iter().map(Draft::ended).collect())
}
