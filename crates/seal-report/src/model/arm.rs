//! One arm of a study: its setting, its figures over all seeds, and its cells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BaseNllFigures, CoherenceShares, PairFigures};

/// A value per test, keyed by the test's name (`hh`, `slimorca`, `hexphi`).
pub type PerTest<T> = BTreeMap<String, T>;

/// What an arm is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Win rates are against this arm.
    Reference,
    /// The method with its default setting.
    Seal,
    /// One part of the method replaced.
    Ablation,
    /// There to be compared with; not tested.
    Control,
    /// A control without unsafe rows: the best that selection can reach. Where
    /// the reference is not below it, a test has nothing to win back.
    Ceiling,
    /// A control of rows drawn at random, as many as SEAL keeps. A gain that it
    /// shares is not due to which rows were kept.
    Random,
}

impl Role {
    /// The role as the stored files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Seal => "seal",
            Self::Ablation => "ablation",
            Self::Control => "control",
            Self::Ceiling => "ceiling",
            Self::Random => "random",
        }
    }

    /// Whether the arm is there to be compared with, and is not tested.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Control | Self::Ceiling | Self::Random)
    }
}

/// One arm, with figures over all its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Short id, unique in the study (`gamma-0.05`).
    pub id: String,
    /// The name that readers see.
    pub label: String,
    /// What the arm is there for.
    pub role: Role,
    /// Name of its ablation, as the plan gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ablation: Option<String>,
    /// The part of the method that the arm changes, as the plan names it
    /// (`penalty strength`, `selector function`). A control that changes the
    /// same part (gamma = 0) names it too and is drawn in that part's figure.
    pub ablated_part: Option<String>,
    /// What it is replaced by, as the plan writes it (`0.05`, `relu`).
    pub replacement: Option<String>,
    /// Penalty strength of each selector epoch (a per-step schedule: its mean
    /// in the epoch); null where no selector is trained.
    #[serde(default)]
    pub gamma: Option<Vec<f64>>,
    /// Name of the selector function; null where no selector is trained.
    #[serde(default)]
    pub selector: Option<String>,
    /// Win rate against the reference, per test, in percent.
    pub win_rate: PerTest<WinRate>,
    /// Share of answers that are as they should be, per test.
    pub accuracy: PerTest<f64>,
    /// Share of prompts that call for a refusal and get one, per test.
    pub refusal: PerTest<f64>,
    /// Share of prompts that call for an answer and are refused, per test.
    #[serde(default)]
    pub over_refusal: PerTest<f64>,
    /// Share of prompts that call for a refusal and are complied with, per test.
    pub harm: PerTest<f64>,
    /// The same rates per category of a test.
    #[serde(default)]
    pub by_category: PerTest<BTreeMap<String, CategoryRates>>,
    /// Further figures of tests that are judged by pairs, over all seeds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pairs: PerTest<PairFigures>,
    /// Shares of broken answers and of answers that a limit cut. Only tests whose judge reads answers;
    /// empty where the store did not have the answers of every seed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coherence: PerTest<CoherenceShares>,
    /// Answers under the base of the study. Empty where the config does not ask for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub base_nll: PerTest<BaseNllFigures>,
    /// Win rates by the further judges of a test, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opinions: PerTest<BTreeMap<String, WinRate>>,
    /// The selection, means over seeds; null where all rows are used.
    pub selection: Option<Selection>,
    /// The same figures for each seed.
    pub cells: Vec<Cell>,
}

/// Win rate on one test: mean over prompts of 1 for a win, 1/2 for a tie and 0
/// for a loss, in percent. Counts are over prompts and seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WinRate {
    /// The win rate; null where every verdict is missing.
    pub mean: Option<f64>,
    /// Lower end of the study interval (new seeds and prompts); null with one seed.
    pub lo: Option<f64>,
    /// Upper end of the study interval.
    pub hi: Option<f64>,
    /// Lower end of the prompt interval (these models, new prompts).
    #[serde(default)]
    pub prompt_lo: Option<f64>,
    /// Upper end of the prompt interval.
    #[serde(default)]
    pub prompt_hi: Option<f64>,
    /// Win rate were every missing verdict a loss; null where none is missing.
    #[serde(default)]
    pub worst: Option<f64>,
    /// Win rate were every missing verdict a win; null where none is missing.
    #[serde(default)]
    pub best: Option<f64>,
    /// Mean difference of the judge's scores, arm less reference (nats for a
    /// likelihood judge); null for a judge without scores.
    #[serde(default)]
    pub margin: Option<f64>,
    /// Verdicts for the arm.
    pub wins: u64,
    /// Verdicts for the reference.
    pub losses: u64,
    /// Verdicts for neither.
    pub ties: u64,
    /// Prompts without a verdict; not part of the mean.
    pub missing: u64,
}

/// Rates within one category of a test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CategoryRates {
    /// Prompts in the category, over all seeds.
    pub n: u64,
    /// As [`Arm::accuracy`].
    pub accuracy: Option<f64>,
    /// As [`Arm::refusal`].
    pub refusal: Option<f64>,
    /// As [`Arm::harm`].
    pub harm: Option<f64>,
}

/// How well the kept rows were chosen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Share of the rows that is kept.
    pub keep_fraction: Option<f64>,
    /// Probability that an unsafe row ranks below a safe one; null where labels
    /// are unknown or all equal.
    pub auroc: Option<f64>,
    /// Share of the unsafe rows that is kept; null where labels are unknown.
    pub unsafe_kept: Option<f64>,
    /// The least share that any ranking must keep at this `keep_fraction`.
    pub unsafe_kept_floor: Option<f64>,
    /// Spearman correlation with SEAL's ranking of the same seed.
    pub spearman_to_seal: Option<f64>,
    /// Effective sample size of the weights over the number of rows.
    pub ess: Option<f64>,
}

/// The state of the selector's weights p at the end of its training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Mean weight (1 at the start).
    pub mean_p: Option<f64>,
    /// Penalty strength that the mean weight leaves: g p / ((1 - g) + g p).
    pub gamma_eff: Option<f64>,
    /// Share of rows whose weight is clamped at 0 but still moves (tanh).
    pub clamped: Option<f64>,
    /// Share of rows whose weight is 0 for good (ReLU).
    pub dead: Option<f64>,
}

/// The selection of an arm: ranking and weights, means over seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// How well the kept rows were chosen.
    #[serde(flatten)]
    pub ranking: Ranking,
    /// The selector's weights; all null where no selector was trained.
    #[serde(flatten)]
    pub weights: Weights,
}

/// One arm with one seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The study seed.
    pub seed: u64,
    /// As [`Arm::win_rate`]; a single seed has no study interval.
    pub win_rate: PerTest<WinRate>,
    /// As [`Arm::accuracy`].
    pub accuracy: PerTest<f64>,
    /// As [`Arm::refusal`].
    #[serde(default)]
    pub refusal: PerTest<f64>,
    /// As [`Arm::over_refusal`].
    #[serde(default)]
    pub over_refusal: PerTest<f64>,
    /// As [`Arm::harm`].
    #[serde(default)]
    pub harm: PerTest<f64>,
    /// As [`Arm::pairs`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pairs: PerTest<PairFigures>,
    /// How well the kept rows were chosen; null where all rows are used.
    pub selection: Option<Ranking>,
    /// The selector's weights.
    #[serde(flatten)]
    pub weights: Weights,
}

impl Arm {
    /// An arm of this name and role without figures.
    pub fn new(id: impl Into<String>, label: impl Into<String>, role: Role) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            role,
            ablation: None,
            ablated_part: None,
            replacement: None,
            gamma: None,
            selector: None,
            win_rate: BTreeMap::new(),
            accuracy: BTreeMap::new(),
            refusal: BTreeMap::new(),
            over_refusal: BTreeMap::new(),
            harm: BTreeMap::new(),
            by_category: BTreeMap::new(),
            pairs: BTreeMap::new(),
            coherence: BTreeMap::new(),
            base_nll: BTreeMap::new(),
            opinions: BTreeMap::new(),
            selection: None,
            cells: Vec::new(),
        }
    }
}
