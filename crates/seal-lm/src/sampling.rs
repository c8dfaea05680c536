//! How the next token is chosen: the processors of Hugging Face's `generate`,
//! in its order (repetition penalty, temperature, top-k, top-p), then a draw.

use std::collections::BTreeSet;

use rand::RngExt;
use seal_data::RowId;
use seal_data::seed::rng;
use serde::{Deserialize, Serialize};

use crate::setting::SettingError;

/// How answers are generated.
///
/// A switched-off setting is not written, so that it leaves the text of older
/// settings, and what is hashed from it, as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSettings {
    /// Longest answer, its stop token included.
    pub max_new_tokens: usize,
    /// 0 is greedy; otherwise logits are divided by it.
    #[serde(default)]
    pub temperature: f64,
    /// Sampling keeps the likeliest tokens that make up this probability.
    #[serde(default = "one")]
    pub top_p: f64,
    /// Sampling keeps this many likeliest tokens and what ties with the last of
    /// them; 0 keeps all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub top_k: usize,
    /// Logits of tokens that prompt or answer hold are divided by it where
    /// positive and multiplied where negative (Keskar et al. 2019), in greedy
    /// generation too; 1 changes nothing.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repetition_penalty: f64,
    /// Prompts side by side.
    #[serde(default = "default_batch")]
    pub batch: usize,
}

/// Most prompts side by side.
const MOST_PROMPTS: usize = 1 << 20;

fn one() -> f64 {
    1.0
}

fn default_batch() -> usize {
    64
}

fn is_zero(x: &usize) -> bool {
    *x == 0
}

fn is_one(x: &f64) -> bool {
    *x == 1.0
}

impl GenerateSettings {
    /// The likeliest token each time, at most `max_new_tokens` of them.
    pub fn greedy(max_new_tokens: usize) -> Self {
        Self {
            max_new_tokens,
            temperature: 0.0,
            top_p: one(),
            top_k: 0,
            repetition_penalty: one(),
            batch: default_batch(),
        }
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// A value outside its range.
    pub fn validate(&self) -> Result<(), SettingError> {
        if self.max_new_tokens == 0 {
            return Err(SettingError::range("max_new_tokens", "at least 1", 0.0));
        }
        if !(1..=MOST_PROMPTS).contains(&self.batch) {
            let wanted = format!("from 1 to {MOST_PROMPTS}");
            return Err(SettingError::range("batch", wanted, self.batch as f64));
        }
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(SettingError::range("temperature", "0 or above", self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(SettingError::range("top_p", "in (0, 1]", self.top_p));
        }
        let penalty = self.repetition_penalty;
        match penalty > 0.0 && penalty.is_finite() {
            true => Ok(()),
            false => Err(SettingError::range("repetition_penalty", "above 0", penalty)),
        }
    }
}

/// A logit that no choice can be made from: NaN, plus infinity, or minus
/// infinity everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BadLogit(pub f32);

/// What sampling draws from after `context` (prompt and answer so far), given
/// the model's `logits` `[V]`: ids and probabilities, likeliest first, ties by
/// id. Greedy settings leave one token.
///
/// Ties at the edge of top-k all stay; at the edge of top-p the lower ids do,
/// where Hugging Face leaves it to an unstable sort.
///
/// # Errors
/// [`BadLogit`].
pub fn next_token_probabilities(
    logits: &[f32],
    context: &[u32],
    settings: &GenerateSettings,
) -> Result<Vec<(u32, f64)>, BadLogit> {
    let mut logits = logits.to_vec();
    penalise(&mut logits, &context.iter().copied().collect(), settings.repetition_penalty);
    let likeliest = argmax(&logits)?;
    if settings.temperature == 0.0 {
        return Ok(vec![(likeliest as u32, 1.0)]);
    }
    let weights = weights(&logits, logits[likeliest], settings);
    let total: f64 = weights.iter().map(|t| t.0).sum();
    Ok(weights.into_iter().map(|(weight, token)| (token, weight / total)).collect())
}

/// What names a draw.
#[derive(Clone, Copy)]
pub(crate) struct DrawKey<'a> {
    pub(crate) seed: u64,
    pub(crate) id: &'a RowId,
    pub(crate) step: usize,
}

/// The next token, given `logits` `[V]`, which are changed, and the tokens of
/// prompt and answer so far.
pub(crate) fn pick(
    logits: &mut [f32],
    seen: &BTreeSet<u32>,
    settings: &GenerateSettings,
    key: DrawKey<'_>,
) -> Result<u32, BadLogit> {
    penalise(logits, seen, settings.repetition_penalty);
    let likeliest = argmax(logits)?;
    if settings.temperature == 0.0 {
        return Ok(likeliest as u32);
    }
    let weights = weights(logits, logits[likeliest], settings);
    let total: f64 = weights.iter().map(|t| t.0).sum();
    let step = key.step as u64;
    let mut rng = rng(&["sample".into(), key.seed.into(), key.id.into(), step.into()]);
    let mut left = rng.random::<f64>() * total;
    for (weight, token) in &weights {
        left -= weight;
        if left < 0.0 {
            return Ok(*token);
        }
    }
    Ok(weights[weights.len() - 1].1)
}

fn penalise(logits: &mut [f32], seen: &BTreeSet<u32>, penalty: f64) {
    if penalty == 1.0 {
        return;
    }
    for token in seen {
        if let Some(x) = logits.get_mut(*token as usize) {
            let wide = f64::from(*x);
            *x = if *x < 0.0 { wide * penalty } else { wide / penalty } as f32;
        }
    }
}

/// Index of the largest logit; ties go to the lowest.
fn argmax(logits: &[f32]) -> Result<usize, BadLogit> {
    let mut best = 0;
    for (i, x) in logits.iter().enumerate() {
        if x.is_nan() || *x == f32::INFINITY {
            return Err(BadLogit(*x));
        }
        if *x > logits[best] {
            best = i;
        }
    }
    if logits[best] == f32::NEG_INFINITY { Err(BadLogit(logits[best])) } else { Ok(best) }
}

/// Tokens that temperature, top-k and top-p leave, with probabilities up to a
/// common factor, likeliest first, ties by id.
fn weights(logits: &[f32], top: f32, settings: &GenerateSettings) -> Vec<(f64, u32)> {
    let least = kth_largest(logits, settings.top_k);
    let mut tokens: Vec<(f64, u32)> = logits
        .iter()
        .enumerate()
        .filter(|(_, x)| **x >= least)
        .map(|(i, x)| ((f64::from(x - top) / settings.temperature).exp(), i as u32))
        .collect();
    tokens.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    if settings.top_p < 1.0 {
        keep_nucleus(&mut tokens, settings.top_p);
    }
    tokens
}

/// The `k`-th largest value, or minus infinity where `k` is 0 or too large.
fn kth_largest(values: &[f32], k: usize) -> f32 {
    if k == 0 || k >= values.len() {
        return f32::NEG_INFINITY;
    }
    let mut values = values.to_vec();
    *values.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1
}

/// Keeps sorted `tokens` until they make up the share `top_p`.
fn keep_nucleus(tokens: &mut Vec<(f64, u32)>, top_p: f64) {
    let total: f64 = tokens.iter().map(|t| t.0).sum();
    let mut sum = 0.0;
    let last = tokens.iter().position(|t| {
        sum += t.0;
        sum >= top_p * total
    });
    tokens.truncate(last.map_or(tokens.len(), |i| i + 1));
}
