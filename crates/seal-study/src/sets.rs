//! The data sets of a study, from the world or from files.

use std::collections::BTreeMap;

use seal_data::seed::hash64;
use seal_data::{DataSets, OverlapReport, OverlapSet, Role, Row, SetSummary, ids_hash};
use seal_world::{Split, World};
use serde_json::{Value, json};

use crate::config::{Append, Config};
use crate::{StudyError, remote};

/// Rows of every set, by the names that results use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets {
    pub(crate) base: Vec<Row>,
    pub(crate) data: Vec<Row>,
    pub(crate) safe: Vec<Row>,
    /// Refusals of harmful requests, which some arms append.
    pub(crate) safety: Vec<Row>,
    pub(crate) tests: BTreeMap<String, Vec<Row>>,
    /// Name of D in results.
    pub(crate) data_name: &'static str,
    /// Counts, by name.
    pub(crate) summaries: BTreeMap<String, SetSummary>,
    /// Rows in common, by pair of sets.
    pub(crate) overlap: BTreeMap<String, u64>,
}

impl Sets {
    /// Draws or reads the sets of `config`.
    ///
    /// # Errors
    /// A world or files that cannot be had; overlap that is not allowed; an
    /// empty set.
    pub(crate) fn of(config: &Config) -> Result<Self, StudyError> {
        let sets = match (&config.world, &config.data) {
            (Some(world), _) => Self::of_world(&World::new(world)?)?,
            (None, Some(data)) => Self::of_files(remote::data(data)?.load()?)?,
            (None, None) => return Err(StudyError::Defect("a config without data".into())),
        };
        let sets = match config.study.limit {
            Some(limit) => sets.limited(limit),
            None => sets,
        };
        let empty = |name: &str| Err(StudyError::Rows(format!("the {name} set has no rows")));
        match (sets.base.is_empty(), config.model.folder().is_some()) {
            (true, false) => {
                return Err(StudyError::Config(
                    "data.base: the base model is trained here; name its rows".into(),
                ));
            }
            (false, true) if config.data.is_some() => {
                return Err(StudyError::Config(
                    "data.base: the model of model.path is used as it is; remove it".into(),
                ));
            }
            _ => {}
        }
        if sets.data.is_empty() {
            return empty("fine-tuning");
        }
        if sets.safe.is_empty() {
            return empty("safe");
        }
        match sets.tests.iter().find(|(_, rows)| rows.is_empty()) {
            Some((name, _)) => empty(&format!("`{name}` test")),
            None => Ok(sets),
        }
    }

    fn of_world(world: &World) -> Result<Self, StudyError> {
        let rows = |split: Split| world.split(split).as_slice().to_vec();
        let role = |split: Split| match split {
            Split::Base => Role::Base,
            Split::Redorca => Role::FineTuning,
            Split::Blueorca | Split::Safeinstr => Role::Safe,
            Split::Hh | Split::Slimorca | Split::Hexphi => Role::Test,
        };
        let training = [Split::Base, Split::Redorca, Split::Blueorca, Split::Safeinstr];
        let used = training.into_iter().chain(Split::TESTS);
        let all: Vec<(Split, Vec<Row>)> = used.map(|s| (s, rows(s))).collect();
        let overlap: Vec<OverlapSet<'_>> = all
            .iter()
            .map(|(s, rows)| OverlapSet { name: s.name(), role: role(*s), rows })
            .collect();
        let report = OverlapReport::of(&overlap);
        report.check()?;
        let summaries =
            all.iter().map(|(s, rows)| (s.name().to_owned(), summary(rows, 0))).collect();
        Ok(Self {
            base: rows(Split::Base),
            data: rows(Split::Redorca),
            safe: rows(Split::Blueorca),
            safety: rows(Split::Safeinstr),
            tests: Split::TESTS.iter().map(|s| (s.name().to_owned(), rows(*s))).collect(),
            data_name: Split::Redorca.name(),
            summaries,
            overlap: counts(&report),
        })
    }

    fn of_files(sets: DataSets) -> Result<Self, StudyError> {
        let summaries = sets.summaries();
        let overlap = counts(&sets.overlap);
        Ok(Self {
            base: sets.base.map(|set| set.rows.into_vec()).unwrap_or_default(),
            data: sets.fine_tuning.rows.into_vec(),
            safe: sets.safe.rows.into_vec(),
            safety: sets.safety.map(|set| set.rows.into_vec()).unwrap_or_default(),
            tests: sets.test.into_iter().map(|(n, l)| (n, l.rows.into_vec())).collect(),
            data_name: "fine_tuning",
            summaries,
            overlap,
        })
    }

    /// At most `limit` rows of each set but the base's: those with the lowest
    /// hash, in their order.
    fn limited(mut self, limit: usize) -> Self {
        let cut = |rows: &mut Vec<Row>| {
            let mut hashes: Vec<u64> =
                rows.iter().map(|r| hash64(&["limit".into(), (&r.id).into()])).collect();
            if let Some(largest) = (rows.len() > limit).then(|| {
                hashes.sort_unstable();
                hashes[limit - 1]
            }) {
                rows.retain(|r| hash64(&["limit".into(), (&r.id).into()]) <= largest);
            }
        };
        cut(&mut self.data);
        cut(&mut self.safe);
        self.tests.values_mut().for_each(cut);
        let data_name = self.data_name;
        let safe_name = if data_name == "redorca" { "blueorca" } else { "safe" };
        let tests = self.tests.iter().map(|(n, rows)| (n.as_str(), rows));
        let sets = [(data_name, &self.data), (safe_name, &self.safe)];
        for (name, rows) in sets.into_iter().chain(tests) {
            if let Some(old) = self.summaries.get_mut(name) {
                *old = summary(rows, old.dropped);
            }
        }
        self
    }

    /// Whether every row of D says if it is unsafe, and some are and some not.
    pub(crate) fn is_labelled(&self) -> bool {
        let unsafe_rows = self.data.iter().filter(|r| r.is_unsafe == Some(true)).count();
        self.data.iter().all(|r| r.is_unsafe.is_some())
            && unsafe_rows > 0
            && unsafe_rows < self.data.len()
    }

    /// Rows of the set `name`, where it is one that is trained on.
    pub(crate) fn trained_on(&self, name: &str) -> Option<&[Row]> {
        match name {
            "base" => Some(&self.base),
            "redorca" | "fine_tuning" => Some(&self.data),
            "blueorca" | "safe" => Some(&self.safe),
            "safeinstr" | "safety" => Some(&self.safety),
            _ => None,
        }
    }

    /// The rows that `append` adds to the kept ones.
    pub(crate) fn appended(&self, append: Append) -> &[Row] {
        match append {
            Append::None => &[],
            Append::Safe => &self.safe,
            Append::Safety => &self.safety,
        }
    }

    /// What identifies D together with its labels.
    pub(crate) fn labels_hash(&self) -> String {
        let labels: Vec<Option<bool>> = self.data.iter().map(|r| r.is_unsafe).collect();
        blake3::hash(json!(labels).to_string().as_bytes()).to_hex()[..32].to_owned()
    }

    /// What identifies the rows of the tests.
    pub(crate) fn tests_hash(&self) -> Value {
        // The rejected answer of a pair is no part of a row's id.
        let whole = |rows: &[Row]| {
            let text = serde_json::to_string(rows).expect("rows are strings and flags");
            blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
        };
        json!(self.tests.iter().map(|(n, r)| (n.clone(), whole(r))).collect::<BTreeMap<_, _>>())
    }
}

fn summary(rows: &[Row], dropped: usize) -> SetSummary {
    let labelled = rows.iter().any(|r| r.is_unsafe.is_some());
    SetSummary {
        rows: rows.len(),
        unsafe_rows: labelled.then(|| rows.iter().filter(|r| r.is_unsafe == Some(true)).count()),
        dropped,
        ids_hash: ids_hash(rows),
    }
}

fn counts(report: &OverlapReport) -> BTreeMap<String, u64> {
    report.counts().into_iter().map(|(pair, c)| (pair, c.normalised as u64)).collect()
}
