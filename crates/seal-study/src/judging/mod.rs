//! Judges that are models, inside a study: the judges themselves, and what they share in one process.
//!
//! The log of a judge behind an endpoint is `judgements/<key>/verdicts.jsonl` in the store. The key is
//! that of the judge's identity: all that a reply depends on beside the texts. So a study with another
//! arm, another reading or another threshold finds the replies that are there. One process at a time
//! writes to a log, and whoever comes later waits: no question is paid for twice.

mod answer_judge;
mod items;
mod pairs;
mod planned;
mod remembered;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seal_judging::{JudgeTable, JudgingError, PairJudge};
use seal_model::{FoundJudge, ModelError};

use crate::config::{Config, OneJudge};
use crate::error::{ConfigError, StudyError, ValueError, is_absent, is_absent_model};

pub(crate) use self::answer_judge::{AnswerJudge, ModelJudge, ModelTable, request};
pub(crate) use self::items::answered;
pub(crate) use self::pairs::{instruction, pair_up};
pub(crate) use self::planned::{Questions, planned, planned_answers};
pub(crate) use self::remembered::{JUDGES_FILE, RememberedJudges};
pub(crate) use self::sharing::{Asks, Judging, LOGS};

/// A judge of a test: the test, and the name of a further judge.
type Place = (String, Option<String>);

/// The judges of a study that are models, with the texts of their prompts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judges {
    pairs: BTreeMap<Place, PairJudge>,
    answers: BTreeMap<Place, AnswerJudge>,
}

/// A judge that was opened.
enum Opened {
    Pairs(Box<PairJudge>),
    Answers(AnswerJudge),
}

impl Judges {
    /// Reads the prompts of the judges of `config` and looks for their models, of which those on a hub
    /// are fetched. Models in `known` are not looked for.
    ///
    /// # Errors
    /// A prompt or a model folder that cannot be read or used, a largest cost without a price, and a
    /// judge behind an endpoint with the name of the model under test.
    pub(crate) fn of(config: &Config, known: &RememberedJudges) -> Result<Self, StudyError> {
        let mut judges = Self::default();
        for (test, name, judge) in places(config) {
            let section = section(test, name);
            if let Some(table) = model_table(judge) {
                let found = match known.find(&section, &table, &config.device)? {
                    Some(found) => found,
                    None => table.find(&config.device).map_err(of_model(&section))?,
                };
                let judge = ModelJudge { table, found: Some(found) };
                judges.add(test, name, Opened::Answers(AnswerJudge::Model(Box::new(judge))));
            } else if let Some(opened) = through_endpoint(config, judge, &section)? {
                judges.add(test, name, opened);
            }
        }
        Ok(judges)
    }

    /// Refuses a judge whose folder has the files of one of these models, unless its table allows it.
    ///
    /// # Errors
    /// [`ValueError::SelfJudged`] with the place of the judge.
    pub(crate) fn refuse_self<'a>(
        &self,
        configs: impl Iterator<Item = &'a Config>,
    ) -> Result<(), ConfigError> {
        let folders = configs.filter_map(|config| config.model.folder());
        let models: BTreeSet<&str> =
            folders.filter_map(|folder| Some(folder.found.as_ref()?.digest.as_str())).collect();
        for (test, name, judge) in self.answers() {
            let AnswerJudge::Model(judge) = judge else { continue };
            let is_own = judge.found.as_ref().is_some_and(|f| models.contains(f.digest.as_str()));
            if is_own && !judge.table.allow_self() {
                return Err(ValueError::SelfJudged { key: section(test, name) }.into());
            }
        }
        Ok(())
    }

    /// The judges as far as they are here, for a look ahead; nothing is fetched. Files and models that
    /// are not here are added to `missing`.
    ///
    /// # Errors
    /// A judge that could be used on no machine, as [`Judges::of`].
    pub(crate) fn ahead(config: &Config, missing: &mut Vec<String>) -> Result<Self, StudyError> {
        let mut judges = Self::default();
        let mut lack = |test: &str, text: String| {
            let text = format!("judge of {test}: {text}");
            if !missing.contains(&text) {
                missing.push(text);
            }
        };
        for (test, name, judge) in places(config) {
            let section = section(test, name);
            if let Some(table) = model_table(judge) {
                let found = match table.is_here() {
                    true => table.find(&config.device),
                    false => {
                        lack(test, absent(&table));
                        judges.add_model(test, name, table, None, &mut lack);
                        continue;
                    }
                };
                match found {
                    Ok(found) => judges.add_model(test, name, table, Some(found), &mut |_, _| {}),
                    // A backend that was not built in is said of the device itself.
                    Err(error) if is_absent_model(&error) => {
                        lack(test, error.to_string());
                        judges.add_model(test, name, table, None, &mut lack);
                    }
                    Err(ModelError::Device(_)) => {
                        judges.add_model(test, name, table, None, &mut lack);
                    }
                    Err(error) => return Err(of_model(&section)(error)),
                }
                continue;
            }
            match through_endpoint(config, judge, &section) {
                Ok(opened) => opened.into_iter().for_each(|opened| judges.add(test, name, opened)),
                Err(error) if is_absent(&error) => lack(test, error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(judges)
    }

    /// Adds a judge whose model may not be here, and tells `lack` which of its other files are not.
    fn add_model(
        &mut self,
        test: &str,
        name: Option<&str>,
        table: ModelTable,
        found: Option<FoundJudge>,
        lack: &mut dyn FnMut(&str, String),
    ) {
        let judge = AnswerJudge::Model(Box::new(ModelJudge { table, found }));
        for (what, path) in judge.input_files() {
            if !path.exists() {
                lack(test, format!("{what}: {}: no such file", path.display()));
            }
        }
        self.add(test, name, Opened::Answers(judge));
    }

    fn add(&mut self, test: &str, name: Option<&str>, judge: Opened) {
        let place = (test.to_owned(), name.map(str::to_owned));
        match judge {
            Opened::Pairs(judge) => drop(self.pairs.insert(place, *judge)),
            Opened::Answers(judge) => drop(self.answers.insert(place, judge)),
        }
    }

    /// The judge of pairs at this place.
    pub(crate) fn get(&self, test: &str, name: Option<&str>) -> Option<&PairJudge> {
        self.pairs.get(&(test.to_owned(), name.map(str::to_owned)))
    }

    /// Every judge of pairs with its place, in the order of tests.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Option<&str>, &PairJudge)> {
        self.pairs.iter().map(|((test, name), judge)| (test.as_str(), name.as_deref(), judge))
    }

    /// The judge of single answers at this place.
    pub(crate) fn of_answers(&self, test: &str, name: Option<&str>) -> Option<&AnswerJudge> {
        self.answers.get(&(test.to_owned(), name.map(str::to_owned)))
    }

    /// The judge at this place, where it is behind an endpoint.
    pub(crate) fn asked(&self, test: &str, name: Option<&str>) -> Option<&dyn Asks> {
        let pairs = self.get(test, name).map(|judge| judge as &dyn Asks);
        let rubric = || Some(self.of_answers(test, name)?.as_rubric()? as &dyn Asks);
        pairs.or_else(rubric)
    }

    /// Every judge of single answers with its place, in the order of tests.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&str, Option<&str>, &AnswerJudge)> {
        self.answers.iter().map(|((test, name), judge)| (test.as_str(), name.as_deref(), judge))
    }
}

/// Every judge of `config` with its test and name.
fn places(config: &Config) -> impl Iterator<Item = (&str, Option<&str>, &OneJudge)> {
    config.judge.iter().flat_map(|(test, judges)| {
        judges.all().map(move |(name, judge)| (test.as_str(), name, judge))
    })
}

/// The place of a judge in a config.
pub(crate) fn section(test: &str, name: Option<&str>) -> String {
    match name {
        None => format!("judge.{test}"),
        Some(name) => format!("judge.{test}.also.{name}"),
    }
}

fn model_table(judge: &OneJudge) -> Option<ModelTable> {
    match judge {
        OneJudge::Guard(table) => Some(ModelTable::Guard(table.clone())),
        OneJudge::Reward(table) => Some(ModelTable::Reward(table.clone())),
        OneJudge::Single(_) | OneJudge::Pairs(_) | OneJudge::Rubric(_) | OneJudge::Majority(_) => {
            None
        }
    }
}

/// A judge behind an endpoint, ready; `None` for another judge.
fn through_endpoint(
    config: &Config,
    judge: &OneJudge,
    section: &str,
) -> Result<Option<Opened>, StudyError> {
    let models = model_names(config);
    let models: Vec<Option<&str>> = models.iter().map(|name| Some(name.as_str())).collect();
    let of = |source| ConfigError::Judge { section: section.to_owned(), source: Box::new(source) };
    Ok(match judge {
        OneJudge::Pairs(table) => {
            let judge = open_pairs(table, section, &models).map_err(of)?;
            Some(Opened::Pairs(Box::new(judge)))
        }
        OneJudge::Rubric(table) => {
            let judge = AnswerJudge::rubric(table, section).map_err(of)?;
            judge.as_rubric().map_or(Ok(()), |rubric| rubric.refuse_self(&models)).map_err(of)?;
            Some(Opened::Answers(judge))
        }
        OneJudge::Single(_) | OneJudge::Guard(_) | OneJudge::Reward(_) | OneJudge::Majority(_) => {
            None
        }
    })
}

fn open_pairs(
    table: &JudgeTable,
    section: &str,
    models: &[Option<&str>],
) -> Result<PairJudge, JudgingError> {
    let price = table.endpoint.as_ref().and_then(|endpoint| endpoint.price);
    if table.max_cost.is_some() && price.is_none() {
        return Err(JudgingError::NoPrice);
    }
    let judge = PairJudge::of(table.clone(), section.as_ref(), Path::new(""), None)?;
    judge.refuse_self(models)?;
    Ok(judge)
}

fn of_model(section: &str) -> impl FnOnce(ModelError) -> StudyError {
    let section = section.to_owned();
    move |source| ConfigError::JudgeModel { section, source: Box::new(source) }.into()
}

/// What is said of a judge's model that is not looked for.
fn absent(table: &ModelTable) -> String {
    let model = table.model();
    let size = model.expect.as_ref().and_then(|expect| expect.parameters);
    let size = size.map_or(String::new(), |n| format!(", about {:.1} GB", 2e-9 * n as f64));
    format!(
        "model {}: would be fetched{size}, unless the cache holds it; a gated one needs access and a \
         token (HF_TOKEN)",
        model.path.display()
    )
}

/// Names of the model under test: as the config has it, and its last part, by which servers know
/// it.
pub(crate) fn model_names(config: &Config) -> [String; 2] {
    let name = config.model_name();
    let last = name.rsplit('/').next().unwrap_or(&name).to_owned();
    [name, last]
}
