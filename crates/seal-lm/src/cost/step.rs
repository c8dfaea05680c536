//! Memory of a step of training.

use super::counts::over_blocks;
use super::cut::Cut;
use super::model::Cost;
use crate::WeightFormat;
use crate::plan::BlockPlan;

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
    /// Models that are trained side by side: 2 where a second one has an optimiser of its own.
    pub models: usize,
    /// Whether a step is several such batches, so that gradients are kept for the next.
    pub accumulates: bool,
    /// Whether several devices share it: gradients then come from another one.
    pub is_shared: bool,
    /// Whether the moments are in the memory of the host.
    pub offload: bool,
    /// Threads, where the device has kernels: parts of a batch take turns on the
    /// tape there.
    pub kernel_threads: Option<usize>,
}

impl Cost {
    /// Bytes of a forward pass over rows of together `tokens` tokens that keeps nothing for a backward
    /// pass: `parameters` weights, and of each token the states of one layer.
    pub fn forward_bytes(&self, parameters: f64, tokens: usize, format: WeightFormat) -> f64 {
        let of_layer = self.largest_layer() + 2.0 * self.plan.width as f64;
        format.bytes() as f64 * parameters + F32 * of_layer * tokens as f64
    }

    /// Bytes of the keys and values of `tokens` tokens, which generation keeps.
    pub fn cache_bytes(&self, tokens: usize) -> f64 {
        let of_block = |block: &BlockPlan| 2.0 * block.attention.key_width() as f64;
        F32 * over_blocks(&self.plan, of_block) * tokens as f64
    }

    /// Inputs and outputs of the largest layer of a block.
    fn largest_layer(&self) -> f64 {
        let kinds = self.plan.blocks.kinds.iter();
        let layers = kinds.flat_map(|block| block.linears());
        layers.map(|layer| (layer.shape[0] + layer.shape[1]) as f64).fold(0.0, f64::max)
    }

    /// Bytes of a step of training: `parameters` weights, gradients and moments of
    /// the `trained` ones, and what is kept for the backward pass. Logits are left
    /// out: they are made a few rows at a time. Of several devices, it is the first.
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
        let beside = (step.models.max(1) - 1) as f64;
        // Frozen weights are there once, whatever adapters move.
        let weights = parameters + beside * trained;
        let on_host = step.offload && step.kernel_threads.is_none();
        let moments = if on_host { 0.0 } else { 2.0 * (1.0 + beside) };
        let more = f64::from(u8::from(step.accumulates)) + f64::from(u8::from(step.is_shared));
        step.format.bytes() as f64 * (weights + tokens * kept)
            + F32 * (moments + copies + more) * trained
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::LmConfig;

    fn shape() -> LmConfig {
        serde_json::from_value(json!({
            "vocab_size": 7, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
            "num_key_value_heads": 1, "intermediate_size": 20, "max_position_embeddings": 8,
        }))
        .unwrap()
    }

    /// 100 weights without a token: only what is there whatever the rows.
    #[test]
    fn what_a_device_holds_of_weights_gradients_and_moments() {
        let cost = Cost::of(&shape());
        let step = TrainingStep {
            whole: true,
            rows: 0,
            context: 8,
            recompute: false,
            format: WeightFormat::F32,
            models: 1,
            accumulates: false,
            is_shared: false,
            offload: false,
            kernel_threads: None,
        };
        let copies = |trained: f64, step: TrainingStep| {
            (cost.training_bytes(100.0, trained, &step) / 4.0 - 100.0) / trained
        };
        // Gradients and two moments.
        assert_eq!(copies(100.0, step), 3.0);
        assert_eq!(copies(10.0, TrainingStep { whole: false, ..step }), 3.0);
        assert_eq!(copies(100.0, TrainingStep { accumulates: true, ..step }), 4.0);
        let shared = TrainingStep { accumulates: true, is_shared: true, ..step };
        assert_eq!(copies(100.0, shared), 5.0);
        assert_eq!(copies(100.0, TrainingStep { offload: true, ..step }), 1.0);
        // A second model has weights and moments of its own, and its gradients come after those of the
        // first.
        assert_eq!(copies(10.0, TrainingStep { models: 2, whole: false, ..step }), 6.0);
        assert_eq!(copies(100.0, TrainingStep { models: 2, offload: true, ..step }), 2.0);
        // On the CPU the memory of the host is that of the device.
        let here = TrainingStep { kernel_threads: Some(2), ..step };
        let of_host = TrainingStep { offload: true, ..here };
        assert_eq!(copies(100.0, here), copies(100.0, of_host));
    }

    #[test]
    fn bytes_without_a_tape_are_weights_one_layer_and_the_cache() {
        let cost = Cost::of(&shape());
        // The largest layer leads from 8 to 20, and states have 8 numbers.
        let tokens = 4.0 * (28.0 + 16.0) * 10.0;
        assert_eq!(cost.forward_bytes(100.0, 10, WeightFormat::F32), 400.0 + tokens);
        assert_eq!(cost.forward_bytes(100.0, 10, WeightFormat::Bf16), 200.0 + tokens);
        // Keys and values of one head of 4 in each of three blocks.
        assert_eq!(cost.cache_bytes(10), 4.0 * 3.0 * 2.0 * 4.0 * 10.0);
    }
}
