//! Settings of single stages.

use std::path::Path;

use seal_bilevel::{BilevelSettings, SftSettings};
use seal_data::TemplateSetting;
use seal_lm::{GenerateSettings, WeightFormat};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::overrides::{TableError, parse_set, put, scalar};
use crate::{ModelError, StageSettingsError};

const DEFAULTS: &str = include_str!("../../../../configs/stages.toml");

/// What `configs/stages.toml` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSettings {
    /// How rows are rendered.
    pub template: TemplateSetting,
    /// Whose tokenizer is used.
    #[serde(default, skip_serializing_if = "TokenizerFrom::is_model")]
    pub tokenizer: TokenizerFrom,
    /// Number format of the model's weights.
    #[serde(default)]
    pub dtype: WeightFormat,
    /// Fine-tuning.
    pub sft: SftSettings,
    /// Training of a selector.
    pub bilevel: BilevelSettings,
    /// Generation.
    pub generate: GenerateSettings,
}

/// The folder whose tokenizer turns rows into tokens. That of an adapter may have tokens, ends
/// and a chat template of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerFrom {
    /// That of the model.
    #[default]
    Model,
    /// That of the adapter, as programs that read the tokenizer from its folder do.
    Adapter,
}

impl TokenizerFrom {
    /// Whether it is that of the model.
    pub(super) fn is_model(&self) -> bool {
        *self == Self::Model
    }

    /// Its folder.
    ///
    /// # Errors
    /// [`StageSettingsError::NoAdapter`] where there is none.
    pub(super) fn folder<'a>(
        self,
        model: &'a Path,
        adapter: Option<&'a Path>,
    ) -> Result<&'a Path, StageSettingsError> {
        match (self, adapter) {
            (Self::Model, _) => Ok(model),
            (Self::Adapter, Some(adapter)) => Ok(adapter),
            (Self::Adapter, None) => Err(StageSettingsError::NoAdapter),
        }
    }
}

impl StageSettings {
    /// Those of `file`, or the defaults, with the keys of `set` (`a.b=c`) changed.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value outside its range.
    pub fn load(file: Option<&Path>, set: &[String]) -> Result<Self, ModelError> {
        let text = match file {
            None => DEFAULTS.to_owned(),
            Some(path) => std::fs::read_to_string(path).map_err(|source| {
                StageSettingsError::Unreadable { path: path.to_owned(), source }
            })?,
        };
        let place = file.map_or_else(|| "settings".to_owned(), |f| f.display().to_string());
        let mut table: Table = toml::from_str(&text).map_err(|source| {
            StageSettingsError::Syntax { place: place.clone(), source: Box::new(source) }
        })?;
        for text in set {
            let (key, value) = parse_set(text)?;
            put(&mut table, &key, value)?;
        }
        let settings = Self::deserialize(table).map_err(|e| {
            let known = toml::from_str(DEFAULTS).unwrap_or_default();
            let source = TableError::of(e.to_string().trim_end()).with_deeper_key(&known);
            StageSettingsError::Key { place, source }
        })?;
        in_range("sft", settings.sft.validate())?;
        in_range("bilevel", settings.bilevel.validate())?;
        in_range("generate", settings.generate.validate())?;
        Ok(settings)
    }

    /// The same with another template: `chat`, a table as in a config, or text with every
    /// space that it has.
    ///
    /// # Errors
    /// [`StageSettingsError::Template`].
    pub fn with_template(self, text: &str) -> Result<Self, ModelError> {
        // Text has {} for the prompt, which a table has no use for; text in quotes is TOML's.
        let is_table = text.trim_start().starts_with('{') && !text.contains("{}");
        let value = match is_table || text.starts_with('"') {
            true => scalar(text),
            false => Value::String(text.to_owned()),
        };
        let template = TemplateSetting::deserialize(value)
            .map_err(|fault| StageSettingsError::Template { fault: Box::new(fault) })?;
        Ok(Self { template, ..self })
    }
}

/// The error of a section's own check.
fn in_range<E: std::error::Error + Send + Sync + 'static>(
    section: &'static str,
    checked: Result<(), E>,
) -> Result<(), StageSettingsError> {
    checked.map_err(|e| StageSettingsError::Range { section, source: Box::new(e) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_keys_can_be_set() {
        let settings = StageSettings::load(None, &["sft.epochs=5".to_owned()]).unwrap();
        assert_eq!(settings.sft.epochs, 5);
        let unknown = StageSettings::load(None, &["sft.epoch=5".to_owned()]).unwrap_err();
        assert!(unknown.to_string().contains("epochs"), "{unknown}");
        let outside = StageSettings::load(None, &["generate.top_p=2".to_owned()]).unwrap_err();
        assert!(outside.to_string().contains("top_p"), "{outside}");
    }
}
