//! The figures of one model.

use super::counts::{kept_by_block, kept_per_token, linear_weights, over_blocks};
use crate::plan::{BlockPlan, LinearPlan, NormPlan, Plan};
use crate::{LmConfig, LoraConfig, families};

/// Weights, operations and bytes of a model of one shape.
#[derive(Debug)]
pub struct Cost {
    pub(super) plan: Plan,
}

impl Cost {
    /// Of a model of shape `config`.
    pub fn of(config: &LmConfig) -> Self {
        Self { plan: families::plan(config) }
    }

    /// Sum over all blocks.
    fn over_blocks(&self, of: impl Fn(&BlockPlan) -> f64) -> f64 {
        over_blocks(&self.plan, of)
    }

    /// Numbers in the model: the tensors of its files.
    pub fn parameters(&self) -> f64 {
        let norm = |norm: NormPlan| norm.width as f64 * if norm.bias { 2.0 } else { 1.0 };
        let linear = |l: LinearPlan| {
            l.shape[0] as f64 * l.shape[1] as f64 + if l.bias { l.shape[1] as f64 } else { 0.0 }
        };
        let table = self.vocabulary_weights();
        self.over_blocks(|block| {
            let norms: f64 = block.norms().into_iter().map(norm).sum();
            norms + block.linears().into_iter().map(linear).sum::<f64>()
        }) + norm(self.plan.norm)
            + if self.plan.tied { table } else { 2.0 * table }
    }

    /// Weights of the linear layers of all blocks.
    pub fn linear_weights(&self) -> f64 {
        linear_weights(&self.plan)
    }

    /// Weights of the embedding, or of the output layer.
    pub fn vocabulary_weights(&self) -> f64 {
        self.plan.vocab_size as f64 * self.plan.width as f64
    }

    /// Weights that generation holds a second time where the device has kernels: an embedding that is
    /// also the output layer, or all weights of products where the model is `kept` for other work
    /// beside.
    pub fn copied_weights(&self, kept: bool) -> f64 {
        match (kept, self.plan.tied) {
            (true, _) => self.linear_weights() + self.vocabulary_weights(),
            (false, true) => self.vocabulary_weights(),
            (false, false) => 0.0,
        }
    }

    /// Weights that training moves: those of the adapters, or all.
    pub fn trained_weights(&self, lora: Option<&LoraConfig>) -> f64 {
        let Some(lora) = lora else { return self.parameters() };
        let plan = &self.plan;
        let of_block = |i: usize| {
            let at = plan.block_path(i);
            let linears = plan.blocks.plan(i).linears();
            let named = linears.iter().map(|l| (format!("{at}.{}", l.path), l.shape));
            let adapted = named.filter(|(path, _)| lora.targets(path));
            let weights =
                |(path, [from, to]): (String, [usize; 2])| lora.rank_of(&path) * (from + to);
            adapted.map(|layer| weights(layer) as f64).sum::<f64>()
        };
        (0..plan.blocks.count).map(of_block).sum()
    }

    /// Floating-point operations of a forward pass over rows of `lengths` tokens,
    /// with logits at `logits` positions. Attention counts the pairs that causal
    /// masks and windows leave. Two operations are one multiply-add.
    pub fn forward_flops(&self, lengths: &[usize], logits: usize) -> f64 {
        let tokens: f64 = lengths.iter().map(|t| *t as f64).sum();
        let attention = |block: &BlockPlan| {
            let pairs: f64 = lengths.iter().map(|t| pairs(*t, block.attention.window)).sum();
            pairs * block.attention.query_width() as f64
        };
        2.0 * self.linear_weights() * tokens
            + 4.0 * self.over_blocks(attention)
            + 2.0 * self.vocabulary_weights() * logits as f64
    }

    /// Forward passes that a backward pass costs: gradients of inputs, and of
    /// the weights where they are trained.
    pub fn backward_share(lora: Option<&LoraConfig>) -> f64 {
        if lora.is_some() { 1.0 } else { 2.0 }
    }

    /// Numbers that a tape keeps of each token, roughly: the inputs and outputs
    /// of the linear layers of all blocks.
    pub fn kept_per_token(&self) -> f64 {
        kept_per_token(&self.plan)
    }

    /// As [`Cost::kept_per_token`], of a tape that keeps the inputs of blocks and
    /// makes one block at a time again.
    pub fn kept_recomputed(&self) -> f64 {
        let blocks = &self.plan.blocks;
        let largest = blocks.kinds.iter().map(|block| kept_by_block(block)).fold(0.0, f64::max);
        largest + self.plan.width as f64 * blocks.count as f64
    }
}

/// Pairs of a query and a key that it sees, in a row of `t` tokens.
fn pairs(t: usize, window: Option<usize>) -> f64 {
    let triangle = |n: f64| n * (n + 1.0) / 2.0;
    let hidden = t.saturating_sub(window.unwrap_or(t));
    triangle(t as f64) - triangle(hidden as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;

    fn config(sliding_window: Option<usize>) -> LmConfig {
        LmConfig {
            vocab_size: 7,
            hidden_size: 8,
            num_hidden_layers: 3,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            intermediate_size: 5,
            max_position_embeddings: 8,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
            initializer_range: 0.02,
            architecture: Architecture { sliding_window, ..Architecture::default() },
        }
    }

    #[test]
    fn windows_leave_pairs_out() {
        assert_eq!([1, 2, 5, 9].map(|window| pairs(5, Some(window))), [5.0, 9.0, 15.0, 15.0]);
        assert_eq!((pairs(0, Some(3)), pairs(4, None)), (0.0, 10.0));
        // Queries, keys, values and output; gate, input and output.
        let linear = (8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 5) as f64;
        let flops = |window| Cost::of(&config(window)).forward_flops(&[5, 2], 3);
        let apart_from_attention = 2.0 * 3.0 * linear * 7.0 + 2.0 * 8.0 * 7.0 * 3.0;
        assert_eq!(flops(None), apart_from_attention + 4.0 * 3.0 * 8.0 * (15.0 + 3.0));
        assert_eq!(flops(Some(2)), apart_from_attention + 4.0 * 3.0 * 8.0 * (9.0 + 3.0));
    }

    #[test]
    fn numbers_are_those_of_the_tensors() {
        let cost = Cost::of(&config(None));
        let tensors = cost.plan.tensors();
        let numbers: usize = tensors.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(cost.parameters(), numbers as f64);
        assert_eq!(cost.copied_weights(false), 7.0 * 8.0);
        assert_eq!(cost.copied_weights(true), cost.linear_weights() + 7.0 * 8.0);
        let untied = Cost::of(&LmConfig { tie_word_embeddings: false, ..config(None) });
        assert_eq!(untied.copied_weights(false), 0.0);
        assert!(cost.kept_recomputed() < cost.kept_per_token());
    }
}
