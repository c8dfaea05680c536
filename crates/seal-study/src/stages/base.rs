//! The base: the aligned model that every arm starts from.

use seal_bilevel::{Supervised, Trainer};
use seal_lm::{Lm, LmConfig, save_weights};
use seal_model::{Encoder, ModelSettings};

use super::{device, write};
use crate::StudyError;
use crate::config::Config;
use crate::error::Defect;
use crate::exec::Job;
use crate::sets::Sets;

/// Trains the base on its own rows. Output: `model.safetensors`,
/// `config.json`, and `tokenizer.json` where the tokenizer was trained. A model
/// folder stays where it is; its digest is all that is stored.
pub(crate) fn base(config: &Config, sets: &Sets, job: &Job<'_>) -> Result<(), StudyError> {
    let (shape, training) = match (&config.model, &config.base) {
        (ModelSettings::Folder(folder), _) => {
            return write(job.dir, "digest", &folder.found()?.digest);
        }
        (ModelSettings::Shape(shape), Some(training)) => (shape, training),
        (ModelSettings::Shape(_), None) => {
            return Err(Defect::NoTraining.into());
        }
    };
    let encoder = Encoder::make(&config.model, &config.tokenizer, &sets.base, job.dir)?;
    let rows = encoder.examples(&sets.base, "base")?;
    let seed = config.base_seed();
    let shape = LmConfig { vocab_size: encoder.tokenizer().vocab_size(), ..shape.clone() };
    let model = Lm::init(&shape, seed, &device(config)?)?;
    let mut progress = |done: usize, of: usize| (job.progress)(done as f64 / of as f64);
    let task = Supervised { model, examples: &rows, settings: training, seed };
    let model = Trainer::new(task)?.run(&mut progress)?.model;
    Ok(save_weights(&model, job.dir)?)
}
