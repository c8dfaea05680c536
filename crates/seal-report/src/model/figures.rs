//! `figures.json`: what plots and tables need beyond the figures of `results.json`.
//!
//! Counts of broken and cut answers stand here for each cell. `results.json` has their shares for each
//! arm. A study whose judges read no answers has neither.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::{BaseNll, BoundedSafety, Coherence};
use crate::{Document, FORMAT_VERSION, Result};

/// Distributions, curves and traces per cell, and rows to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// One entry per cell that trained or used a ranking.
    pub cells: Vec<CellFigures>,
    /// Rows to show; texts only where they may be printed (the built-in world).
    #[serde(default)]
    pub rows: Vec<RowSample>,
    /// Broken answers, of each cell and each test whose judge reads answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coherence: Vec<Coherence>,
    /// Cells whose answers the store did not have, so that [`Figures::coherence`] lacks them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coherence_absent: Vec<String>,
    /// Answers under the base, of each cell and each test whose judge reads answers; absent where the
    /// config does not ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base_nll: Vec<BaseNll>,
    /// Losses of the fine-tuning of each cell whose model the store has; absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fine_tuning: Vec<TuningCurve>,
    /// Cells whose losses the store did not have, so that [`Figures::fine_tuning`] lacks them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fine_tuning_absent: Vec<String>,
    /// Arms by safety among those that stay useful; null where no test is named as one of safety or
    /// of usefulness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounded_safety: Option<BoundedSafety>,
}

/// What there is to draw for one cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CellFigures {
    /// Id of the arm.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// Final weights of the rows; null where there are none.
    pub histogram: Option<Histogram>,
    /// Receiver operating characteristic of the ranking, in order of rising
    /// `fpr`; empty where labels are unknown.
    #[serde(default)]
    pub roc: Vec<RocPoint>,
    /// The selector after each epoch; empty where none was trained.
    #[serde(default)]
    pub trace: Vec<EpochTrace>,
}

/// The fine-tuning of one cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TuningCurve {
    /// Id of the arm.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// Mean over the rows of their losses in each epoch, as the model was when it saw them, in nats a
    /// token.
    pub losses: Vec<f64>,
}

/// Counts of rows per bin of weight. Bin `i` is from `edges[i]` up to
/// `edges[i + 1]`; a list of counts is empty where there is no such class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Bin edges in units of the weight p, rising, one more than bins.
    pub edges: Vec<f64>,
    /// Rows labelled safe.
    pub safe: Vec<u64>,
    /// Rows labelled unsafe.
    #[serde(rename = "unsafe")]
    pub unsafe_rows: Vec<u64>,
    /// Rows without a label.
    #[serde(default)]
    pub unlabelled: Vec<u64>,
}

/// One point of a curve on which a row is called unsafe when it ranks below a
/// threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of the safe rows below the threshold.
    pub fpr: f64,
    /// Share of the unsafe rows below the threshold.
    pub tpr: f64,
}

/// The selector at the end of one epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochTrace {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Penalty strength in this epoch (its mean, if it changes per step).
    pub gamma: Option<f64>,
    /// Effective sample size over the number of rows.
    pub ess: Option<f64>,
    /// Mean weight.
    pub mean_p: Option<f64>,
    /// As [`crate::Weights::gamma_eff`].
    pub gamma_eff: Option<f64>,
    /// Share of rows clamped at 0.
    pub clamped: Option<f64>,
    /// Share of rows dead at 0.
    pub dead: Option<f64>,
    /// Mean loss of the safe set in this epoch, nats per token.
    pub safe_loss: Option<f64>,
    /// Mean unweighted loss of the fine-tuning set in this epoch, nats per token.
    pub data_loss: Option<f64>,
}

/// A row of the data with its place in one cell's ranking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RowSample {
    /// The row's id.
    pub id: String,
    /// The split it is from.
    pub split: String,
    /// The arm whose ranking is shown.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// Its prompt; null where texts are not shown.
    pub prompt: Option<String>,
    /// Its response; null where texts are not shown.
    pub response: Option<String>,
    /// Its label; null where unknown.
    #[serde(rename = "unsafe")]
    pub unsafe_row: Option<bool>,
    /// Its place in the ranking, 1 for the row kept first.
    pub rank: Option<u64>,
    /// Its selector logit omega, or the baseline's score.
    pub score: Option<f64>,
    /// Whether it was kept.
    pub kept: Option<bool>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            cells: Vec::new(),
            rows: Vec::new(),
            coherence: Vec::new(),
            coherence_absent: Vec::new(),
            base_nll: Vec::new(),
            fine_tuning: Vec::new(),
            fine_tuning_absent: Vec::new(),
            bounded_safety: None,
        }
    }
}

impl Document for Figures {
    const FILE: &'static str = "figures.json";

    fn format_version(&self) -> u32 {
        self.format_version
    }

    /// Histograms have one count per bin and rising edges, curves rise from 0 to 1,
    /// and every figure is within the range of its kind.
    fn check(&self) -> Result<()> {
        for (i, cell) in self.cells.iter().enumerate() {
            let place = format!("cells[{i}]");
            if let Some(problem) = cell.histogram.as_ref().and_then(Histogram::problem) {
                return Err(Bounds::of(Self::FILE, place).wrong("histogram", problem));
            }
            for (j, point) in cell.roc.iter().enumerate() {
                let at = Bounds::of(Self::FILE, format!("{place}.roc[{j}]"));
                at.share("fpr", point.fpr)?;
                at.share("tpr", point.tpr)?;
                let before = j.checked_sub(1).map(|j| cell.roc[j].fpr);
                at.rising("fpr", &[before, Some(point.fpr)])?;
            }
            for (j, epoch) in cell.trace.iter().enumerate() {
                epoch.check(&Bounds::of(Self::FILE, format!("{place}.trace[{j}]")))?;
            }
        }
        for (i, curve) in self.fine_tuning.iter().enumerate() {
            let at = Bounds::of(Self::FILE, format!("fine_tuning[{i}]"));
            curve.losses.iter().try_for_each(|loss| at.positive("losses", *loss))?;
        }
        for (i, nll) in self.base_nll.iter().enumerate() {
            nll.check(&Bounds::of(Self::FILE, format!("base_nll[{i}]")))?;
        }
        for (i, coherence) in self.coherence.iter().enumerate() {
            coherence.check(&Bounds::of(Self::FILE, format!("coherence[{i}]")))?;
        }
        if let Some(bounded) = &self.bounded_safety {
            bounded.check(&Bounds::of(Self::FILE, "bounded_safety"))?;
        }
        for (i, row) in self.rows.iter().enumerate() {
            if row.rank == Some(0) {
                let problem = "ranks are counted from 1".to_owned();
                return Err(Bounds::of(Self::FILE, format!("rows[{i}]")).wrong("rank", problem));
            }
        }
        Ok(())
    }
}

impl EpochTrace {
    fn check(&self, at: &Bounds) -> Result<()> {
        at.share("gamma", self.gamma)?;
        at.share("ess", self.ess)?;
        at.positive("mean_p", self.mean_p)?;
        at.share("gamma_eff", self.gamma_eff)?;
        at.share("clamped", self.clamped)?;
        at.share("dead", self.dead)?;
        at.positive("safe_loss", self.safe_loss)?;
        at.positive("data_loss", self.data_loss)
    }
}

impl Histogram {
    fn problem(&self) -> Option<String> {
        if !self.edges.is_sorted_by(|a, b| a < b) {
            return Some("`edges` must rise".into());
        }
        let bins = self.edges.len().saturating_sub(1);
        for (name, counts) in
            [("safe", &self.safe), ("unsafe", &self.unsafe_rows), ("unlabelled", &self.unlabelled)]
        {
            if !counts.is_empty() && counts.len() != bins {
                return Some(format!("`{name}` has {} counts for {bins} bins", counts.len()));
            }
        }
        None
    }
}
