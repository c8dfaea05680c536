//! What each stage does. A stage reads the folders of the stages it depends on
//! and writes its own; nothing else passes between them.

mod answered;
mod answers;
mod assessed;
mod assessments;
mod base;
mod base_nll;
mod checkpoint;
mod pair_verdicts;
mod parts;
mod scores;
mod selection;
mod selector;
mod sft;
mod tokens;
mod verdicts;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use burn::tensor::Device;
use seal_lm::{Lm, load_model_as};
use seal_model::open_device;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use answers::{AnswersInput, answers, file as answers_file};
pub(crate) use assessed::{AssessedOutput, RunningSum, StoredCanary};
pub(crate) use assessments::{AssessmentsInput, assessments};
pub(crate) use base::{ALIGNED, Aligned, Base, base};
pub(crate) use base_nll::{base_nll, read_base_nll};
pub(crate) use pair_verdicts::{PairInput, PairOutput, StoredPair, pair_verdicts};
pub(crate) use parts::ROWS as SCORED_ROWS;
pub(crate) use scores::scores;
pub(crate) use selection::{RowSelection, select};
pub(crate) use selector::{SelectorOutput, learn, learn_traced};
pub(crate) use sft::{LOSSES, TunedModel, TuningLosses, sft};
pub(crate) use tokens::{read_tokens, test_tokens, tokenizer, tokens};
pub(crate) use verdicts::{read_evidence, verdicts};

use crate::config::Config;
use crate::error::{Defect, StudyError};
use crate::exec::Job;

/// Opens the device `on` for training.
pub(crate) fn device(config: &Config, on: &str) -> Result<Device, StudyError> {
    Ok(open_device(on, config.model.dtype())?)
}

/// The device that a stage has.
pub(crate) fn device_of(config: &Config, job: &Job<'_>) -> String {
    job.device().map_or_else(|| config.device.in_keys(), str::to_owned)
}

/// The model of a folder with `config.json` and safetensors, on the device `on`.
pub(crate) fn whole_model(dir: &Path, config: &Config, on: &str) -> Result<Lm, StudyError> {
    let (model, report) = load_model_as(dir, &device(config, on)?, config.model.dtype())?;
    tracing::debug!(dir = %dir.display(), ?report, "model read");
    report.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    Ok(model)
}

/// Ends a stage where its run was asked to stop.
pub(crate) fn refuse_cancelled(job: &Job<'_>) -> Result<(), StudyError> {
    match (job.is_cancelled)() {
        true => Err(StudyError::Cancelled { stages: None }),
        false => Ok(()),
    }
}

/// Copies the files of a tokenizer. The output of a stage has no folders, so that chat templates in a
/// folder of their own stay behind.
pub(crate) fn copy_tokenizer(from: &Path, to: &Path) -> Result<(), StudyError> {
    for name in seal_files::tokenizer_files(from).map_err(StudyError::io(from))? {
        let source = from.join(&name);
        if name.contains('/') {
            tracing::warn!(template = %source.display(), "not copied beside the model");
            continue;
        }
        std::fs::copy(&source, to.join(&name)).map_err(StudyError::io(&source))?;
    }
    Ok(())
}

pub(crate) fn write(dir: &Path, name: &str, text: &str) -> Result<(), StudyError> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(StudyError::io(&path))
}

pub(crate) fn write_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), StudyError> {
    let path = dir.join(name);
    // A million rows make a text of many megabytes, which is not held as a whole.
    let mut out = BufWriter::new(File::create(&path).map_err(StudyError::io(&path))?);
    serde_json::to_writer_pretty(&mut out, value).map_err(|error| match error.io_error_kind() {
        Some(_) => StudyError::io(&path)(error.into()),
        None => Defect::Json(error).into(),
    })?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(StudyError::io(&path))
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
