//! Batched generation with a KV cache, greedy or sampled.

use rand::RngExt;
use seal_data::RowId;
use seal_data::seed::rng;
use serde::{Deserialize, Serialize};

use crate::Lm;
use crate::cache::Cache;

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
    let tokens: Vec<&[u32]> = prompts.iter().map(|p| p.tokens.as_slice()).collect();
    let (mut cache, mut hidden) = Cache::start(model, &tokens, settings.max_new_tokens);
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
        hidden = cache.step(model, &next);
    }
    let finished = prompts.iter().zip(answers).zip(done);
    finished.map(|((p, tokens), ended)| Generated { id: p.id, tokens, ended }).collect()
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
