//! The selector, trained by bilevel optimisation.

use seal_bilevel::{Learned, learn_selector};
use seal_data::RowId;
use serde::{Deserialize, Serialize};

use super::scores::Scores;
use super::{Base, examples, read_json, write_json};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::sets::Sets;

const FILE: &str = "selector.json";

/// A trained selector by row id.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SelectorOutput {
    pub(crate) ids: Vec<RowId>,
    pub(crate) learned: Learned,
}

impl SelectorOutput {
    pub(crate) fn read(dir: &std::path::Path) -> Result<Self, StudyError> {
        read_json(dir, FILE)
    }
}

/// Depends on: base, scores.
pub(crate) fn learn(
    config: &Config,
    sets: &Sets,
    seed: u64,
    job: &Job<'_>,
) -> Result<(), StudyError> {
    let base = Base::read(config, &job.deps[0])?;
    let mean_loss = Scores::read(&job.deps[1])?.mean();
    let data = examples(config, &sets.data, &*base.tokenizer, "fine-tuning")?;
    let safe = examples(config, &sets.safe, &*base.tokenizer, "safe")?;
    let mut progress = |done, of| (job.progress)(done as f64 / of as f64);
    let learned =
        learn_selector(base.model, &data, &safe, &config.bilevel, mean_loss, seed, &mut progress)?;
    write_json(job.dir, FILE, &SelectorOutput { ids: data.iter().map(|e| e.id).collect(), learned })
}
