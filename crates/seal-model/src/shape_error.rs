//! Sizes and formats that no model, or no machine, has.

use seal_lm::{LmConfig, LoraConfig, ModelType, SettingError, WeightFormat};

/// Sizes that no model has, or none that can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A shape that the model's architecture does not have.
    #[error(transparent)]
    Architecture(#[from] SettingError),
    /// A context without a token.
    #[error("context must be at least 1")]
    NoContext,
    /// Key and value heads of unknown query heads.
    #[error("expect: num_key_value_heads goes with num_attention_heads")]
    NoQueryHeads,
    /// Query heads that are no multiple of the key and value heads.
    #[error("expect: num_attention_heads must be a multiple of num_key_value_heads")]
    Heads,
    /// More weights than any machine holds.
    #[error(
        "hidden_size, intermediate_size, num_hidden_layers and vocab_size make {weights} \
         weights; at most {MOST_WEIGHTS:.0e} can be asked for"
    )]
    Weights {
        /// Their number, rounded to a power of ten.
        weights: String,
    },
    /// A context longer than any machine holds.
    #[error("max_position_embeddings = {longest}: at most {LONGEST}")]
    Longest {
        /// Tokens that were asked for.
        longest: usize,
    },
    /// A family of another model.
    #[error("model_type is {}, expected is {}", found.name(), expected.name())]
    OtherFamily {
        /// The family of the folder's model.
        found: ModelType,
        /// The family that was expected.
        expected: ModelType,
    },
    /// A size that another model has.
    #[error("{name} is {found}, expected is {expected}")]
    Other {
        /// The size, as `config.json` names it.
        name: &'static str,
        /// The size of the folder's model.
        found: usize,
        /// The size that was expected.
        expected: usize,
    },
}

/// Weights in half precision stay as they are: adapters are wanted to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "bf16 is for weights that stay as they are: add {section}, or train the whole model in f32"
)]
pub struct HalfPrecision {
    /// The section of the settings that adapters stand in.
    pub section: &'static str,
}

/// Adapters of a rank that no machine holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{section}.r = {rank}: at most {LARGEST_RANK}")]
pub struct RankTooLarge {
    /// The section of the settings that the adapters stand in.
    pub section: &'static str,
    /// Their rank.
    pub rank: usize,
}

const MOST_WEIGHTS: f64 = 1e13;
const LONGEST: usize = 1 << 26;
const LARGEST_RANK: usize = 1 << 16;

/// Refuses sizes that no machine holds, before anything is made of them.
pub(crate) fn can_be_held(shape: &LmConfig) -> Result<(), ShapeError> {
    let [d, inner, layers, entries] =
        [shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers, shape.vocab_size]
            .map(|n| n as f64);
    let weights = layers * (2.0 * d * d + 3.0 * d * inner) + entries * d;
    if weights > MOST_WEIGHTS {
        return Err(ShapeError::Weights { weights: format!("{weights:.0e}") });
    }
    match shape.max_position_embeddings {
        longest if longest > LONGEST => Err(ShapeError::Longest { longest }),
        _ => Ok(()),
    }
}

/// Refuses adapters that no machine holds: `lora` are those of the section `section`.
///
/// # Errors
/// [`RankTooLarge`].
pub fn rank_fits(section: &'static str, lora: Option<&LoraConfig>) -> Result<(), RankTooLarge> {
    match lora.map(LoraConfig::largest_rank).filter(|rank| *rank > LARGEST_RANK) {
        Some(rank) => Err(RankTooLarge { section, rank }),
        None => Ok(()),
    }
}

/// Refuses to train weights in half precision: `lora` are the adapters that the
/// section `section` may have.
///
/// # Errors
/// [`HalfPrecision`].
pub fn adapters_only(
    dtype: WeightFormat,
    section: &'static str,
    lora: Option<&LoraConfig>,
) -> Result<(), HalfPrecision> {
    match (dtype, lora) {
        (WeightFormat::Bf16, None) => Err(HalfPrecision { section }),
        _ => Ok(()),
    }
}
