//! The data sets of a study and where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::load::load_part;
use crate::threads::in_parallel;
use crate::{
    DataError, Loaded, OverlapReport, OverlapSet, Row, RowId, SetRole, SetSummary, Source,
};

/// The `[data]` part of a config: the files behind each data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Folder that relative paths start at.
    #[serde(default = "here")]
    pub root: PathBuf,
    /// What to do where training data hold a prompt of a test.
    #[serde(default)]
    pub overlap: OnOverlap,
    /// What the base model is trained on, where it is trained here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base: Vec<Source>,
    /// The fine-tuning set D, rows of which are selected.
    pub fine_tuning: Vec<Source>,
    /// The safe set D_safe.
    pub safe: Vec<Source>,
    /// Refusals of harmful requests, for arms that append them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub safety: Vec<Source>,
    /// The tests, by name.
    #[serde(default)]
    pub test: BTreeMap<String, Vec<Source>>,
}

fn here() -> PathBuf {
    PathBuf::from(".")
}

/// What to do with a prompt of a test that stands in training data too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnOverlap {
    /// Stop with an error.
    #[default]
    Refuse,
    /// Leave it out of the test, and count it.
    Drop,
    /// Keep it, with a warning.
    Allow,
}

/// The data sets, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSets {
    /// `None` where no base model is trained.
    pub base: Option<Loaded>,
    /// The fine-tuning set D.
    pub fine_tuning: Loaded,
    /// The safe set D_safe.
    pub safe: Loaded,
    /// Refusals of harmful requests; `None` where none are named.
    pub safety: Option<Loaded>,
    /// The tests, by name.
    pub test: BTreeMap<String, Loaded>,
    /// What the sets have in common.
    pub overlap: OverlapReport,
}

impl DataSpec {
    /// Reads all sets and compares them.
    ///
    /// # Errors
    /// See [`load_split`](crate::load_split); the message names the set. Rows to train on
    /// that have no answer. Training data that share prompts with a test, where `overlap`
    /// refuses that, or share all of them.
    pub fn load(&self) -> Result<DataSets, DataError> {
        self.load_limited(None)
    }

    /// As [`Self::load`], with at most `limit` rows of each set but the base's, see
    /// [`limit_rows`](crate::limit_rows). These are then all there is: others are
    /// neither held nor compared.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_limited(&self, limit: Option<usize>) -> Result<DataSets, DataError> {
        let training =
            [("base", &self.base), ("safety", &self.safety), ("fine_tuning", &self.fine_tuning)];
        let training = training.into_iter().chain([("safe", &self.safe)]);
        let training = training.map(|(name, sources)| (name.to_owned(), sources, true));
        let tests = self.test.iter().map(|(name, set)| (format!("test.{name}"), set, false));
        let named: Vec<(String, &Vec<Source>, bool)> = training.chain(tests).collect();
        let read = in_parallel(&named, |(name, sources, is_training)| {
            if sources.is_empty() && matches!(name.as_str(), "base" | "safety") {
                return Ok(None);
            }
            let limit = limit.filter(|_| name != "base");
            let set = load_part(&self.root, sources, limit).map_err(|e| e.in_set(name))?;
            let is_answered = |row: &&Row| !row.response.trim().is_empty();
            let rows = set.rows.len() - set.rows.as_slice().iter().filter(is_answered).count();
            match rows {
                1.. if *is_training => Err(DataError::Unanswered { rows }.in_set(name)),
                _ => Ok(Some(set)),
            }
        });
        // Of several errors the first set's is told, whichever was met first.
        let mut read = read.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut next = || read.next().flatten();
        let mut sets = DataSets {
            base: next(),
            safety: next(),
            fine_tuning: next().unwrap_or_default(),
            safe: next().unwrap_or_default(),
            ..DataSets::default()
        };
        sets.test = self.test.keys().cloned().zip(read.map(Option::unwrap_or_default)).collect();
        sets.overlap = sets.compare();
        match self.overlap {
            OnOverlap::Refuse => sets.overlap.check()?,
            OnOverlap::Drop => sets.drop_overlap()?,
            OnOverlap::Allow => {
                if let Err(found) = sets.overlap.check() {
                    tracing::warn!("{found}");
                }
            }
        }
        Ok(sets)
    }
}

impl DataSets {
    /// Every set with its name: `base`, `fine_tuning`, `safe`, `safety`, then
    /// the tests.
    pub fn named(&self) -> impl Iterator<Item = (&str, SetRole, &Loaded)> {
        let base = self.base.iter().map(|set| ("base", SetRole::Base, set));
        let own = [
            ("fine_tuning", SetRole::FineTuning, &self.fine_tuning),
            ("safe", SetRole::Safe, &self.safe),
        ];
        let safety = self.safety.iter().map(|set| ("safety", SetRole::Safe, set));
        let tests = self.test.iter().map(|(name, set)| (name.as_str(), SetRole::Test, set));
        base.chain(own).chain(safety).chain(tests)
    }

    /// Counts of every set, by its name.
    pub fn summaries(&self) -> BTreeMap<String, SetSummary> {
        self.named().map(|(name, _, set)| (name.to_owned(), set.summary())).collect()
    }

    /// Leaves prompts that stand in training data out of the tests.
    fn drop_overlap(&mut self) -> Result<(), DataError> {
        for (name, test) in &mut self.test {
            let met: BTreeSet<RowId> = self
                .overlap
                .pairs
                .iter()
                .filter(|pair| pair.refused && pair.set == *name)
                .flat_map(|pair| pair.matches.iter().map(|m| m.row))
                .collect();
            if met.len() == test.rows.len() {
                let rows = met.len();
                return Err(DataError::AllOverlap { rows }.in_set(&format!("test.{name}")));
            }
            test.leave_out(&met);
        }
        Ok(())
    }

    fn compare(&self) -> OverlapReport {
        let sets: Vec<OverlapSet<'_>> = self
            .named()
            .map(|(name, role, set)| OverlapSet { name, role, rows: set.rows.as_slice() })
            .collect();
        OverlapReport::of(&sets)
    }
}
