//! Sizes that a model folder is expected to hold.

use seal_lm::{Architecture, LmConfig, ModelType};
use serde::{Deserialize, Serialize};

use crate::ShapeError;

/// Sizes of a model, as its `config.json` names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Family of the model. Where it is left out, it is not compared, and counts as that of Llama.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_type: Option<ModelType>,
    /// Number of weights; not compared with anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_attention_heads: Option<usize>,
    /// Number of key and value heads. Heads that are left out are not compared, and count as
    /// if there were one of each, as wide as the residual stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of the feed-forward block.
    pub intermediate_size: usize,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
}

impl Expected {
    /// A shape of these sizes, for estimates only.
    pub fn shape(&self) -> LmConfig {
        let heads = self.num_attention_heads.unwrap_or(1);
        LmConfig {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: heads,
            num_key_value_heads: self.num_key_value_heads.unwrap_or(heads),
            intermediate_size: self.intermediate_size,
            max_position_embeddings: self.max_position_embeddings,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: false,
            initializer_range: 0.02,
            architecture: Architecture {
                model_type: self.model_type.unwrap_or_default(),
                ..Architecture::default()
            },
        }
    }

    /// Says what is wrong, if anything.
    pub(crate) fn validate(&self) -> Result<(), ShapeError> {
        let divides = |part: usize, whole: usize| part > 0 && whole.is_multiple_of(part);
        match (self.num_attention_heads, self.num_key_value_heads) {
            (None, Some(_)) => Err(ShapeError::NoQueryHeads),
            (Some(heads), kv) if !divides(kv.unwrap_or(heads), heads) => Err(ShapeError::Heads),
            _ => Ok(()),
        }
    }

    /// The first size that another model has.
    pub(crate) fn differs_from(&self, shape: &LmConfig) -> Option<ShapeError> {
        let found = shape.architecture.model_type;
        if let Some(expected) = self.model_type.filter(|expected| *expected != found) {
            return Some(ShapeError::OtherFamily { found, expected });
        }
        let (heads, kv) = (self.num_attention_heads, self.num_key_value_heads);
        let sizes = [
            ("hidden_size", Some(self.hidden_size), shape.hidden_size),
            ("num_hidden_layers", Some(self.num_hidden_layers), shape.num_hidden_layers),
            ("num_attention_heads", heads, shape.num_attention_heads),
            ("num_key_value_heads", kv, shape.num_key_value_heads),
            ("intermediate_size", Some(self.intermediate_size), shape.intermediate_size),
            ("vocab_size", Some(self.vocab_size), shape.vocab_size),
        ];
        sizes.into_iter().find_map(|(name, expected, found)| {
            let expected = expected.filter(|expected| *expected != found)?;
            Some(ShapeError::Other { name, found, expected })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(heads: Option<usize>, kv: Option<usize>) -> Expected {
        Expected {
            model_type: None,
            parameters: None,
            hidden_size: 64,
            num_hidden_layers: 2,
            num_attention_heads: heads,
            num_key_value_heads: kv,
            intermediate_size: 128,
            vocab_size: 10,
            max_position_embeddings: 8,
        }
    }

    #[test]
    fn heads_that_no_model_has_are_refused() {
        for (heads, kv) in [(None, None), (Some(8), None), (Some(8), Some(2)), (Some(8), Some(8))] {
            assert_eq!(expected(heads, kv).validate(), Ok(()));
        }
        for (heads, kv) in
            [(None, Some(2)), (Some(8), Some(3)), (Some(8), Some(0)), (Some(0), None)]
        {
            assert!(expected(heads, kv).validate().is_err(), "{heads:?} {kv:?}");
        }
    }

    #[test]
    fn another_number_of_heads_is_another_model() {
        let shape = expected(Some(8), Some(2)).shape();
        let said = |e: Expected| e.differs_from(&shape);
        assert_eq!(said(expected(Some(8), Some(2))), None);
        assert_eq!(said(expected(None, None)), None);
        let family = |model_type| Expected { model_type, ..expected(None, None) };
        assert_eq!(said(family(Some(ModelType::Llama))), None);
        let other = said(family(Some(ModelType::GptNeox))).map(|e| e.to_string());
        assert_eq!(other.as_deref(), Some("model_type is llama, expected is gpt_neox"));
        let other = said(expected(Some(8), Some(4)));
        let other = other.map(|e| e.to_string());
        assert_eq!(other.as_deref(), Some("num_key_value_heads is 2, expected is 4"));
    }
}
