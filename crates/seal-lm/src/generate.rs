//! Batched generation with a KV cache, greedy or sampled.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use burn::tensor::Tensor;

use crate::cache::Cache;
use crate::packed::PackedModel;
use crate::partial_answer::PartialAnswer;
use crate::slots::Slots;
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
    Generator::of(model).generate(prompts, settings, stops, seed)
}

/// As [`generate`], but hands each answer on, with the index of its prompt, as
/// soon as it has ended: what `each` has stored outlives a run that is
/// killed, and the prompts that are left give the same answers later.
///
/// Prompts begin in the order of their lengths, then of their indices. Where the device has kernels
/// for the model, a prompt begins as soon as an answer has ended, so that the order of answers
/// depends on their lengths, too. Elsewhere a batch begins when the one before has ended.
///
/// # Errors
/// As [`generate`], and what `each` reports, which ends the run.
pub fn generate_each<E: From<GenerateError>>(
    model: &Lm,
    prompts: &[Prompt],
    settings: &GenerateSettings,
    stops: &[u32],
    seed: u64,
    each: impl FnMut(usize, Generated) -> Result<(), E>,
) -> Result<(), E> {
    Generator::of(model).generate_each(prompts, settings, stops, seed, each)
}

/// A model that generates.
///
/// Where the device has kernels for the model, its weights are laid out anew for them: once for a
/// generator, so that who generates often keeps one. A matrix takes four bytes a number then, or two
/// where bf16 holds every number of it.
pub struct Generator {
    model: Lm,
    packed: OnceLock<Option<PackedModel>>,
}

impl Generator {
    /// Of `model`, which is expected off the tape ([`burn::module::Module::valid`]). The caller keeps
    /// the model. So its weights are in memory twice from the first call on.
    pub fn of(model: &Lm) -> Self {
        Self { model: model.clone().with_f32_states(), packed: OnceLock::new() }
    }

    /// As [`Generator::of`], of a model that nobody else holds: each weight is freed as soon as it is
    /// laid out, which is done at once. Only an embedding that is also the output layer is in memory
    /// twice.
    pub fn owning(model: Lm) -> Self {
        let mut model = model.with_f32_states();
        let packed = model.kernels().map(|kernels| PackedModel::taking(&mut model, kernels));
        Self { model, packed: OnceLock::from(packed) }
    }

    /// Whether a prompt takes the place of an answer that has ended, as it does where the device has
    /// kernels for the model. Else the answers of a batch come together.
    pub fn takes_turns(&self) -> bool {
        self.model.kernels().is_some()
    }

    /// As [`generate`].
    ///
    /// # Errors
    /// As [`generate`].
    pub fn generate(
        &self,
        prompts: &[Prompt],
        settings: &GenerateSettings,
        stops: &[u32],
        seed: u64,
    ) -> Result<Vec<Generated>, GenerateError> {
        let mut out: Vec<Option<Generated>> = vec![None; prompts.len()];
        self.generate_each(prompts, settings, stops, seed, |i, answer| {
            out[i] = Some(answer);
            Ok::<(), GenerateError>(())
        })?;
        Ok(out.into_iter().map(|g| g.expect("every prompt is answered")).collect())
    }

    /// As [`generate_each`].
    ///
    /// # Errors
    /// As [`generate_each`].
    pub fn generate_each<E: From<GenerateError>>(
        &self,
        prompts: &[Prompt],
        settings: &GenerateSettings,
        stops: &[u32],
        seed: u64,
        each: impl FnMut(usize, Generated) -> Result<(), E>,
    ) -> Result<(), E> {
        check(&self.model, prompts, settings)?;
        // Prompts of like length side by side waste the least padding, where there is some.
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by_key(|i| (prompts[*i].tokens.len(), *i));
        let task = GenerationTask { model: &self.model, prompts, settings, stops, seed };
        // A clone shares its weights, so that the model keeps them.
        let pack = |kernels| PackedModel::taking(&mut self.model.clone(), kernels);
        let pack = || self.model.kernels().map(pack);
        match self.packed.get_or_init(pack) {
            Some(packed) => task.in_slots(packed, &order, each),
            None => task.in_batches(&order, each),
        }
    }
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

/// Prompts to be answered.
struct GenerationTask<'a> {
    model: &'a Lm,
    prompts: &'a [Prompt],
    settings: &'a GenerateSettings,
    stops: &'a [u32],
    seed: u64,
}

impl<'a> GenerationTask<'a> {
    fn draft(&self, prompt: &'a Prompt) -> PartialAnswer<'a> {
        let context = self.model.config().max_position_embeddings;
        PartialAnswer::new(prompt, self.settings.max_new_tokens, context)
    }

    /// The next token of each of `drafts`, given `logits` `[n, V]`.
    fn step(
        &self,
        logits: Tensor<2>,
        drafts: Vec<&mut PartialAnswer<'a>>,
    ) -> Result<Vec<u32>, GenerateError> {
        let v = self.model.config().vocab_size;
        let logits = logits.into_data();
        let mut logits = logits.convert::<f32>().try_into_vec::<f32>().expect("logits are f32");
        let rows = logits.chunks_exact_mut(v).zip(drafts);
        rows.map(|(row, draft)| draft.step(row, self.settings, self.stops, self.seed)).collect()
    }

    /// A slot whose answer has ended takes the next prompt.
    fn in_slots<E: From<GenerateError>>(
        &self,
        packed: &PackedModel,
        order: &[usize],
        mut each: impl FnMut(usize, Generated) -> Result<(), E>,
    ) -> Result<(), E> {
        let count = self.settings.batch.min(order.len());
        let mut slots = Slots::new(self.model, packed, count);
        let mut drafts: BTreeMap<usize, (usize, PartialAnswer<'a>)> = BTreeMap::new();
        let mut next = order.iter();
        loop {
            while let Some(slot) = slots.free()
                && let Some(i) = next.next()
            {
                let draft = self.draft(&self.prompts[*i]);
                match draft.has_ended() {
                    // There is no room for an answer.
                    true => each(*i, draft.ended())?,
                    false => {
                        slots.start(slot, &self.prompts[*i].tokens, draft.limit());
                        drafts.insert(slot, (*i, draft));
                    }
                }
            }
            if drafts.is_empty() {
                return Ok(());
            }
            let (done, logits) = slots.pass();
            let of_done = drafts.iter_mut().filter(|(slot, _)| done.contains(slot));
            let tokens = self.step(logits, of_done.map(|(_, (_, draft))| draft).collect())?;
            for (slot, token) in done.into_iter().zip(tokens) {
                match drafts.remove(&slot).expect("a draft for each slot") {
                    (i, draft) if draft.has_ended() => {
                        slots.end(slot);
                        each(i, draft.ended())?;
                    }
                    draft => {
                        slots.push(slot, token);
                        drafts.insert(slot, draft);
                    }
                }
            }
        }
    }

    /// A batch begins when the one before has ended.
    fn in_batches<E: From<GenerateError>>(
        &self,
        order: &[usize],
        mut each: impl FnMut(usize, Generated) -> Result<(), E>,
    ) -> Result<(), E> {
        for chunk in order.chunks(self.settings.batch) {
            let batch: Vec<&'a Prompt> = chunk.iter().map(|i| &self.prompts[*i]).collect();
            for (i, answer) in chunk.iter().zip(self.batch(&batch)?) {
                each(*i, answer)?;
            }
        }
        Ok(())
    }

    fn batch(&self, prompts: &[&'a Prompt]) -> Result<Vec<Generated>, GenerateError> {
        let mut drafts: Vec<PartialAnswer<'a>> = prompts.iter().map(|p| self.draft(p)).collect();
        let steps = drafts.iter().map(|d| d.limit()).max().expect("a chunk is not empty");
        if steps > 0 {
            let tokens: Vec<&[u32]> = prompts.iter().map(|p| p.tokens.as_slice()).collect();
            let (mut cache, mut hidden) = Cache::start(self.model, &tokens, steps);
            for _ in 0..steps {
                let next = self.step(self.model.logits(hidden), drafts.iter_mut().collect())?;
                if drafts.iter().all(PartialAnswer::has_ended) {
                    break;
                }
                hidden = cache.step(self.model, &next);
            }
        }
        Ok(drafts.into_iter().map(PartialAnswer::ended).collect())
    }
}
