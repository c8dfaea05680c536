//! Shapes of models and settings of training, named as Hugging Face and PEFT
//! name them.

use serde::{Deserialize, Serialize};

/// Shape of a Llama model; field names are those of `config.json`.
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
    /// Number of query heads; divides `hidden_size` into heads of even size.
    pub num_attention_heads: usize,
    /// Number of key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: usize,
    /// Width of the SwiGLU block.
    pub intermediate_size: usize,
    /// Longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Base of the rotary frequencies.
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    /// Added to the mean square in RMS normalisation.
    #[serde(default = "default_eps")]
    pub rms_norm_eps: f64,
    /// Whether the output layer is the transposed embedding.
    #[serde(default = "yes")]
    pub tie_word_embeddings: bool,
    /// Standard deviation of initial weights.
    #[serde(default = "default_range")]
    pub initializer_range: f64,
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
        self.hidden_size / self.num_attention_heads.max(1)
    }

    /// Says what is wrong with the shape, if anything.
    ///
    /// # Errors
    /// A zero, or a size that does not divide as it must; the message names
    /// the fields.
    pub fn validate(&self) -> Result<(), String> {
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("{name} must be at least 1"));
        }
        if !self.hidden_size.is_multiple_of(2 * self.num_attention_heads) {
            return Err(format!(
                "hidden_size {} must be a multiple of twice num_attention_heads {}: rotary \
                 positions need heads of even size",
                self.hidden_size, self.num_attention_heads
            ));
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return Err(format!(
                "num_attention_heads {} must be a multiple of num_key_value_heads {}",
                self.num_attention_heads, self.num_key_value_heads
            ));
        }
        if !(self.rms_norm_eps > 0.0 && self.rope_theta > 1.0 && self.initializer_range > 0.0) {
            return Err(
                "rms_norm_eps and initializer_range must be above 0, rope_theta above 1".to_owned()
            );
        }
        Ok(())
    }
}

/// Linear layers an adapter can be put on, by their Hugging Face names.
pub const LINEAR_NAMES: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// A low-rank adapter (Hu et al. 2021); field names follow PEFT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraConfig {
    /// Rank.
    pub r: usize,
    /// The side path is scaled by `lora_alpha / r`.
    pub lora_alpha: f64,
    /// Share of the side path's inputs that are dropped in training.
    #[serde(default)]
    pub lora_dropout: f64,
    /// Layers that get an adapter: names of [`LINEAR_NAMES`], or `all-linear`.
    pub target_modules: Vec<String>,
}

impl LoraConfig {
    /// Whether the layer `name` gets an adapter.
    pub fn targets(&self, name: &str) -> bool {
        self.target_modules.iter().any(|t| t == name || t == "all-linear")
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// Rank 0, a dropout outside [0, 1), or an unknown layer name.
    pub fn validate(&self) -> Result<(), String> {
        if self.r == 0 {
            return Err("r must be at least 1".to_owned());
        }
        if !(0.0..1.0).contains(&self.lora_dropout) {
            return Err(format!("lora_dropout must be in [0, 1), is {}", self.lora_dropout));
        }
        if self.target_modules.is_empty() {
            return Err("target_modules must name at least one layer".to_owned());
        }
        for name in &self.target_modules {
            if name != "all-linear" && !LINEAR_NAMES.contains(&name.as_str()) {
                return Err(format!(
                    "target_modules: unknown layer `{name}`; known are all-linear, {}",
                    LINEAR_NAMES.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// AdamW (Loshchilov and Hutter 2019) with clipping by the global norm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
    /// Peak learning rate.
    pub lr: f64,
    /// Decay rates of the two moments.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0 turns clipping off.
    pub max_grad_norm: f64,
    /// Shape of the learning rate over time.
    pub schedule: Schedule,
    /// Share of the steps over which the rate climbs linearly to its peak.
    pub warmup: f64,
}

impl Default for OptimConfig {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            schedule: Schedule::Constant,
            warmup: 0.0,
        }
    }
}

/// What the learning rate does after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Stays.
    Constant,
    /// Falls to 0 along half a cosine.
    Cosine,
    /// Falls to 0 along a line.
    Linear,
}

impl OptimConfig {
    /// Learning rate of step `step` (from 0) of `steps`.
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        let warm = (self.warmup * steps as f64).ceil();
        let at = step as f64;
        if at < warm {
            return self.lr * (at + 1.0) / warm;
        }
        let done = (at - warm) / (steps as f64 - warm).max(1.0);
        self.lr
            * match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
                Schedule::Linear => 1.0 - done,
            }
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// A value outside its range; the message names the field.
    pub fn validate(&self) -> Result<(), String> {
        let beta = |b: f64| (0.0..1.0).contains(&b);
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(format!("lr must be above 0, is {}", self.lr));
        }
        if !beta(self.betas.0) || !beta(self.betas.1) {
            return Err(format!("betas must be in [0, 1), are {:?}", self.betas));
        }
        if !(0.0..=1.0).contains(&self.warmup) {
            return Err(format!("warmup is a share of the steps in [0, 1], is {}", self.warmup));
        }
        if !(self.eps > 0.0 && self.weight_decay >= 0.0 && self.max_grad_norm >= 0.0) {
            return Err("eps must be above 0, weight_decay and max_grad_norm not below".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_climbs_and_falls() {
        let c = OptimConfig {
            lr: 1.0,
            warmup: 0.1,
            schedule: Schedule::Linear,
            ..OptimConfig::default()
        };
        assert_eq!(c.rate(0, 100), 0.1);
        assert_eq!(c.rate(9, 100), 1.0);
        assert_eq!(c.rate(10, 100), 1.0);
        assert!((c.rate(55, 100) - 0.5).abs() < 1e-12);
        let cosine = OptimConfig { schedule: Schedule::Cosine, ..c };
        assert!((cosine.rate(55, 100) - 0.5).abs() < 1e-12);
        assert_eq!(OptimConfig::default().rate(0, 10), 1e-3);
    }

    #[test]
    fn bad_shapes_are_named() {
        let good = LmConfig {
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
        };
        good.validate().unwrap();
        let odd = LmConfig { num_attention_heads: 16, ..good.clone() };
        assert!(odd.validate().unwrap_err().contains("even size"));
        let zero = LmConfig { intermediate_size: 0, ..good };
        assert!(zero.validate().unwrap_err().contains("intermediate_size"));
    }
}
