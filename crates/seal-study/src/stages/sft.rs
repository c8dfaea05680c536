//! Fine-tuning of the base on the kept rows.

use std::path::Path;

use serde::{Deserialize, Serialize};

use seal_bilevel::{FineTuned, Supervised};
use seal_lm::{Lm, load_adapter, save_adapter, save_weights};
use seal_model::Encoder;

use super::checkpoint::trained;
use super::selection::RowSelection;
use super::tokens::read_examples;
use super::{Base, copy_tokenizer, device_of, whole_model, write_json};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;

/// The file of [`TuningLosses`]. No part of the model.
pub(crate) const LOSSES: &str = "losses.json";

/// What the fine-tuning said while it ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TuningLosses {
    /// Mean over rows of their losses, of each epoch.
    pub(crate) losses: Vec<f64>,
}

/// Depends on: base, selection, the tokens of D, and those of the appended rows where there
/// are some. Output: an adapter, or whole weights where no adapter is configured; and the losses.
pub(crate) fn sft(config: &Config, seed: u64, job: &Job<'_>) -> Result<(), StudyError> {
    let selection = RowSelection::read(&job.deps[1])?;
    let rows = read_examples(&job.deps[2], "fine-tuning")?;
    let mut kept: Vec<_> =
        rows.into_iter().zip(&selection.kept).filter(|(_, k)| **k).map(|(e, _)| e).collect();
    if let Some(appended) = job.deps.get(3) {
        kept.extend(read_examples(appended, "appended")?);
    }
    let on = device_of(config, job);
    let FineTuned { model, losses } = trained(job, || {
        let model = Base::read(config, &job.deps[0], &on)?.model;
        Ok(Supervised { model, examples: &kept, settings: &config.sft, seed })
    })?;
    write_json(job.dir, LOSSES, &TuningLosses { losses })?;
    match &config.sft.lora {
        Some(lora) => {
            save_adapter(&model, lora, &config.base_name(), job.dir)?;
        }
        None => {
            save_weights(&model, job.dir)?;
            if let Some(folder) = config.model.folder() {
                copy_tokenizer(&folder.found()?.dir, job.dir)?;
            }
        }
    }
    Ok(())
}

/// A fine-tuned model, read from its folder and that of its base.
pub(crate) struct TunedModel {
    pub(crate) model: Lm,
    pub(crate) encoder: Encoder,
}

impl TunedModel {
    /// On the device `on`; without `tuned`, the base as it is.
    pub(crate) fn read(
        config: &Config,
        base: &Path,
        tuned: Option<&Path>,
        on: &str,
    ) -> Result<Self, StudyError> {
        // Whole weights need nothing of the base but its tokenizer.
        if let (Some(dir), None) = (tuned, &config.sft.lora) {
            let encoder = Encoder::read(&config.model, &config.tokenizer, base)?;
            let model = whole_model(dir, config, on)?;
            encoder.fits(&model)?;
            return Ok(Self { model, encoder });
        }
        let Base { model, encoder } = Base::read(config, base, on)?;
        let model = match (tuned, &config.sft.lora) {
            (Some(dir), Some(lora)) => load_adapter(model, lora, dir)?,
            _ => model,
        };
        Ok(Self { model, encoder })
    }
}
