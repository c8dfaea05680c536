//! The base: the aligned model that every arm starts from.

use seal_bilevel::fine_tune;
use seal_lm::{Lm, save_weights};

use super::{device, examples, shape};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::sets::{Sets, make_tokenizer};

/// Trains the base on its own rows. Output: `model.safetensors`,
/// `config.json`, and `tokenizer.json` where the tokenizer was trained.
pub(crate) fn base(config: &Config, sets: &Sets, job: &Job<'_>) -> Result<(), StudyError> {
    let tokenizer = make_tokenizer(config, &sets.base, job.dir)?;
    let rows = examples(config, &sets.base, &*tokenizer, "base")?;
    let seed = config.base_seed();
    let model = Lm::init(&shape(config, &*tokenizer), seed, &device(config)?)?;
    let mut progress = |done, of| (job.progress)(done as f64 / of as f64);
    let model = fine_tune(model, &rows, &config.base, seed, &mut progress)?;
    Ok(save_weights(&model, job.dir)?)
}
