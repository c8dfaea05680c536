//! The base: the aligned model that every arm starts from.

use std::path::Path;

use seal_bilevel::{FineTuned, SftSettings, Supervised};
use seal_data::Example;
use seal_device::DeviceSpec;
use seal_lm::{
    Lm, LmConfig, MergeRounding, WeightFormat, load_adapter, load_weights, save_adapter,
    save_merged, save_weights,
};
use seal_model::{Encoder, ModelSettings};
use serde::{Deserialize, Serialize};

use super::checkpoint::trained;
use super::tokens::{encoder, read_examples};
use super::{copy_tokenizer, device, device_of, read_json, whole_model, write, write_json};
use crate::StudyError;
use crate::config::{Alignment, Config};
use crate::error::Defect;
use crate::exec::Job;
use crate::kept_base::{BaseId, KEPT};

/// The file of [`Aligned`]. No part of the model.
pub(crate) const ALIGNED: &str = "aligned.json";

/// What the fine-tuning of a model folder said.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Aligned {
    /// Rows that were trained on.
    pub(crate) rows: usize,
    /// Mean over rows of their losses in nats a token, of each epoch.
    pub(crate) losses: Vec<f64>,
    /// Share of the adapter that rounding takes away where it is added into the weights, `None`
    /// without an adapter: in f32, then in bf16.
    pub(crate) rounding: Option<[f64; 2]>,
}

impl Aligned {
    /// Reads what the stage wrote to `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, StudyError> {
        read_json(dir, ALIGNED)
    }
}

/// Depends on: the tokens of its own rows, and the tokenizer where it is trained; with a model
/// folder that is used as it is, on nothing. Output: `model.safetensors`, `config.json`, and a copy
/// of the tokenizer, so that the folder is a whole model. Of a model folder that is used as it is,
/// the digest is all that is stored.
pub(crate) fn base(config: &Config, job: &Job<'_>) -> Result<(), StudyError> {
    match (config.alignment(), &config.model, &config.base) {
        (Some(alignment), _, _) => align(config, alignment, job),
        (None, ModelSettings::Folder(folder), _) => {
            write(job.dir, "digest", &folder.found()?.digest)
        }
        (None, ModelSettings::Shape(shape), Some(training)) => {
            from_scratch(config, shape, training, job)
        }
        (None, ModelSettings::Shape(_), None) => Err(Defect::NoTraining.into()),
    }
}

fn from_scratch(
    config: &Config,
    shape: &LmConfig,
    training: &SftSettings,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let (tokens, tokenizer) = job.deps.split_at(1);
    let rows = read_examples(&tokens[0], "base")?;
    let encoder = encoder(config, tokenizer)?;
    if let Some(trained) = tokenizer.first() {
        copy_tokenizer(trained, job.dir)?;
    }
    let shape = LmConfig { vocab_size: encoder.tokenizer().vocab_size(), ..shape.clone() };
    let on = device_of(config, job);
    let init = || Ok(Lm::init(&shape, config.base_seed(), &device(config, &on)?)?);
    let model = fine_tuned(init, &rows, config, training, job)?.model;
    Ok(save_weights(&model, job.dir)?)
}

/// Fine-tunes the model of a folder. An adapter is added into the weights, which are stored in f32.
/// In bf16 they would lose a part of it: there the adapter is stored too, and [`Base::read`] puts it
/// beside the weights of the folder.
fn align(config: &Config, of: Alignment<'_>, job: &Job<'_>) -> Result<(), StudyError> {
    let rows = read_examples(&job.deps[0], "base")?;
    let found = of.folder.found()?;
    let encoder = Encoder::read(&config.model, &config.tokenizer, &found.dir)?;
    let on = device_of(config, job);
    let read = || {
        let model = whole_model(&found.dir, config, &on)?;
        encoder.fits(&model)?;
        Ok(model)
    };
    let FineTuned { model, losses } = fine_tuned(read, &rows, config, of.training, job)?;
    copy_tokenizer(&found.dir, job.dir)?;
    let rounding = match &of.training.lora {
        Some(lora) => {
            if is_beside(of) {
                // A folder may move, so its content names it.
                save_adapter(&model, lora, &found.digest, job.dir)?;
            }
            save_merged(&model, job.dir)?
        }
        None => {
            save_weights(&model, job.dir)?;
            None
        }
    };
    let rounding = rounding.map(|MergeRounding { f32, bf16 }| [f32, bf16]);
    write_json(job.dir, ALIGNED, &Aligned { rows: rows.len(), losses, rounding })
}

fn fine_tuned(
    model: impl Fn() -> Result<Lm, StudyError>,
    examples: &[Example],
    config: &Config,
    settings: &SftSettings,
    job: &Job<'_>,
) -> Result<FineTuned, StudyError> {
    let seed = config.base_seed();
    trained(job, || Ok(Supervised { model: model()?, examples, settings, seed }))
}

/// Whether the adapter of the base stays beside the weights.
fn is_beside(of: Alignment<'_>) -> bool {
    of.training.lora.is_some() && of.folder.dtype == WeightFormat::Bf16
}

/// A base with its tokenizer, read from its folder.
pub(crate) struct Base {
    pub(crate) model: Lm,
    pub(crate) encoder: Encoder,
}

impl Base {
    /// The base that the stage wrote to `dir`, on the device `on`. The stages that run one after
    /// another in a process share its weights.
    ///
    /// # Errors
    /// A folder that cannot be read, or is no model of the config.
    pub(crate) fn read(config: &Config, dir: &Path, on: &str) -> Result<Self, StudyError> {
        let encoder = Encoder::read(&config.model, &config.tokenizer, dir)?;
        let read = || {
            tracing::debug!(dir = %dir.display(), "the base is read");
            model_of(config, dir, encoder.tokenizer().vocab_size(), on)
        };
        // Elsewhere than in the machine's own memory nobody knows what there is room for.
        let model = match on.parse::<DeviceSpec>()?.is_host() {
            true => {
                // Places on the CPU share the machine's memory, and so the base.
                let settings = serde_json::to_string(&(config.device.in_keys(), &config.model));
                let name = BaseId::new(dir, settings.map_err(Defect::Json)?);
                KEPT.get(&name, config.model.dtype().bytes(), read)?
            }
            false => read()?,
        };
        encoder.fits(&model)?;
        Ok(Self { model, encoder })
    }
}

/// The model of the base that the stage wrote to `dir`; `vocabulary` is the number of tokens of a
/// model that was trained from scratch, and `on` the device.
fn model_of(config: &Config, dir: &Path, vocabulary: usize, on: &str) -> Result<Lm, StudyError> {
    match (config.alignment(), &config.model) {
        (Some(of), _) => match &of.training.lora {
            Some(lora) if is_beside(of) => {
                let model = whole_model(&of.folder.found()?.dir, config, on)?;
                Ok(load_adapter(model, lora, dir)?.merged())
            }
            _ => whole_model(dir, config, on),
        },
        (None, ModelSettings::Folder(folder)) => whole_model(&folder.found()?.dir, config, on),
        (None, ModelSettings::Shape(shape)) => {
            let shape = LmConfig { vocab_size: vocabulary, ..shape.clone() };
            Ok(load_weights(&shape, dir, &device(config, on)?)?)
        }
    }
}
