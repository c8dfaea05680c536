//! What fine-tuning leaves beside the weights that it writes.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use seal_bilevel::SftSettings;
use seal_data::TemplateSetting;
use seal_lm::WeightFormat;
use serde::{Deserialize, Serialize};

use super::notice::Notice;
use super::stage_settings::TokenizerFrom;
use super::template_text::template_text;
use crate::{Defect, ModelError};

/// Name of the record's file.
const FILE: &str = "seal-training.json";

/// How an adapter or a model was made: neither PEFT's files nor those of a model say how
/// rows were rendered, and with another template the weights are not what was trained.
#[derive(Serialize)]
pub(super) struct TrainingRecord<'a> {
    /// 1.
    pub(super) format_version: u32,
    /// The model that was trained.
    pub(super) base: &'a str,
    /// The adapter on it at the start.
    pub(super) adapter: Option<&'a Path>,
    pub(super) dtype: WeightFormat,
    pub(super) template: &'a TemplateSetting,
    #[serde(skip_serializing_if = "TokenizerFrom::is_model")]
    pub(super) tokenizer: TokenizerFrom,
    /// Of the template's text, wherever it lies.
    pub(super) template_hash: &'a str,
    /// Longest row in tokens.
    pub(super) context: usize,
    /// Rows trained on.
    pub(super) rows: usize,
    pub(super) seed: u64,
    pub(super) sft: &'a SftSettings,
    /// Mean training loss by epoch, in nats a token.
    pub(super) losses: &'a [f64],
    /// Of the program.
    pub(super) version: &'a str,
}

impl TrainingRecord<'_> {
    /// Writes it into `folder`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(Defect::Json)?;
        fs::write(&path, text + "\n").map_err(ModelError::io(&path))
    }
}

/// The part of it that is read back, which later versions keep.
#[derive(Deserialize)]
struct StoredRecord {
    template: TemplateSetting,
    template_hash: String,
}

/// A word to those who work with the weights of `folders`, of which the first with a record
/// counts, where the record's template is not the one that hashes to `template_hash`.
pub(super) fn notice(folders: &[&Path], template_hash: &str) -> Option<Notice> {
    let folder = folders.iter().find(|folder| folder.join(FILE).is_file())?;
    let path = folder.join(FILE);
    let stored: io::Result<StoredRecord> =
        fs::read(&path).and_then(|text| Ok(serde_json::from_slice(&text)?));
    match stored {
        Err(error) => Some(Notice::Record { path, reason: error.to_string() }),
        Ok(stored) if stored.template_hash == template_hash => None,
        Ok(StoredRecord { template, .. }) => {
            Some(Notice::OtherTemplate { folder: folder.to_path_buf(), template })
        }
    }
}

/// Adds to a model card how prompts were rendered, for those who use the adapter elsewhere.
///
/// # Errors
/// A card that cannot be written.
pub(super) fn say_on_card(card: &Path, template: &TemplateSetting) -> Result<(), ModelError> {
    let rendering = match template {
        TemplateSetting::Prompt(_) => {
            format!("Prompts were rendered as {}, with \\n a line break", template_text(template))
        }
        TemplateSetting::Chat { .. } => "Prompts were rendered by a chat template".to_owned(),
    };
    let text = format!("\n{rendering}; settings and losses are in `{FILE}`.\n");
    let mut file = fs::OpenOptions::new().append(true).open(card).map_err(ModelError::io(card))?;
    file.write_all(text.as_bytes()).map_err(ModelError::io(card))
}
