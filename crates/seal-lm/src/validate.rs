//! Shapes that no model can have.

use crate::cost::Cost;
use crate::families;
use crate::setting::SettingError;
use crate::{Architecture, LayerType, LmConfig, LmError, RopeScaling};

/// Largest size: products of two fit.
const LARGEST: usize = 1 << 31;
/// More weights than any model has that is read here.
const MOST_WEIGHTS: f64 = 1e12;

impl LmConfig {
    /// Says what is wrong with the shape, if anything.
    ///
    /// # Errors
    /// A zero, or a size that does not divide as it must.
    pub fn validate(&self) -> Result<(), SettingError> {
        self.check_sizes()?;
        self.check_heads()?;
        let numbers = [
            ("rms_norm_eps", "above 0", 0.0, self.rms_norm_eps),
            ("initializer_range", "above 0", 0.0, self.initializer_range),
            ("rope_theta", "above 1", 1.0, self.rope_theta),
        ];
        // What is no number is not above any.
        let low =
            |(_, _, least, x): &(_, _, f64, f64)| x.partial_cmp(least).is_none_or(|o| o.is_le());
        if let Some((setting, wanted, _, value)) = numbers.into_iter().find(low) {
            return Err(SettingError::range(setting, wanted, value));
        }
        self.architecture.check_own_settings(self.num_hidden_layers)?;
        self.architecture.rope_scaling.validate(self.rotary_dim() / 2)?;
        families::check(self)?;
        let weights = Cost::of(self).parameters();
        match weights > MOST_WEIGHTS {
            false => Ok(()),
            true => Err(SettingError::Weights {
                hidden_size: self.hidden_size,
                intermediate_size: self.intermediate_size,
                layers: self.num_hidden_layers,
                weights,
                most: MOST_WEIGHTS,
            }),
        }
    }

    fn check_sizes(&self) -> Result<(), SettingError> {
        let architecture = &self.architecture;
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            // 0 where the tokenizer decides.
            ("vocab_size", self.vocab_size.max(1)),
            ("head_dim", architecture.head_dim.unwrap_or(1)),
            // A token sees itself.
            ("sliding_window", architecture.sliding_window.unwrap_or(1).min(LARGEST)),
        ];
        match sizes.into_iter().find(|(_, size)| !(1..=LARGEST).contains(size)) {
            None => Ok(()),
            Some((setting, size)) => {
                Err(SettingError::range(setting, format!("from 1 to {LARGEST}"), size as f64))
            }
        }
    }

    fn check_heads(&self) -> Result<(), SettingError> {
        let (heads, head_dim) = (self.num_attention_heads, self.head_dim());
        let (whole, factor) = (self.architecture.head_dim, self.architecture.partial_rotary_factor);
        if heads * whole.unwrap_or(1) > LARGEST {
            return Err(SettingError::WideQueries { heads, head_dim, most: LARGEST });
        }
        let unit = if factor == 1.0 { 2 * heads } else { heads };
        if whole.is_none() && !self.hidden_size.is_multiple_of(unit) {
            return Err(SettingError::OddHeads { hidden_size: self.hidden_size, heads });
        }
        let dims = self.rotary_dim();
        if dims == 0 || dims > head_dim || !dims.is_multiple_of(2) {
            return Err(SettingError::RotaryDims { head_dim, factor, dims });
        }
        let kv_heads = self.num_key_value_heads;
        match heads.is_multiple_of(kv_heads) {
            true => Ok(()),
            false => Err(SettingError::Groups { heads, kv_heads }),
        }
    }
}

impl Architecture {
    /// Settings of single families, in a model of `layers` blocks.
    fn check_own_settings(&self, layers: usize) -> Result<(), SettingError> {
        let lists = [
            ("layer_types", self.layer_types.len()),
            ("no_rope_layers", self.no_rope_layers.len()),
        ];
        for (setting, found) in lists {
            if ![0, layers].contains(&found) {
                return Err(SettingError::PerLayer { setting, found, layers });
            }
        }
        if let Some(flag) = self.no_rope_layers.iter().find(|flag| **flag > 1) {
            return Err(SettingError::range("no_rope_layers", "0 or 1", f64::from(*flag)));
        }
        if self.layer_types.contains(&LayerType::SlidingAttention) && self.sliding_window.is_none()
        {
            return Err(SettingError::NoWindow);
        }
        let numbers = [
            ("rope_local_base_freq", 1.0, self.rope_local_base_freq),
            ("query_pre_attn_scalar", 0.0, self.query_pre_attn_scalar),
            ("attn_logit_softcapping", 0.0, self.attn_logit_softcapping),
            ("final_logit_softcapping", 0.0, self.final_logit_softcapping),
        ];
        for (setting, least, value) in numbers {
            if let Some(value) = value.filter(|x| !(x.is_finite() && *x > least)) {
                return Err(SettingError::range(setting, format!("above {least}"), value));
            }
        }
        Ok(())
    }
}

/// Refuses shapes that no model can have, and one without a vocabulary.
pub(crate) fn check(config: &LmConfig) -> Result<(), LmError> {
    config.validate()?;
    match config.vocab_size {
        0 => Err(SettingError::range("vocab_size", "at least 1", 0.0).into()),
        _ => Ok(()),
    }
}

impl RopeScaling {
    /// `pairs`: rotated pairs of dimensions of a head.
    fn validate(&self, pairs: usize) -> Result<(), SettingError> {
        let above = |setting, x: f64| match x.is_finite() && x > 0.0 {
            true => Ok(()),
            false => Err(SettingError::range(setting, "above 0", x)),
        };
        let context = |n: usize| match n {
            0 | 1 => {
                let setting = "rope_scaling.original_max_position_embeddings";
                Err(SettingError::range(setting, "at least 2", n as f64))
            }
            _ => Ok(()),
        };
        match self {
            Self::Default => Ok(()),
            Self::Linear { factor } => above("rope_scaling.factor", *factor),
            Self::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => {
                above("rope_scaling.factor", *factor)?;
                above("rope_scaling.low_freq_factor", *low)?;
                context(*original)?;
                match high.is_finite() && high > low {
                    true => Ok(()),
                    false => Err(SettingError::range(
                        "rope_scaling.high_freq_factor",
                        format!("above low_freq_factor {low}"),
                        *high,
                    )),
                }
            }
            Self::Longrope {
                short_factor,
                long_factor,
                attention_factor,
                original_max_position_embeddings: original,
            } => {
                for (setting, full, list) in [
                    ("short_factor", "rope_scaling.short_factor", short_factor),
                    ("long_factor", "rope_scaling.long_factor", long_factor),
                ] {
                    if list.len() != pairs {
                        return Err(SettingError::RotaryFactors {
                            setting,
                            found: list.len(),
                            pairs,
                        });
                    }
                    list.iter().try_for_each(|x| above(full, *x))?;
                }
                above("rope_scaling.attention_factor", *attention_factor)?;
                context(*original)
            }
        }
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
        assert!(odd.validate().unwrap_err().to_string().contains("even size"));
        let zero = LmConfig { intermediate_size: 0, ..good() };
        assert!(zero.validate().unwrap_err().to_string().contains("intermediate_size"));
        let part = Architecture { partial_rotary_factor: 0.2, ..Architecture::default() };
        let thin = LmConfig { architecture: part, ..good() };
        assert!(thin.validate().unwrap_err().to_string().contains("1 rotary dimensions"));
        let none = Architecture { sliding_window: Some(0), ..Architecture::default() };
        let blind = LmConfig { architecture: none, ..good() };
        assert!(blind.validate().unwrap_err().to_string().contains("sliding_window"));
    }
}
