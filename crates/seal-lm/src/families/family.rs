//! What a family of models says of itself.

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::plan::Plan;
use crate::setting::SettingError;
use crate::{LmConfig, LmError};

/// A family of models. One file has all that tells it from the others.
pub(crate) trait Family: Sync {
    /// Its `model_type` in `config.json`.
    fn name(&self) -> &'static str;

    /// Its class in `architectures` of `config.json`.
    fn class(&self) -> &'static str;

    /// Linear layers of a block that an adapter can be put on, by the last part
    /// of their names.
    fn linear_names(&self) -> &'static [&'static str];

    /// Whether the output layer is the embedding where a `config.json` does not say.
    fn is_tied(&self) -> bool {
        false
    }

    /// Ends of the names of tensors that older files have and that hold no
    /// weights.
    fn buffers(&self) -> &'static [&'static str] {
        &[".rotary_emb.inv_freq"]
    }

    /// Whether a tensor that the model has no place for may be left out.
    fn is_no_weight(&self, name: &str) -> bool {
        self.buffers().iter().any(|end| name.ends_with(end))
            || self.other_parts().iter().any(|start| name.starts_with(start))
    }

    /// Starts of the names of tensors in folders that hold a text model and more, each with what
    /// stands there in a folder of the text model alone.
    fn renamed(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Starts of the names of the tensors of the other parts of such folders.
    fn other_parts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Settings of single families that this one has, by their names in [`Architecture`].
    ///
    /// [`Architecture`]: crate::Architecture
    fn own_settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// The shape that a `config.json` describes. It need not be a valid one.
    ///
    /// # Errors
    /// [`LmError::Setting`] for a setting that is malformed or not followed.
    fn parse(&self, settings: &Fields<'_>) -> Result<LmConfig, LmError>;

    /// Adds the settings that not every family has, as transformers 4 and 5
    /// both read them, to those that every family has.
    fn write(&self, config: &LmConfig, settings: &mut Map<String, Value>);

    /// Refuses what no model of the family has.
    ///
    /// # Errors
    /// The setting.
    fn check(&self, config: &LmConfig) -> Result<(), SettingError>;

    /// What the blocks compute, and where their weights are.
    fn plan(&self, config: &LmConfig) -> Plan;
}

/// What a model makes of its last states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputHead {
    /// Logits of the next token.
    Vocabulary,
    /// Scores of the row.
    Scores,
}

impl OutputHead {
    /// How classes with this head end in `architectures` of `config.json`.
    pub(super) fn class_end(self) -> &'static str {
        match self {
            Self::Vocabulary => "ForCausalLM",
            Self::Scores => "ForSequenceClassification",
        }
    }
}

/// Refuses `setting` unless `holds`.
pub(super) fn hold(
    holds: bool,
    family: &'static str,
    setting: &'static str,
    wanted: impl ToString,
) -> Result<(), SettingError> {
    match holds {
        true => Ok(()),
        false => Err(SettingError::Family { family, setting, wanted: wanted.to_string() }),
    }
}
