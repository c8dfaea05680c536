//! Settings that are refused, each with its name, its value and what is wanted.

use std::borrow::Cow;

/// A setting outside its range, or settings that do not go together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// A number outside its range.
    #[error("{setting} must be {wanted}, is {}", number(*value))]
    Range {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        wanted: Cow<'static, str>,
        /// What it is.
        value: f64,
    },
    /// Steps on the CPU, for which the program has no code.
    #[error("offload: this program has no CPU backend to make steps with")]
    NoHostSteps,
    /// Heads whose halves rotary positions cannot pair.
    #[error(
        "hidden_size {hidden_size} must be a multiple of twice num_attention_heads {heads}: rotary \
         positions need heads of even size"
    )]
    OddHeads {
        /// Width of the residual stream.
        hidden_size: usize,
        /// Query heads.
        heads: usize,
    },
    /// Queries wider than any model's.
    #[error("num_attention_heads {heads} of head_dim {head_dim} make queries wider than {most}")]
    WideQueries {
        /// Query heads.
        heads: usize,
        /// Size of a head.
        head_dim: usize,
        /// The widest.
        most: usize,
    },
    /// A part of a head that cannot be rotated.
    #[error(
        "head_dim {head_dim} and partial_rotary_factor {factor} make {dims} rotary dimensions: an \
         even number of at least 2 is wanted, within the head"
    )]
    RotaryDims {
        /// Size of a head.
        head_dim: usize,
        /// The share that is rotated.
        factor: f64,
        /// The dimensions that it makes.
        dims: usize,
    },
    /// Query heads that key heads cannot share evenly.
    #[error("num_attention_heads {heads} must be a multiple of num_key_value_heads {kv_heads}")]
    Groups {
        /// Query heads.
        heads: usize,
        /// Key and value heads.
        kv_heads: usize,
    },
    /// Lists of rotary factors of another length than the head asks for.
    #[error(
        "rope_scaling.{setting} has {found} numbers, {pairs} are wanted: one for each rotated \
         pair of a head's dimensions"
    )]
    RotaryFactors {
        /// The list.
        setting: &'static str,
        /// Its length.
        found: usize,
        /// Rotated pairs of a head.
        pairs: usize,
    },
    /// A setting that models of this family have one value of.
    #[error("{setting} must be {wanted} for model_type {family}")]
    Family {
        /// Name of the family.
        family: &'static str,
        /// The setting.
        setting: &'static str,
        /// The value that it must have.
        wanted: String,
    },
    /// A list with an entry for each block, of another length.
    #[error("{setting} has {found} entries, num_hidden_layers is {layers}")]
    PerLayer {
        /// The list.
        setting: &'static str,
        /// Its length.
        found: usize,
        /// Blocks of the model.
        layers: usize,
    },
    /// Blocks with a window that is not given.
    #[error("layer_types has sliding_attention, which needs sliding_window")]
    NoWindow,
    /// More weights than any model that is read here.
    #[error(
        "hidden_size {hidden_size}, intermediate_size {intermediate_size} and num_hidden_layers \
         {layers} make {weights:.1e} weights: more than {most:.0e}"
    )]
    Weights {
        /// Width of the residual stream.
        hidden_size: usize,
        /// Width of the feed-forward layer.
        intermediate_size: usize,
        /// Blocks.
        layers: usize,
        /// The weights that they make.
        weights: f64,
        /// The most.
        most: f64,
    },
    /// A model that this machine has no memory for.
    #[error(
        "hidden_size {hidden_size}, intermediate_size {intermediate_size}, num_hidden_layers \
         {layers} and vocab_size {vocab_size} make a model of {:.0} GiB, which this machine has no \
         memory for",
        bytes / f64::from(1 << 30)
    )]
    Memory {
        /// Width of the residual stream.
        hidden_size: usize,
        /// Width of the feed-forward layer.
        intermediate_size: usize,
        /// Blocks.
        layers: usize,
        /// Vocabulary.
        vocab_size: usize,
        /// Bytes of its weights.
        bytes: f64,
    },
    /// An adapter on no layer.
    #[error(
        "target_modules must name at least one layer, in a block of layers_to_transform if there are \
         any"
    )]
    NoTargets,
    /// A layer that no family has.
    #[error("target_modules: unknown layer `{target}`; known are {known}")]
    UnknownTarget {
        /// The name.
        target: String,
        /// The names of all families.
        known: String,
    },
    /// A layer that this model does not have.
    #[error(
        "target_modules: no layer `{target}` in this model of {layers} blocks; known are {known}"
    )]
    AbsentTarget {
        /// The name.
        target: String,
        /// Blocks of the model.
        layers: usize,
        /// The names that it has.
        known: String,
    },
    /// A block that this model does not have.
    #[error("layers_to_transform: no block {block} in this model of {blocks}, counted from 0")]
    NoBlock {
        /// The number.
        block: usize,
        /// Blocks of the model.
        blocks: usize,
    },
    /// A key of a pattern that is no name. PEFT takes regular expressions there.
    #[error(
        "{key}: `{name}` is not the name of a layer; write names as in target_modules, one for each \
         layer, and no regular expression"
    )]
    PatternKey {
        /// The pattern.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// A key of a pattern that changes nothing.
    #[error("{key}: `{name}` names no layer that gets an adapter")]
    UnusedPattern {
        /// The pattern.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// Two names of one layer in a pattern.
    #[error("{key}: `{first}` and `{second}` name one layer; write longer names")]
    TwoPatterns {
        /// The pattern.
        key: &'static str,
        /// One of the names.
        first: String,
        /// Another one.
        second: String,
    },
}

impl SettingError {
    /// Whether the message begins with the one setting that is at fault, so that its section may go
    /// before it with a dot.
    pub fn begins_with_setting(&self) -> bool {
        matches!(self, Self::Range { .. } | Self::NoTargets | Self::UnknownTarget { .. })
    }

    /// [`SettingError::Range`].
    pub(crate) fn range(
        setting: &'static str,
        wanted: impl Into<Cow<'static, str>>,
        value: f64,
    ) -> Self {
        Self::Range { setting, wanted: wanted.into(), value }
    }
}

/// Without rows of zeros.
fn number(x: f64) -> String {
    match x == 0.0 || (1e-4..1e16).contains(&x.abs()) {
        true => x.to_string(),
        false => format!("{x:e}"),
    }
}
