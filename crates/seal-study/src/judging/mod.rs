//! Judges of pairs inside a study: the judges themselves, and what they share in one process.
//!
//! The log of a judge is `judgements/<key>/verdicts.jsonl` in the store. The key is that of the
//! judge's identity: all that a reply depends on beside the texts. So a study with another arm,
//! another reading or another threshold finds the replies that are there. One process at a time
//! writes to a log, and whoever comes later waits: no question is paid for twice.

mod pairs;
mod planned;
mod sharing;

use std::collections::BTreeMap;
use std::path::Path;

use seal_judging::{JudgingError, PairJudge};

use crate::config::{Config, OneJudge};
use crate::error::{ConfigError, StudyError};

pub(crate) use self::pairs::{instruction, pair_up};
pub(crate) use self::planned::{Questions, planned};
pub(crate) use self::sharing::Judging;

/// A judge of a test: the test, and the name of a further judge.
type Place = (String, Option<String>);

/// The judges of pairs of a study, with the texts of their prompts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judges(BTreeMap<Place, PairJudge>);

impl Judges {
    /// Reads the prompts of the judges of `config`.
    ///
    /// # Errors
    /// A prompt that cannot be read or used, a largest cost without a price, and a judge that is
    /// the model under test.
    pub(crate) fn of(config: &Config) -> Result<Self, StudyError> {
        let mut judges = BTreeMap::new();
        let models = model_names(config);
        let models: Vec<Option<&str>> = models.iter().map(|name| Some(name.as_str())).collect();
        for (test, all) in &config.judge {
            for (name, judge) in all.all() {
                let OneJudge::Pairs(table) = judge else { continue };
                let section = match name {
                    None => format!("judge.{test}"),
                    Some(name) => format!("judge.{test}.also.{name}"),
                };
                let opened = || {
                    let price = table.endpoint.as_ref().and_then(|endpoint| endpoint.price);
                    if table.max_cost.is_some() && price.is_none() {
                        return Err(JudgingError::NoPrice);
                    }
                    let here = Path::new("");
                    let judge = PairJudge::of((**table).clone(), section.as_ref(), here, None)?;
                    judge.refuse_self(&models)?;
                    Ok(judge)
                };
                let judge = opened().map_err(|source| ConfigError::Judge {
                    section: section.clone(),
                    source: Box::new(source),
                })?;
                judges.insert((test.clone(), name.map(str::to_owned)), judge);
            }
        }
        Ok(Self(judges))
    }

    /// The judge of pairs at this place.
    pub(crate) fn get(&self, test: &str, name: Option<&str>) -> Option<&PairJudge> {
        self.0.get(&(test.to_owned(), name.map(str::to_owned)))
    }

    /// Every judge with its place, in the order of tests.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Option<&str>, &PairJudge)> {
        self.0.iter().map(|((test, name), judge)| (test.as_str(), name.as_deref(), judge))
    }
}

/// Names of the model under test: as the config has it, and its last part, by which servers know
/// it.
pub(crate) fn model_names(config: &Config) -> [String; 2] {
    let name = config.base_name();
    let last = name.rsplit('/').next().unwrap_or(&name).to_owned();
    [name, last]
}
