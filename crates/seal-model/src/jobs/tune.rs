//! Fine-tuning of a model on the rows of a file.

use std::fs;
use std::path::Path;

use seal_bilevel::{SftSettings, Supervised, Trainer};
use seal_data::Row;
use seal_files::PendingFolder;
use seal_lm::{AdapterFiles, save_adapter, save_weights};

use super::Progress;
use super::model::LoadedModel;
use super::record::{self, TrainingRecord};
use super::stage_settings::{StageSettings, TokenizerFrom};
use crate::shape_error::adapters_only;
use crate::{LeftOutRow, ModelError};

/// What fine-tuning on a file met.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// Rows trained on.
    pub rows: usize,
    /// Rows that cannot be trained on, and why.
    pub left_out: Vec<LeftOutRow>,
    /// As [`seal_bilevel::FineTuned::losses`].
    pub losses: Vec<f64>,
}

impl LoadedModel {
    /// Fine-tunes on `rows` and writes the adapter, or the whole model where no
    /// adapter is configured, to `out`. An adapter that was opened to be trained on goes
    /// on as it is: its rank, scale, layers and dropout are not those of the settings.
    ///
    /// # Errors
    /// As [`seal_bilevel::Trainer::run`]; a folder that is not empty or cannot be
    /// written.
    pub fn fine_tune(
        self,
        rows: &[Row],
        settings: &StageSettings,
        seed: u64,
        out: &Path,
        progress: Progress<'_>,
    ) -> Result<Tuned, ModelError> {
        adapters_only(self.dtype, "[sft.lora]", settings.sft.lora.as_ref())?;
        let used = out.is_dir() && fs::read_dir(out).map_err(ModelError::io(out))?.next().is_some();
        if used || out.is_file() {
            return Err(ModelError::OutputInUse { folder: out.to_owned() });
        }
        let tokens = self.encoder.encode(rows).usable("fine-tuning")?;
        let (examples, left_out) = (tokens.examples, tokens.left_out);
        // With adapters of its own the model is given no others.
        let own = SftSettings { lora: None, ..settings.sft.clone() };
        let sft = if self.lora.is_some() { &own } else { &settings.sft };
        let lora = self.lora.as_ref().or(settings.sft.lora.as_ref());
        let task = Supervised { model: self.model, examples: &examples, settings: sft, seed };
        let tuned = Trainer::new(task)?.run(&mut |done: usize, of: usize| progress(done, of))?;
        let (model, losses) = (tuned.model, tuned.losses);
        // A run that is killed here leaves `out` as it was.
        let pending = PendingFolder::create(out).map_err(ModelError::io(out))?;
        let dir = pending.path();
        match lora {
            Some(lora) => {
                save_adapter(&model, lora, &self.name, dir)?;
                record::say_on_card(&dir.join(AdapterFiles::CARD), &settings.template)?;
            }
            None => {
                save_weights(&model, dir)?;
            }
        }
        match (self.tokenizer, &self.adapter) {
            (TokenizerFrom::Adapter, Some(adapter)) => {
                copy_tokenizer(adapter, dir)?;
                if lora.is_none() {
                    copy_ends(&self.dir, dir)?;
                }
            }
            _ if lora.is_none() => copy_tokenizer(&self.dir, dir)?,
            _ => {}
        }
        let record = TrainingRecord {
            format_version: 1,
            base: &self.name,
            adapter: self.adapter.as_deref(),
            dtype: self.dtype,
            template: &settings.template,
            tokenizer: self.tokenizer,
            template_hash: &self.template_hash,
            context: self.encoder.context(),
            rows: examples.len(),
            seed,
            sft: &SftSettings { lora: lora.cloned(), ..settings.sft.clone() },
            losses: &losses,
            version: env!("CARGO_PKG_VERSION"),
        };
        record.write(dir)?;
        pending.commit().map_err(ModelError::io(out))?;
        Ok(Tuned { rows: examples.len(), left_out, losses })
    }
}

/// Copies the files of a tokenizer from one model folder to another.
///
/// # Errors
/// A file that cannot be read or written.
pub fn copy_tokenizer(from: &Path, to: &Path) -> Result<(), ModelError> {
    for name in seal_files::tokenizer_files(from).map_err(ModelError::io(from))? {
        let (source, target) = (from.join(&name), to.join(&name));
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(ModelError::io(folder))?;
        }
        fs::copy(&source, target).map_err(ModelError::io(&source))?;
    }
    Ok(())
}

/// Copies what ends generation, or removes it where the model says nothing of it.
fn copy_ends(from: &Path, to: &Path) -> Result<(), ModelError> {
    let [source, target] = [from, to].map(|dir| dir.join("generation_config.json"));
    match (source.is_file(), target.is_file()) {
        (true, _) => fs::copy(&source, &target).map(drop).map_err(ModelError::io(&source)),
        (false, true) => fs::remove_file(&target).map_err(ModelError::io(&target)),
        (false, false) => Ok(()),
    }
}
