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
    /// Phi-3 (Abdin et al. 2024): a Llama whose projections are joined.
    Phi3,
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
    /// Share of a head's dimensions, the leading ones, that are rotated.
    pub partial_rotary_factor: f64,
    /// How rotary frequencies are stretched.
    pub rope_scaling: RopeScaling,
    /// Nonlinearity of the feed-forward layer.
    pub hidden_act: Activation,
    /// Whether the layers of attention have biases.
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
