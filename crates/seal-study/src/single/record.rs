//! What fine-tuning leaves beside the weights that it writes.

use std::fs;
use std::path::Path;

use seal_bilevel::SftSettings;
use seal_data::TemplateSetting;
use serde::{Deserialize, Serialize};

use crate::StudyError;

/// How an adapter or a model was made, in `seal-training.json` of its folder: neither PEFT's
/// files nor those of a model say how rows were dressed, and under another dress the
/// weights are not what was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// 1.
    pub format_version: u32,
    /// How rows were dressed.
    pub template: TemplateSetting,
    /// Longest row in tokens.
    pub context: usize,
    /// Rows trained on.
    pub rows: usize,
    /// Fixes the order of rows, initial adapters and dropout.
    pub seed: u64,
    /// Settings of the training.
    pub sft: SftSettings,
    /// Mean training loss by epoch, in nats a token.
    pub losses: Vec<f64>,
}

impl TrainingRecord {
    /// Its file in the folder.
    pub const FILE: &str = "seal-training.json";

    /// Writes it into `folder`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StudyError> {
        let path = folder.join(Self::FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| StudyError::Defect(format!("{}: {e}", path.display())))?;
        fs::write(&path, text + "\n").map_err(StudyError::io(&path))
    }

    /// The record of `folder`, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read or is no such record.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, StudyError> {
        let path = folder.join(Self::FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read(&path).map_err(StudyError::io(&path))?;
        let wrong = |e| StudyError::Config(format!("{}: {e}", path.display()));
        serde_json::from_slice(&text).map(Some).map_err(wrong)
    }
}
