//! Batched generation with a KV cache, greedy or sampled.

use burn::tensor::activation::{silu, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use seal_device::kernels::{self, AttentionShape};

use crate::attention::{repeat_kv, split};
use crate::draft::Draft;
use crate::model::Pass;
use crate::{GenerateError, GenerateSettings, Generated, Lm, Ops, Prompt, rope};

/// Keys and values of one block, `[B, kv_heads, S, d]`, keys rotated.
struct Cache {
    keys: Tensor<4>,
    values: Tensor<4>,
}

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
    settings.validate().map_err(GenerateError::Settings)?;
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
    let device = model.device();
    let lengths: Vec<usize> = prompts.iter().map(|p| p.tokens.len()).collect();
    let width = *lengths.iter().max().expect("a chunk is not empty");
    let (context, v) = (model.config().max_position_embeddings, model.config().vocab_size);
    let mut drafts: Vec<Draft<'_>> =
        prompts.iter().map(|p| Draft::new(p, settings.max_new_tokens, context)).collect();
    let steps = drafts.iter().map(|d| d.limit()).max().expect("a chunk is not empty");
    if steps > 0 {
        let (mut caches, mut hidden) = prefill(model, prompts, &lengths, width, steps);
        for step in 0..steps {
            let logits = model.logits(hidden).into_data();
            let mut logits = logits.try_into_vec::<f32>().expect("logits are f32");
            let rows = logits.chunks_exact_mut(v).zip(&mut drafts);
            let next = rows.map(|(row, draft)| draft.step(row, settings, stops, seed));
            let next: Vec<u32> = next.collect::<Result<_, _>>()?;
            if drafts.iter().all(Draft::has_ended) {
                break;
            }
            let slots = Slots { lengths: &lengths, width, step, device: &device };
            hidden = decode(model, &next, &mut caches, &slots);
        }
    }
    Ok(drafts.into_iter().map(Draft::ended).collect())
}

/// Runs the prompts; returns the caches, with room for `new_tokens`, and the
/// hidden state of each prompt's last token, `[B, D]`.
fn prefill(
    model: &Lm,
    prompts: &[&Prompt],
    lengths: &[usize],
    width: usize,
    new_tokens: usize,
) -> (Vec<Cache>, Tensor<2>) {
    let device = model.device();
    let rows = prompts.len();
    let mut tokens = vec![0i32; rows * width];
    for (prompt, slots) in prompts.iter().zip(tokens.chunks_exact_mut(width)) {
        for (slot, token) in slots.iter_mut().zip(&prompt.tokens) {
            *slot = *token as i32;
        }
    }
    let heads = model.heads();
    let tables = rope::tables(0..width, heads.dim, model.config().rope_theta, &device);
    let (cos, sin) = tables.clone();
    let (cos, sin) = (cos.unsqueeze_dims::<4>(&[0, 1]), sin.unsqueeze_dims::<4>(&[0, 1]));
    let starts = AttentionShape::padded(rows, width);
    let pass = Pass { rows, lengths, starts: &starts, tables, dropout: None, ops: model.ops() };
    let room = [rows, heads.kv_heads, new_tokens, heads.dim];
    let mut caches = Vec::with_capacity(model.layers.len());
    let mut h = model.embed(&tokens);
    for (i, block) in model.layers.iter().enumerate() {
        h = model.block(i, block, h, &pass, |k, v| {
            let keys = split(k.clone(), rows, heads.kv_heads);
            let keys = rope::rotate(keys, cos.clone(), sin.clone());
            let values = split(v.clone(), rows, heads.kv_heads);
            let zeros = Tensor::zeros(room, &device);
            caches.push(Cache {
                keys: Tensor::cat(vec![keys, zeros.clone()], 2),
                values: Tensor::cat(vec![values, zeros], 2),
            });
        });
    }
    let last: Vec<i32> =
        lengths.iter().enumerate().map(|(b, len)| (b * width + len - 1) as i32).collect();
    let last = Tensor::<1, Int>::from_data(TensorData::new(last, [rows]), &device);
    (caches, model.normalise(h.select(0, last), &model.norm))
}

/// Where the next token of each row goes.
struct Slots<'a> {
    lengths: &'a [usize],
    width: usize,
    step: usize,
    device: &'a Device,
}

impl Slots<'_> {
    /// `[B, 1, 1, S]`: minus infinity where row b has no token yet. Prompts are
    /// padded to `width`, answers follow from there.
    fn mask(&self, size: usize) -> Tensor<4> {
        let rows = self.lengths.len();
        let mut values = vec![f32::NEG_INFINITY; rows * size];
        for (row, len) in values.chunks_exact_mut(size).zip(self.lengths) {
            row[..*len].fill(0.0);
            row[self.width..=self.width + self.step].fill(0.0);
        }
        Tensor::from_data(TensorData::new(values, [rows, 1, 1, size]), self.device)
    }
}

/// One token a row through the model; returns hidden states `[B, D]`.
fn decode(model: &Lm, tokens: &[u32], caches: &mut [Cache], slots: &Slots<'_>) -> Tensor<2> {
    let heads = model.heads();
    let (rows, groups) = (tokens.len(), heads.heads / heads.kv_heads);
    let positions = slots.lengths.iter().map(|len| len + slots.step);
    let (cos, sin) = rope::tables(positions, heads.dim, model.config().rope_theta, slots.device);
    let table = |x: Tensor<2>| x.reshape([rows, 1, 1, heads.dim / 2]);
    let (cos, sin) = (table(cos), table(sin));
    let at = slots.width + slots.step;
    let size = caches.first().map_or(0, |c| c.keys.dims()[2]);
    let mask = slots.mask(size);
    let ids: Vec<i32> = tokens.iter().map(|t| *t as i32).collect();
    let mut h = model.embed(&ids);
    for (block, cache) in model.layers.iter().zip(caches) {
        let x = model.normalise(h.clone(), &block.input_layernorm);
        let q = split(block.q_proj.forward(x.clone(), None, "q_proj"), rows, heads.heads);
        let k = split(block.k_proj.forward(x.clone(), None, "k_proj"), rows, heads.kv_heads);
        let v = split(block.v_proj.forward(x, None, "v_proj"), rows, heads.kv_heads);
        let q = rope::rotate(q, cos.clone(), sin.clone());
        let k = rope::rotate(k, cos.clone(), sin.clone());
        let slot = [0..rows, 0..heads.kv_heads, at..at + 1, 0..heads.dim];
        // Taken out, so that the cache is written in place.
        let empty = || Tensor::zeros([1, 1, 1, 1], slots.device);
        let keys = std::mem::replace(&mut cache.keys, empty()).slice_assign(slot.clone(), k);
        let values = std::mem::replace(&mut cache.values, empty()).slice_assign(slot, v);
        cache.keys = keys.clone();
        cache.values = values.clone();
        let scores = q.matmul(repeat_kv(keys, groups).swap_dims(2, 3));
        let scores = scores.mul_scalar(1.0 / (heads.dim as f64).sqrt()) + mask.clone();
        let attended = softmax(scores, 3).matmul(repeat_kv(values, groups));
        let attended = attended.swap_dims(1, 2).reshape([rows, heads.heads * heads.dim]);
        h = h + block.o_proj.forward(attended, None, "o_proj");
        let x = model.normalise(h.clone(), &block.post_attention_layernorm);
        let gate = block.gate_proj.forward(x.clone(), None, "gate_proj");
        let up = block.up_proj.forward(x, None, "up_proj");
        let gated = match model.ops() {
            Ops::Fused => kernels::swiglu(gate, up),
            Ops::Composed => silu(gate) * up,
        };
        h = h + block.down_proj.forward(gated, None, "down_proj");
    }
    model.normalise(h, &model.norm)
}
