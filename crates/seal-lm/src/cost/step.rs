//! Memory of a step of training.

use super::cut::Cut;
use super::model::Cost;
use crate::WeightFormat;

/// Bytes of a moment, a gradient and a trained weight.
const F32: f64 = 4.0;

/// A step of training, as far as its memory depends on it.
#[derive(Clone, Copy, Debug)]
pub struct TrainingStep {
    /// Whether all weights are trained, and not adapters.
    pub whole: bool,
    /// Rows of its batch.
    pub rows: usize,
    /// Tokens of the longest row.
    pub context: usize,
    /// Whether activations are made again instead of kept.
    pub recompute: bool,
    /// Number format of the weights.
    pub format: WeightFormat,
    /// Threads, where the device has kernels: parts of a batch take turns on the
    /// tape there.
    pub kernel_threads: Option<usize>,
}

impl Cost {
    /// Bytes of a step of training: `parameters` weights, gradients and moments of
    /// the `trained` ones, and what is kept for the backward pass. Logits are left
    /// out: they are made a few rows at a time.
    pub fn training_bytes(&self, parameters: f64, trained: f64, step: &TrainingStep) -> f64 {
        let kept = match step.recompute {
            false => self.kept_per_token(),
            true => self.kept_recomputed(),
        };
        let all_tokens = step.rows as f64 * step.context as f64;
        let (mut tokens, mut copies) = (all_tokens, 1.0);
        if let Some(threads) = step.kernel_threads.filter(|_| step.format.is_f32()) {
            let cut = Cut::of(&self.plan, trained as usize, step.whole);
            let (at_once, most) = cut.at_once(step.context, threads);
            if (at_once as f64) < all_tokens {
                (tokens, copies) = (at_once as f64, most as f64);
            }
        }
        // Both moments, and the gradients.
        step.format.bytes() as f64 * (parameters + tokens * kept) + F32 * (2.0 + copies) * trained
    }
}
