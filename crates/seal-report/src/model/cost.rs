//! `cost.json`: what a run took. It holds times, so it differs between runs.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use crate::{Document, FORMAT_VERSION, Result};

/// Time and tokens of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCost {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Wall-clock time of the whole run, in seconds.
    pub wall_seconds: f64,
    /// Every stage of the plan, in the plan's order.
    pub stages: Vec<StageCost>,
}

/// How a stage came by its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageOutcome {
    /// It ran.
    Run,
    /// Its output was found in the store.
    Found,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageCost {
    /// The kind of stage (`tokenizer`, `tokens`, `base`, `scores`, `selector`, `selection`,
    /// `sft`, `answers`, `base-nll`, `verdicts`, `pair-verdicts`, `assessments`).
    pub stage: String,
    /// Id of the arm; null for a stage that arms share.
    pub arm: Option<String>,
    /// The study seed; null for a stage that seeds share.
    pub seed: Option<u64>,
    /// The stage's key in the store.
    pub key: String,
    /// Whether it ran or was found.
    pub outcome: StageOutcome,
    /// Time it took when it ran, in seconds; 0 if found.
    pub seconds: f64,
    /// Tokens it trained on or produced; null where that means nothing.
    pub tokens: Option<u64>,
}

impl Default for RunCost {
    fn default() -> Self {
        Self { format_version: FORMAT_VERSION, wall_seconds: 0.0, stages: Vec::new() }
    }
}

impl Document for RunCost {
    const FILE: &'static str = "cost.json";

    fn format_version(&self) -> u32 {
        self.format_version
    }

    /// No time is negative.
    fn check(&self) -> Result<()> {
        Bounds::of(Self::FILE, "").positive("wall_seconds", self.wall_seconds)?;
        for (i, stage) in self.stages.iter().enumerate() {
            Bounds::of(Self::FILE, format!("stages[{i}]")).positive("seconds", stage.seconds)?;
        }
        Ok(())
    }
}
