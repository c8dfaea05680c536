//! Fine-tuning of the base on the kept rows.

use std::path::Path;

use seal_bilevel::fine_tune;
use seal_lm::{Lm, load_adapter, load_weights, save_adapter, save_weights};

use super::selection::Selection;
use super::{Base, device, examples, shape};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::sets::Sets;

/// Depends on: base, selection. Output: an adapter, or whole weights where no
/// adapter is configured.
pub(crate) fn sft(
    config: &Config,
    sets: &Sets,
    seed: u64,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let base = Base::read(config, &job.deps[0])?;
    let selection = Selection::read(&job.deps[1])?;
    let rows = examples(config, &sets.data, &*base.tokenizer, "fine-tuning")?;
    let mut kept: Vec<_> =
        rows.into_iter().zip(&selection.kept).filter(|(_, k)| **k).map(|(e, _)| e).collect();
    let appended = sets.appended(config.selection.append);
    if !appended.is_empty() {
        kept.extend(examples(config, appended, &*base.tokenizer, "appended")?);
    }
    let mut progress = |done, of| (job.progress)(done as f64 / of as f64);
    let model = fine_tune(base.model, &kept, &config.sft, seed, &mut progress)?;
    match &config.sft.lora {
        Some(lora) => save_adapter(&model, lora, &config.study.name, job.dir)?,
        None => save_weights(&model, job.dir)?,
    }
    Ok(())
}

/// A fine-tuned model, read from its folder and that of its base.
pub(crate) struct Tuned {
    pub(crate) model: Lm,
    pub(crate) tokenizer: Box<dyn seal_data::Tokenizer>,
}

impl Tuned {
    /// Without `tuned`, the base as it is.
    pub(crate) fn read(
        config: &Config,
        base: &Path,
        tuned: Option<&Path>,
    ) -> Result<Self, StudyError> {
        let Base { model, tokenizer } = Base::read(config, base)?;
        let model = match (tuned, &config.sft.lora) {
            (None, _) => model,
            (Some(dir), Some(lora)) => load_adapter(model, lora, dir)?,
            (Some(dir), None) => load_weights(&shape(config, &*tokenizer), dir, &device(config)?)?,
        };
        Ok(Self { model, tokenizer })
    }
}
