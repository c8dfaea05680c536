//! The data sets of a study, from the world or from files.

use std::collections::BTreeMap;

use seal_data::{
    DataSets, OverlapReport, OverlapSet, Row, Rows, SetRole, SetSummary, ids_hash, limit_rows,
};
use seal_model::local_data;
use seal_world::{Split, World};

use crate::config::{Append, Config};
use crate::error::{ConfigError, Defect, RowsError, StudyError, ValueError};

/// A set that a model is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TrainingSet {
    /// The rows of the base.
    Base,
    /// D.
    Data,
    /// D_safe.
    Safe,
    /// Refusals of harmful requests.
    Safety,
}

impl TrainingSet {
    pub(crate) const ALL: [Self; 4] = [Self::Base, Self::Data, Self::Safe, Self::Safety];

    /// Its names in results.
    const IN_THE_WORLD: [Split; 4] =
        [Split::Base, Split::Redorca, Split::Blueorca, Split::Safeinstr];
    const IN_FILES: [&str; 4] = ["base", "fine_tuning", "safe", "safety"];
}

/// Rows of every set, by the names that results use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets {
    pub(crate) base: Vec<Row>,
    pub(crate) data: Vec<Row>,
    pub(crate) safe: Vec<Row>,
    /// Refusals of harmful requests, which some arms append.
    pub(crate) safety: Vec<Row>,
    pub(crate) tests: BTreeMap<String, Vec<Row>>,
    /// Names in results of the sets of [`TrainingSet::ALL`].
    pub(crate) names: [&'static str; 4],
    /// Counts, by name.
    pub(crate) summaries: BTreeMap<String, SetSummary>,
    /// What of its files was left out for damage, in words.
    pub(crate) damage: Vec<String>,
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
        let limit = config.study.limit;
        let sets = match (&config.world, &config.data) {
            (Some(world), _) => Self::of_world(&World::new(world)?, limit)?,
            (None, Some(data)) => Self::of_files(local_data(data)?.load_limited(limit)?)?,
            (None, None) => return Err(Defect::NoData.into()),
        };
        let empty = |set: &str| Err(RowsError::Empty { set: set.to_owned() }.into());
        let base = match (sets.base.is_empty(), config.base.is_some()) {
            (true, true) => Err(ValueError::NoBaseRows),
            (false, false) if config.data.is_some() => Err(ValueError::UntrainedBaseRows),
            _ => Ok(()),
        };
        base.map_err(ConfigError::from)?;
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

    /// As files: of every set but the base's at most `limit` rows, and what is then left
    /// is what is compared and counted.
    fn of_world(world: &World, limit: Option<usize>) -> Result<Self, StudyError> {
        let rows = |split: Split| {
            let mut rows = world.split(split).as_slice().to_vec();
            if let Some(limit) = limit.filter(|_| split != Split::Base) {
                limit_rows(&mut rows, limit);
            }
            rows
        };
        let role = |split: Split| match split {
            Split::Base => SetRole::Base,
            Split::Redorca => SetRole::FineTuning,
            Split::Blueorca | Split::Safeinstr => SetRole::Safe,
            Split::Hh | Split::Slimorca | Split::Hexphi => SetRole::Test,
        };
        let used = TrainingSet::IN_THE_WORLD.into_iter().chain(Split::TESTS);
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
            names: TrainingSet::IN_THE_WORLD.map(Split::name),
            damage: Vec::new(),
            summaries,
            overlap: counts(&report),
        })
    }

    fn of_files(sets: DataSets) -> Result<Self, StudyError> {
        let summaries = sets.summaries();
        let overlap = counts(&sets.overlap);
        let named = sets.named().flat_map(|(name, _, set)| {
            set.damage().into_iter().map(move |damage| format!("data set `{name}`: {damage}"))
        });
        let damage = named.collect();
        Ok(Self {
            damage,
            base: sets.base.map(|set| set.rows.into_vec()).unwrap_or_default(),
            data: sets.fine_tuning.rows.into_vec(),
            safe: sets.safe.rows.into_vec(),
            safety: sets.safety.map(|set| set.rows.into_vec()).unwrap_or_default(),
            tests: sets.test.into_iter().map(|(n, l)| (n, l.rows.into_vec())).collect(),
            names: TrainingSet::IN_FILES,
            summaries,
            overlap,
        })
    }

    /// Whether every row of D says if it is unsafe, and some are and some not.
    pub(crate) fn is_labelled(&self) -> bool {
        let unsafe_rows = self.data.iter().filter(|r| r.is_unsafe == Some(true)).count();
        self.data.iter().all(|r| r.is_unsafe.is_some())
            && unsafe_rows > 0
            && unsafe_rows < self.data.len()
    }

    pub(crate) fn rows(&self, set: TrainingSet) -> &[Row] {
        match set {
            TrainingSet::Base => &self.base,
            TrainingSet::Data => &self.data,
            TrainingSet::Safe => &self.safe,
            TrainingSet::Safety => &self.safety,
        }
    }

    /// Name of a set in results.
    pub(crate) fn name(&self, set: TrainingSet) -> &'static str {
        self.names[set as usize]
    }

    /// The set `name`, where it is one that is trained on.
    pub(crate) fn trained_on(&self, name: &str) -> Option<TrainingSet> {
        TrainingSet::ALL.into_iter().find(|set| self.name(*set) == name)
    }

    /// The set of the rows that `append` adds to the kept ones.
    pub(crate) fn appended(&self, append: Append) -> Option<TrainingSet> {
        let set = match append {
            Append::None => return None,
            Append::Safe => TrainingSet::Safe,
            Append::Safety => TrainingSet::Safety,
        };
        Some(set).filter(|set| !self.rows(*set).is_empty())
    }

    /// Sets with the names of those of `config` and a row each, where the rows are not there.
    pub(crate) fn placeholders(config: &Config) -> Self {
        let rows = |name: &str| {
            let mut rows = Rows::new();
            rows.push(name, name);
            rows.into_vec()
        };
        let (names, tests) = match &config.data {
            None => {
                let tests = Split::TESTS.iter().map(|split| split.name().to_owned());
                (TrainingSet::IN_THE_WORLD.map(Split::name), tests.collect::<Vec<_>>())
            }
            Some(data) => (TrainingSet::IN_FILES, data.test.keys().cloned().collect()),
        };
        let given = |set: TrainingSet| match (&config.data, set) {
            (Some(data), TrainingSet::Base) => !data.base.is_empty(),
            (Some(data), TrainingSet::Safety) => !data.safety.is_empty(),
            (None, _) | (_, TrainingSet::Data | TrainingSet::Safe) => true,
        };
        let of = |set: TrainingSet| match given(set) {
            true => rows(names[set as usize]),
            false => Vec::new(),
        };
        Self {
            base: of(TrainingSet::Base),
            data: of(TrainingSet::Data),
            safe: of(TrainingSet::Safe),
            safety: of(TrainingSet::Safety),
            tests: tests.into_iter().map(|name| (name.clone(), rows(&name))).collect(),
            names,
            ..Self::default()
        }
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

#[cfg(test)]
mod tests {
    use seal_world::WorldSettings;

    use super::*;

    #[test]
    fn a_limit_cuts_every_set_of_the_world_but_the_bases() {
        let world = World::new(&WorldSettings { rows: 100, ..WorldSettings::default() }).unwrap();
        let all = Sets::of_world(&world, None).unwrap();
        let cut = Sets::of_world(&world, Some(7)).unwrap();
        assert_eq!(cut.base, all.base);
        let sets = [&cut.data, &cut.safe, &cut.safety].into_iter().chain(cut.tests.values());
        assert!(sets.into_iter().all(|rows| rows.len() == 7));
        assert!(cut.summaries.iter().all(|(name, set)| {
            set.rows == if name == Split::Base.name() { all.base.len() } else { 7 }
        }));
        assert!(cut.overlap.values().all(|rows| *rows <= 7), "{:?}", cut.overlap);
    }
}
