//! What tells the families of models apart.

use serde::{Deserialize, Serialize};

/// Family of a model, by its name in `config.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelType {
    /// Llama 2, 3, 3.1, 3.2 (Touvron et al. 2023).
    #[default]
    Llama,
    /// Mistral (Jiang et al. 2023): a Llama with a sliding window.
    Mistral,
    /// GPT-NeoX, Pythia (Black et al. 2022): layer normalisation, biases,
    /// partial rotary positions, attention beside the feed-forward layer.
    GptNeox,
    /// Phi-3, Phi-4-mini (Abdin et al. 2024): a Llama whose projections are joined.
    Phi3,
    /// Qwen2, Qwen2.5 (Yang et al. 2024): a Llama with biases on queries, keys and values.
    Qwen2,
    /// Qwen3 (Yang et al. 2025): a Llama with norms of query and key heads.
    Qwen3,
    /// Gemma (Mesnard et al. 2024): norms of 1 + the weight, scaled embeddings.
    Gemma,
    /// Gemma 2 (Riviere et al. 2024): soft caps, four norms a block, windows by turns.
    Gemma2,
    /// The text part of Gemma 3 (Kamath et al. 2025): norms of query and key heads, two rotary
    /// bases, a window in five blocks of six.
    Gemma3Text,
    /// SmolLM3 (Bakouch et al. 2025): a Llama with blocks that know no positions.
    Smollm3,
}

/// Attention of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerType {
    /// A token sees all tokens before it.
    FullAttention,
    /// A token sees those in the window.
    SlidingAttention,
}

/// Family, and the settings that a plain Llama leaves at their defaults. Field
/// names follow `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Architecture {
    /// Names and layout of the weights.
    pub model_type: ModelType,
    /// Size of one head, where it is not `hidden_size / num_attention_heads`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// A token sees itself and the `sliding_window - 1` tokens before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<usize>,
    /// Attention of each block, where blocks differ. Empty where all are alike: with the window,
    /// if there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layer_types: Vec<LayerType>,
    /// For each block 1 if its queries and keys turn with the position, as everywhere else, and 0
    /// if not. Empty where all turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_rope_layers: Vec<u8>,
    /// Base of the rotary frequencies in blocks with the window, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_local_base_freq: Option<f64>,
    /// Scores of attention are divided by its root, in place of that of `head_dim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_pre_attn_scalar: Option<f64>,
    /// Soft cap of the scores of attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attn_logit_softcapping: Option<f64>,
    /// Soft cap of the logits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_logit_softcapping: Option<f64>,
    /// Share of a head's dimensions, the leading ones, that are rotated.
    pub partial_rotary_factor: f64,
    /// How rotary frequencies are stretched.
    pub rope_scaling: RopeScaling,
    /// Nonlinearity of the feed-forward layer.
    pub hidden_act: Activation,
    /// Whether the layers of attention have biases. Those of Qwen2 have, but for the output.
    pub attention_bias: bool,
    /// Whether the feed-forward layers have biases.
    pub mlp_bias: bool,
    /// Whether the feed-forward layer reads the block's input, not the sum of
    /// it and the output of attention. GPT-NeoX only.
    pub use_parallel_residual: bool,
}

impl Default for Architecture {
    fn default() -> Self {
        Self {
            model_type: ModelType::Llama,
            head_dim: None,
            sliding_window: None,
            layer_types: Vec::new(),
            no_rope_layers: Vec::new(),
            rope_local_base_freq: None,
            query_pre_attn_scalar: None,
            attn_logit_softcapping: None,
            final_logit_softcapping: None,
            partial_rotary_factor: 1.0,
            rope_scaling: RopeScaling::Default,
            hidden_act: Activation::Silu,
            attention_bias: false,
            mlp_bias: false,
            use_parallel_residual: false,
        }
    }
}

/// How rotary frequencies differ from `theta^(-2i/d)`. Source: the module
/// `modeling_rope_utils` of transformers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase", deny_unknown_fields)]
pub enum RopeScaling {
    /// Not at all.
    #[default]
    Default,
    /// All divided by `factor`.
    Linear {
        /// Above 0.
        factor: f64,
    },
    /// Long waves divided by `factor`, short ones kept, and a ramp between
    /// (Llama 3.1).
    Llama3 {
        /// Above 0.
        factor: f64,
        /// Waves longer than the original context over this are long.
        low_freq_factor: f64,
        /// Waves shorter than the original context over this are short.
        high_freq_factor: f64,
        /// Context before stretching, in tokens.
        original_max_position_embeddings: usize,
    },
    /// Each divided by a factor of its own, from one of two lists by the length
    /// of the sequence (Ding et al. 2024).
    Longrope {
        /// For sequences of up to the original context, `[rotary_dim / 2]`.
        short_factor: Vec<f64>,
        /// For longer ones, `[rotary_dim / 2]`.
        long_factor: Vec<f64>,
        /// Cosines and sines are multiplied by it.
        attention_factor: f64,
        /// Context before stretching, in tokens.
        original_max_position_embeddings: usize,
    },
}

/// Nonlinearity of a feed-forward layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x * sigmoid(x)`.
    #[default]
    Silu,
    /// `x` times the normal distribution function of `x`.
    Gelu,
    /// GELU approximated by a hyperbolic tangent.
    GeluPytorchTanh,
    /// `max(x, 0)`.
    Relu,
}

impl Architecture {
    /// Whether nothing tells the model from the plain Llama.
    pub fn is_plain_llama(&self) -> bool {
        *self == Self::default()
    }
}
