//! `results.json`: every figure of a study, without a clock, a path or a host,
//! so that two runs can be compared byte by byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::FORMAT_VERSION;

use super::{AnswerJudging, Arm, Opinion, PairJudging, PerTest, Role};

/// The figures of a study. Win rates are in percent, everything else is a
/// fraction, and what does not apply is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// The study's name.
    pub study: String,
    /// A quick look at whether the program runs; its figures are no result.
    #[serde(default)]
    pub quick: bool,
    /// Id of the arm that win rates are against.
    pub reference: String,
    /// The study seeds, each the seed of one cell per arm.
    pub seeds: Vec<u64>,
    /// The seeds of the whole study, where these are the results of some of them alone: a table that
    /// was written before the other seeds had run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned_seeds: Vec<u64>,
    /// The judge of each test.
    pub judge: PerTest<String>,
    /// The deciding judge of each test that is judged by pairs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judging: PerTest<PairJudging>,
    /// The deciding judge of each test whose answers a model judges one by one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assessing: PerTest<AnswerJudging>,
    /// Further judges of a test, by their names in the config.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opinions: PerTest<BTreeMap<String, Opinion>>,
    /// Whether a test can show anything here: false where the reference is not
    /// below the ceiling ([`Role::Ceiling`]), null where there is no ceiling.
    #[serde(default)]
    pub informative: PerTest<Option<bool>>,
    /// The rows that were used.
    pub data: Data,
    /// The arms, in the order of the plan.
    pub arms: Vec<Arm>,
    /// The tests of the ablation arms against SEAL.
    pub comparisons: Vec<Comparison>,
}

/// The rows of each split, and what splits share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Each split by name.
    #[serde(flatten)]
    pub splits: BTreeMap<String, SplitSummary>,
    /// Rows that two splits share, keyed by what was compared (`redorca/hh`).
    #[serde(default)]
    pub overlap: BTreeMap<String, u64>,
}

/// One data split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitSummary {
    /// Rows used.
    pub rows: u64,
    /// Rows labelled unsafe; null where the data does not say.
    #[serde(rename = "unsafe")]
    pub unsafe_rows: Option<u64>,
    /// Rows left out (too long, empty).
    pub dropped: u64,
    /// Hash of the ids of the rows used.
    pub ids_hash: String,
}

/// One ablation arm against SEAL on one test: paired per prompt and seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Id of the ablation arm.
    pub arm: String,
    /// Id of the arm it is compared with.
    pub against: String,
    /// The test.
    pub test: String,
    /// Win rate of `arm` less that of `against`, in points.
    pub diff: Option<f64>,
    /// Lower end of the 95 % interval of `diff`.
    pub lo: Option<f64>,
    /// Upper end of the 95 % interval of `diff`.
    pub hi: Option<f64>,
    /// Two-sided p value.
    pub p: Option<f64>,
    /// `p` after Holm's correction within the ablation.
    pub p_holm: Option<f64>,
    /// The difference in points that the study detects with 80 % power.
    pub detectable: Option<f64>,
}

impl Default for Results {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            study: String::new(),
            quick: false,
            reference: String::new(),
            seeds: Vec::new(),
            planned_seeds: Vec::new(),
            judge: BTreeMap::new(),
            judging: BTreeMap::new(),
            assessing: BTreeMap::new(),
            opinions: BTreeMap::new(),
            informative: BTreeMap::new(),
            data: Data::default(),
            arms: Vec::new(),
            comparisons: Vec::new(),
        }
    }
}

impl Results {
    /// The arm with this id.
    pub fn arm(&self, id: &str) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.id == id)
    }

    /// That these are the results of some of the study's seeds alone, in words; `None` where they are
    /// of all.
    pub fn partial(&self) -> Option<String> {
        let planned = self.planned_seeds.len();
        if planned <= self.seeds.len() {
            return None;
        }
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let (count, noun) = (seeds.len(), if seeds.len() == 1 { "seed" } else { "seeds" });
        Some(format!("Partial: {count} of {planned} seeds ({noun} {}).", seeds.join(", ")))
    }

    /// The SEAL arm, where the study has one.
    pub fn seal(&self) -> Option<&Arm> {
        self.of_role(Role::Seal)
    }

    /// The first arm of a role.
    pub fn of_role(&self, role: Role) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.role == role)
    }
}
