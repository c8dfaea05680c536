//! Losses of the fine-tuning rows under the base, which does not move.

use seal_data::RowId;
use serde::{Deserialize, Serialize};

use super::parts::ResumableBatches;
use super::tokens::read_examples;
use super::{Base, device_of, read_json, write_json};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Job;

const FILE: &str = "losses.json";
/// Of the finished parts, which outlive a kill.
const LOSSES: &str = "losses.jsonl";

/// Mean loss of each row's answer, in nats a token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scores {
    pub(crate) ids: Vec<RowId>,
    pub(crate) losses: Vec<f64>,
}

impl Scores {
    pub(crate) fn read(dir: &std::path::Path) -> Result<Self, StudyError> {
        read_json(dir, FILE)
    }

    pub(crate) fn mean(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }
}

/// Depends on: base, the tokens of D.
pub(crate) fn scores(config: &Config, job: &Job<'_>) -> Result<(), StudyError> {
    let base = Base::read(config, &job.deps[0], &device_of(config, job))?;
    let rows = read_examples(&job.deps[1], "fine-tuning")?;
    let parts = ResumableBatches { job, name: LOSSES, progress: &job.progress };
    let losses = parts.losses(&base.model, &rows)?;
    write_json(job.dir, FILE, &Scores { ids: rows.iter().map(|e| e.id).collect(), losses })
}
