//! Shapes of models, named as Hugging Face names them.

use serde::{Deserialize, Serialize};

use crate::Architecture;

/// Shape of a model; field names are those of a Llama's `config.json`, and
/// [`LmConfig::from_hf`] reads that file for every family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LmConfig {
    /// Number of token ids. 0 in a study's config: the tokenizer decides.
    #[serde(default)]
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Number of query heads; divides `hidden_size` into heads of even size,
    /// where the architecture sets no other.
    pub num_attention_heads: usize,
    /// Number of key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: usize,
    /// Width of the feed-forward block.
    pub intermediate_size: usize,
    /// Longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Base of the rotary frequencies.
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    /// Added to the mean square in RMS normalisation, to the variance in layer
    /// normalisation.
    #[serde(default = "default_eps")]
    pub rms_norm_eps: f64,
    /// Whether the output layer is the transposed embedding.
    #[serde(default = "yes")]
    pub tie_word_embeddings: bool,
    /// Standard deviation of initial weights.
    #[serde(default = "default_range")]
    pub initializer_range: f64,
    /// Family, and what it leaves open. Not written for a plain Llama, so that
    /// what is derived from a stored shape stays as it was.
    #[serde(default, skip_serializing_if = "Architecture::is_plain_llama")]
    pub architecture: Architecture,
}

fn default_theta() -> f64 {
    10_000.0
}

fn default_eps() -> f64 {
    1e-5
}

fn default_range() -> f64 {
    0.02
}

fn yes() -> bool {
    true
}

impl LmConfig {
    /// Size of one attention head.
    pub fn head_dim(&self) -> usize {
        self.architecture.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Leading dimensions of a head that turn with the position.
    pub fn rotary_dim(&self) -> usize {
        (self.head_dim() as f64 * self.architecture.partial_rotary_factor) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> LmConfig {
        LmConfig {
            vocab_size: 10,
            hidden_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            intermediate_size: 8,
            max_position_embeddings: 8,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
            initializer_range: 0.02,
            architecture: Architecture::default(),
        }
    }

    #[test]
    fn a_plain_llama_is_written_as_it_always_was() {
        let json = serde_json::to_value(good()).unwrap();
        assert_eq!(json.as_object().unwrap().len(), 11, "{json}");
        assert_eq!(serde_json::from_value::<LmConfig>(json).unwrap(), good());
        let window = Architecture { sliding_window: Some(4), ..Architecture::default() };
        let other = LmConfig { architecture: window, ..good() };
        let json = serde_json::to_value(&other).unwrap();
        assert_eq!(serde_json::from_value::<LmConfig>(json).unwrap(), other);
    }
}
