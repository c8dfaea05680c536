//! The selector, trained by bilevel optimisation.

use std::path::PathBuf;

use seal_bilevel::{Bilevel, Learned, Trainer};
use seal_data::{Example, RowId};
use serde::{Deserialize, Serialize};

use super::checkpoint::trained;
use super::scores::Scores;
use super::tokens::read_examples;
use super::{Base, device_of, read_json, write_json};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;
use crate::trace::{TraceInput, TraceWriter, Traced};

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

/// Depends on: base, scores, the tokens of D, the tokens of D_safe.
pub(crate) fn learn(config: &Config, seed: u64, job: &Job<'_>) -> Result<(), StudyError> {
    let SelectorRows { data, safe, mean_loss } = SelectorRows::read(job.deps)?;
    let (data, safe, settings) = (&data[..], &safe[..], &config.bilevel);
    let on = device_of(config, job);
    let learned = trained(job, || {
        let model = Base::read(config, &job.deps[0], &on)?.model;
        Ok(Bilevel { model, data, safe, settings, mean_loss, seed })
    })?;
    write_json(job.dir, FILE, &SelectorOutput { ids: data.iter().map(|e| e.id).collect(), learned })
}

/// As [`learn`] from the folders `deps`, with every step written down and nothing stored.
pub(crate) fn learn_traced(
    config: &Config,
    seed: u64,
    deps: &[PathBuf],
    traced: &Traced<'_>,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<SelectorOutput, StudyError> {
    let model = Base::read(config, &deps[0], &config.device.first()?)?.model;
    let SelectorRows { data, safe, mean_loss } = SelectorRows::read(deps)?;
    let (data, safe, settings) = (&data[..], &safe[..], &config.bilevel);
    let input = TraceInput { settings, mean_loss, data, safe };
    let mut writer = TraceWriter::create(traced, input, progress)?;
    let task = Bilevel { model, data, safe, settings, mean_loss, seed };
    let learned = Trainer::new(task)?.run(&mut writer)?;
    let ids: Vec<RowId> = data.iter().map(|e| e.id).collect();
    writer.finish(&ids, &learned)?;
    Ok(SelectorOutput { ids, learned })
}

/// The rows that a selector is trained on.
struct SelectorRows {
    data: Vec<Example>,
    safe: Vec<Example>,
    mean_loss: f64,
}

impl SelectorRows {
    /// `deps` are the folders that [`learn`] depends on.
    fn read(deps: &[PathBuf]) -> Result<Self, StudyError> {
        let mean_loss = Scores::read(&deps[1])?.mean();
        let data = read_examples(&deps[2], "fine-tuning")?;
        let safe = read_examples(&deps[3], "safe")?;
        Ok(Self { data, safe, mean_loss })
    }
}
