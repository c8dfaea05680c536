//! What tells the families of models apart.

use serde::{Deserialize, Serialize};

use crate::LmConfig;

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

    pub(crate) fn validate(&self, shape: &LmConfig) -> Result<(), String> {
        if self.sliding_window == Some(0) {
            return Err("sliding_window must be at least 1: a token sees itself".to_owned());
        }
        let neox = self.model_type == ModelType::GptNeox;
        if self.use_parallel_residual && !neox {
            return Err("use_parallel_residual = true is of model_type gpt_neox only".to_owned());
        }
        if neox && shape.num_key_value_heads != shape.num_attention_heads {
            return Err(format!(
                "num_key_value_heads {} must be num_attention_heads {} for model_type gpt_neox",
                shape.num_key_value_heads, shape.num_attention_heads
            ));
        }
        if neox && !self.mlp_bias {
            return Err("mlp_bias = false: gpt_neox always has these biases".to_owned());
        }
        if self.model_type == ModelType::Phi3 && (self.attention_bias || self.mlp_bias) {
            return Err("attention_bias and mlp_bias must be false for model_type phi3".to_owned());
        }
        if self.head_dim == Some(0) {
            return Err("head_dim must be at least 1".to_owned());
        }
        self.rope_scaling.validate(shape.rotary_dim() / 2)
    }
}

impl RopeScaling {
    /// `pairs`: rotated pairs of dimensions of a head.
    fn validate(&self, pairs: usize) -> Result<(), String> {
        let above = |name: &str, x: f64| match x.is_finite() && x > 0.0 {
            true => Ok(()),
            false => Err(format!("rope_scaling.{name} must be above 0, is {x}")),
        };
        let context = |n: usize| match n {
            0 | 1 => Err("rope_scaling.original_max_position_embeddings must be at least 2".into()),
            _ => Ok(()),
        };
        match self {
            Self::Default => Ok(()),
            Self::Linear { factor } => above("factor", *factor),
            Self::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => {
                above("factor", *factor)?;
                above("low_freq_factor", *low)?;
                context(*original)?;
                match high.is_finite() && high > low {
                    true => Ok(()),
                    false => Err(format!(
                        "rope_scaling.high_freq_factor must be above low_freq_factor {low}, is \
                         {high}"
                    )),
                }
            }
            Self::Longrope {
                short_factor,
                long_factor,
                attention_factor,
                original_max_position_embeddings: original,
            } => {
                for (name, list) in [("short_factor", short_factor), ("long_factor", long_factor)] {
                    if list.len() != pairs {
                        return Err(format!(
                            "rope_scaling.{name} has {} numbers, {pairs} are wanted: one for \
                             each rotated pair of a head's dimensions",
                            list.len()
                        ));
                    }
                    list.iter().try_for_each(|x| above(name, *x))?;
                }
                above("attention_factor", *attention_factor)?;
                context(*original)
            }
        }
    }
}
