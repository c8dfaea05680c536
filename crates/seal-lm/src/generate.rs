//! Batched generation with a KV cache, greedy or sampled.

use burn::tensor::activation::{silu, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt;
use seal_data::RowId;
use seal_data::seed::rng;
use seal_device::kernels::{self, AttentionShape};
use serde::{Deserialize, Serialize};

use crate::attention::{repeat_kv, split};
use crate::model::Pass;
use crate::{Lm, Ops, rope};

/// How answers are generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSettings {
    /// Longest answer, its end of text included.
    pub max_new_tokens: usize,
    /// 0 is greedy; otherwise logits are divided by it.
    #[serde(default)]
    pub temperature: f64,
    /// Sampling keeps the likeliest tokens that make up this probability.
    #[serde(default = "one")]
    pub top_p: f64,
    /// Prompts side by side.
    #[serde(default = "default_batch")]
    pub batch: usize,
}

fn one() -> f64 {
    1.0
}

fn default_batch() -> usize {
    64
}

impl GenerateSettings {
    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// A value outside its range; the message names the field.
    pub fn validate(&self) -> Result<(), String> {
        if self.max_new_tokens == 0 || self.batch == 0 {
            return Err("max_new_tokens and batch must be at least 1".to_owned());
        }
        if self.temperature < 0.0 || !self.temperature.is_finite() {
            return Err(format!("temperature must be 0 or above, is {}", self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(format!("top_p must be in (0, 1], is {}", self.top_p));
        }
        Ok(())
    }
}

/// A prompt to be continued.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Keys the draws of sampling.
    pub id: RowId,
    /// At least one token.
    pub tokens: Vec<u32>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The prompt it belongs to.
    pub id: RowId,
    /// Tokens up to, and without, the end of text.
    pub tokens: Vec<u32>,
    /// Whether the end of text came before the length limit.
    pub ended: bool,
}

/// Keys and values of one block, `[B, kv_heads, S, d]`, keys rotated.
struct Cache {
    keys: Tensor<4>,
    values: Tensor<4>,
}

/// Continues `prompts`, in their order. `seed` keys the draws of sampling
/// together with the prompt's id and the position, so that an answer does not
/// depend on the batch its prompt happens to be in.
///
/// `model` is expected off the tape ([`burn::module::Module::valid`]).
///
/// # Panics
/// If a prompt is empty.
pub fn generate(
    model: &Lm,
    prompts: &[Prompt],
    settings: &GenerateSettings,
    eos: u32,
    seed: u64,
) -> Vec<Generated> {
    if let Some(p) = prompts.iter().find(|p| p.tokens.is_empty()) {
        panic!("prompt {} is empty: there is no position to predict from", p.id);
    }
    // Prompts of like length side by side waste the least padding.
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by_key(|i| (prompts[*i].tokens.len(), *i));
    let mut out: Vec<Option<Generated>> = vec![None; prompts.len()];
    for chunk in order.chunks(settings.batch) {
        let batch: Vec<&Prompt> = chunk.iter().map(|i| &prompts[*i]).collect();
        for (i, answer) in chunk.iter().zip(generate_batch(model, &batch, settings, eos, seed)) {
            out[*i] = Some(answer);
        }
    }
    out.into_iter().map(|g| g.expect("every prompt is in one chunk")).collect()
}

fn generate_batch(
    model: &Lm,
    prompts: &[&Prompt],
    settings: &GenerateSettings,
    eos: u32,
    seed: u64,
) -> Vec<Generated> {
    let device = model.device();
    let lengths: Vec<usize> = prompts.iter().map(|p| p.tokens.len()).collect();
    let width = *lengths.iter().max().expect("a chunk is not empty");
    let (mut caches, mut hidden) = prefill(model, prompts, &lengths, width, settings);
    let mut done = vec![false; prompts.len()];
    let mut answers: Vec<Vec<u32>> = vec![Vec::new(); prompts.len()];
    for step in 0..settings.max_new_tokens {
        let logits =
            model.logits(hidden).into_data().try_into_vec::<f32>().expect("logits are f32");
        let v = model.config().vocab_size;
        let next: Vec<u32> = logits
            .chunks_exact(v)
            .zip(prompts)
            .map(|(row, p)| pick(row, settings, seed, &p.id, step))
            .collect();
        for ((token, done), answer) in next.iter().zip(&mut done).zip(&mut answers) {
            *done |= *token == eos;
            if !*done {
                answer.push(*token);
            }
        }
        if done.iter().all(|d| *d) || step + 1 == settings.max_new_tokens {
            break;
        }
        let slots = Slots { lengths: &lengths, width, step, device: &device };
        hidden = decode(model, &next, &mut caches, &slots);
    }
    let finished = prompts.iter().zip(answers).zip(done);
    finished.map(|((p, tokens), ended)| Generated { id: p.id, tokens, ended }).collect()
}

/// Runs the prompts; returns the caches, with room for the answers, and the
/// hidden state of each prompt's last token, `[B, D]`.
fn prefill(
    model: &Lm,
    prompts: &[&Prompt],
    lengths: &[usize],
    width: usize,
    settings: &GenerateSettings,
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
    let room = [rows, heads.kv_heads, settings.max_new_tokens, heads.dim];
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

/// The next token from `logits` `[V]`; ties go to the lowest id.
fn pick(logits: &[f32], settings: &GenerateSettings, seed: u64, id: &RowId, step: usize) -> u32 {
    if settings.temperature == 0.0 {
        let mut best = 0;
        for (i, x) in logits.iter().enumerate() {
            if *x > logits[best] {
                best = i;
            }
        }
        return best as u32;
    }
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut tokens: Vec<(f64, u32)> = logits
        .iter()
        .enumerate()
        .map(|(i, x)| ((f64::from(x - top) / settings.temperature).exp(), i as u32))
        .collect();
    tokens.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let total: f64 = tokens.iter().map(|t| t.0).sum();
    let mut kept = 0.0;
    let cut = tokens.iter().position(|t| {
        kept += t.0;
        kept >= settings.top_p * total
    });
    tokens.truncate(cut.map_or(tokens.len(), |i| i + 1));
    let total: f64 = tokens.iter().map(|t| t.0).sum();
    let mut rng = rng(&["sample".into(), seed.into(), id.into(), (step as u64).into()]);
    let mut left = rng.random::<f64>() * total;
    for (weight, token) in &tokens {
        left -= weight;
        if left < 0.0 {
            return *token;
        }
    }
    tokens[tokens.len() - 1].1
}
