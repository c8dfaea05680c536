//! The base: the aligned model that every arm starts from.

use seal_bilevel::Supervised;
use seal_lm::{Lm, LmConfig, save_weights};
use seal_model::{ModelSettings, copy_tokenizer};

use super::checkpoint::trained;
use super::tokens::{encoder, read_examples};
use super::{device, write};
use crate::StudyError;
use crate::config::Config;
use crate::error::Defect;
use crate::exec::Job;

/// Depends on: the tokens of its own rows, and the tokenizer where it is trained; with a model
/// folder on nothing. Output: `model.safetensors`, `config.json`, and a copy of a trained
/// tokenizer, so that the folder is a whole model. A model folder stays where it is; its digest
/// is all that is stored.
pub(crate) fn base(config: &Config, job: &Job<'_>) -> Result<(), StudyError> {
    let (shape, training) = match (&config.model, &config.base) {
        (ModelSettings::Folder(folder), _) => {
            return write(job.dir, "digest", &folder.found()?.digest);
        }
        (ModelSettings::Shape(shape), Some(training)) => (shape, training),
        (ModelSettings::Shape(_), None) => {
            return Err(Defect::NoTraining.into());
        }
    };
    let (tokens, tokenizer) = job.deps.split_at(1);
    let rows = read_examples(&tokens[0], "base")?;
    let encoder = encoder(config, tokenizer)?;
    if let Some(trained) = tokenizer.first() {
        copy_tokenizer(trained, job.dir)?;
    }
    let seed = config.base_seed();
    let shape = LmConfig { vocab_size: encoder.tokenizer().vocab_size(), ..shape.clone() };
    let tuned = trained(job, || {
        let model = Lm::init(&shape, seed, &device(config)?)?;
        Ok(Supervised { model, examples: &rows, settings: training, seed })
    })?;
    let model = tuned.model;
    Ok(save_weights(&model, job.dir)?)
}
