//! What each stage does. A stage reads the folders of the stages it depends on
//! and writes its own; nothing else passes between them.

mod answers;
mod base;
mod scores;
mod selection;
mod selector;
mod sft;
mod verdicts;

use std::path::Path;

use burn::tensor::Device;
use seal_data::{Example, Prepared, Row, Tokenizer, prepare};
use seal_device::DeviceSpec;
use seal_lm::{Lm, LmConfig, load_weights};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use answers::{AnswersInput, answers};
pub(crate) use base::base;
pub(crate) use scores::scores;
pub(crate) use selection::{Selection, select};
pub(crate) use selector::{SelectorOutput, Traced, learn, learn_traced};
pub(crate) use sft::{Tuned, sft};
pub(crate) use verdicts::{read_assessments, verdicts};

use crate::StudyError;
use crate::config::Config;
use crate::sets::read_tokenizer;
use crate::store::to_json;

/// Opens the config's device for training.
pub(crate) fn device(config: &Config) -> Result<Device, StudyError> {
    Ok(config.device.parse::<DeviceSpec>()?.open()?.autodiff())
}

/// The model's shape with the tokenizer's vocabulary.
pub(crate) fn shape(config: &Config, tokenizer: &dyn Tokenizer) -> LmConfig {
    LmConfig { vocab_size: tokenizer.vocab_size(), ..config.model.clone() }
}

/// A base with its tokenizer, read from its folder.
pub(crate) struct Base {
    pub(crate) model: Lm,
    pub(crate) tokenizer: Box<dyn Tokenizer>,
}

impl Base {
    pub(crate) fn read(config: &Config, dir: &Path) -> Result<Self, StudyError> {
        let tokenizer = read_tokenizer(config, dir)?;
        let model = load_weights(&shape(config, &*tokenizer), dir, &device(config)?)?;
        Ok(Self { model, tokenizer })
    }
}

/// Rows that can be trained on, tokenised; the others are counted and listed.
pub(crate) fn tokenised(config: &Config, rows: &[Row], tokenizer: &dyn Tokenizer) -> Prepared {
    prepare(rows, &config.tokenizer.template, tokenizer, config.model.max_position_embeddings)
}

/// As [`tokenised`], where nothing left is an error.
pub(crate) fn examples(
    config: &Config,
    rows: &[Row],
    tokenizer: &dyn Tokenizer,
    name: &str,
) -> Result<Vec<Example>, StudyError> {
    let Prepared { examples, left_out, .. } = tokenised(config, rows, tokenizer);
    match (examples.is_empty(), left_out.first()) {
        (true, first) => Err(StudyError::Rows(format!(
            "no row of the {name} set can be used; the first: {}",
            first.map_or_else(|| "there is none".to_owned(), ToString::to_string)
        ))),
        (false, _) => Ok(examples),
    }
}

pub(crate) fn write(dir: &Path, name: &str, text: &str) -> Result<(), StudyError> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(StudyError::io(&path))
}

pub(crate) fn write_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), StudyError> {
    write(dir, name, &to_json(value)?)
}

pub(crate) fn read_text(dir: &Path, name: &str) -> Result<String, StudyError> {
    let path = dir.join(name);
    std::fs::read_to_string(&path).map_err(StudyError::io(&path))
}

pub(crate) fn read_json<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<T, StudyError> {
    let text = read_text(dir, name)?;
    serde_json::from_str(&text)
        .map_err(|e| StudyError::Damaged { path: dir.join(name), reason: e.to_string() })
}
