//! Settings of single stages.

use std::path::Path;

use seal_bilevel::{BilevelSettings, SftSettings};
use seal_data::TemplateSetting;
use seal_lm::{GenerateSettings, WeightFormat};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::StudyError;
use crate::config::{explain, parse_set, put, scalar};

const DEFAULTS: &str = include_str!("../../../../configs/stages.toml");

/// What `configs/stages.toml` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSettings {
    /// How rows are dressed.
    pub template: TemplateSetting,
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

impl StageSettings {
    /// Those of `file`, or the defaults, with the keys of `set` (`a.b=c`) changed.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value outside its range.
    pub fn load(file: Option<&Path>, set: &[String]) -> Result<Self, StudyError> {
        let text = match file {
            None => DEFAULTS.to_owned(),
            Some(path) => std::fs::read_to_string(path).map_err(|e| {
                StudyError::Config(format!("cannot read the settings {}: {e}", path.display()))
            })?,
        };
        let place = file.map_or_else(|| "settings".to_owned(), |f| f.display().to_string());
        let bad = |e: &dyn std::fmt::Display| StudyError::Config(format!("{place}: {e}"));
        let mut table: Table = toml::from_str(&text).map_err(|e| bad(&e))?;
        for text in set {
            let (key, value) = parse_set(text)?;
            put(&mut table, &key, value)?;
        }
        let settings =
            Self::deserialize(table).map_err(|e| bad(&explain(e.to_string().trim_end())))?;
        let section = |name: &str, result: Result<(), String>| {
            result.map_err(|e| StudyError::Config(format!("{name}: {e}")))
        };
        section("sft", settings.sft.validate())?;
        section("bilevel", settings.bilevel.validate())?;
        section("generate", settings.generate.validate())?;
        Ok(settings)
    }

    /// The same with another template: `chat`, a table as in a config, or text with every
    /// space that it has.
    ///
    /// # Errors
    /// [`StudyError::Config`] for what is no template.
    pub fn with_template(self, text: &str) -> Result<Self, StudyError> {
        // Text has {} for the prompt, which a table has no use for; text in quotes is TOML's.
        let is_table = text.trim_start().starts_with('{') && !text.contains("{}");
        let value = match is_table || text.starts_with('"') {
            true => scalar(text),
            false => Value::String(text.to_owned()),
        };
        let template = TemplateSetting::deserialize(value)
            .map_err(|e| StudyError::Config(format!("template: {}", e.to_string().trim_end())))?;
        Ok(Self { template, ..self })
    }
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
