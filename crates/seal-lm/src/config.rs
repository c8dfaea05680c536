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

/// Largest size: products of two fit.
const LARGEST: usize = 1 << 31;
/// More weights than any model has that is read here.
const MOST_WEIGHTS: f64 = 1e12;

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
            // 0 where the tokenizer decides.
            ("vocab_size", self.vocab_size.max(1)),
            ("head_dim", self.architecture.head_dim.unwrap_or(1)),
        ];
        if let Some((name, size)) = sizes.iter().find(|(_, size)| !(1..=LARGEST).contains(size)) {
            return Err(format!("{name} must be from 1 to {LARGEST}, is {size}"));
        }
        let width = self.num_attention_heads * self.architecture.head_dim.unwrap_or(1);
        if width > LARGEST {
            return Err(format!(
                "num_attention_heads {} of head_dim {} make queries wider than {LARGEST}",
                self.num_attention_heads,
                self.head_dim()
            ));
        }
        let whole = self.architecture.head_dim.is_some();
        let plain = self.architecture.partial_rotary_factor == 1.0;
        if !whole
            && !self.hidden_size.is_multiple_of((1 + usize::from(plain)) * self.num_attention_heads)
        {
            return Err(format!(
                "hidden_size {} must be a multiple of twice num_attention_heads {}: rotary \
                 positions need heads of even size",
                self.hidden_size, self.num_attention_heads
            ));
        }
        let rotary = self.rotary_dim();
        if rotary == 0 || rotary > self.head_dim() || !rotary.is_multiple_of(2) {
            return Err(format!(
                "head_dim {} and partial_rotary_factor {} make {rotary} rotary dimensions: an \
                 even number of at least 2 is wanted, within the head",
                self.head_dim(),
                self.architecture.partial_rotary_factor
            ));
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return Err(format!(
                "num_attention_heads {} must be a multiple of num_key_value_heads {}",
                self.num_attention_heads, self.num_key_value_heads
            ));
        }
        if !(self.rms_norm_eps > 0.0 && self.rope_theta > 1.0 && self.initializer_range > 0.0) {
            return Err(format!(
                "rms_norm_eps {} and initializer_range {} must be above 0, rope_theta {} above 1",
                self.rms_norm_eps, self.initializer_range, self.rope_theta
            ));
        }
        self.architecture.validate(self)?;
        match self.weights() > MOST_WEIGHTS {
            false => Ok(()),
            true => Err(format!(
                "hidden_size {}, intermediate_size {} and num_hidden_layers {} make {:.1e} weights: \
                 more than {MOST_WEIGHTS:.0e}",
                self.hidden_size,
                self.intermediate_size,
                self.num_hidden_layers,
                self.weights()
            )),
        }
    }

    /// Number of weights, in floating point, which does not overflow.
    pub(crate) fn weights(&self) -> f64 {
        let linears = crate::family::linears(self);
        let of_block: f64 = linears.iter().map(|l| l.shape[0] as f64 * l.shape[1] as f64).sum();
        let outside = self.vocab_size as f64 * self.hidden_size as f64;
        of_block * self.num_hidden_layers as f64
            + if self.tie_word_embeddings { outside } else { 2.0 * outside }
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
    fn bad_shapes_are_named() {
        good().validate().unwrap();
        let odd = LmConfig { num_attention_heads: 16, ..good() };
        assert!(odd.validate().unwrap_err().contains("even size"));
        let zero = LmConfig { intermediate_size: 0, ..good() };
        assert!(zero.validate().unwrap_err().contains("intermediate_size"));
        let part = Architecture { partial_rotary_factor: 0.2, ..Architecture::default() };
        let thin = LmConfig { architecture: part, ..good() };
        assert!(thin.validate().unwrap_err().contains("1 rotary dimensions"));
        let none = Architecture { sliding_window: Some(0), ..Architecture::default() };
        let blind = LmConfig { architecture: none, ..good() };
        assert!(blind.validate().unwrap_err().contains("sliding_window"));
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
