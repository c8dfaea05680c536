//! Judges of a config: whether they can be, and the rows of their tests.

use seal_data::Row;
use seal_judge::JudgeKind;
use seal_model::ModelError;

use super::judge::OneJudge;
use super::names::UniqueNames;
use super::types::Config;
use crate::error::{ConfigError, RowsError, StudyError, ValueError};

impl Config {
    /// Refuses rows of the test `test` that one of its judges cannot work on.
    ///
    /// # Errors
    /// As [`seal_judge::Judge::check`], with the name of the test.
    pub(crate) fn judge_fits(&self, test: &str, rows: &[Row]) -> Result<(), StudyError> {
        let judges = self.judge.get(test).into_iter().flat_map(|judges| judges.all());
        for settings in judges.filter_map(|(_, judge)| judge.single()) {
            let checked = settings.judge()?.check(rows);
            checked.map_err(|source| RowsError::Test { test: test.to_owned(), source })?;
        }
        Ok(())
    }

    /// Refuses judges of `test` that cannot judge, or not together.
    ///
    /// # Errors
    /// [`ConfigError`] with the judge's place.
    pub(super) fn judges_of_test_fit(&self, test: &str) -> Result<(), ConfigError> {
        let Some(judges) = self.judge.get(test) else {
            return Err(ValueError::NoJudge { test: test.to_owned() }.into());
        };
        let mut names = UniqueNames::new("judge.also");
        judges.also.keys().try_for_each(|name| names.add(name))?;
        for (name, judge) in judges.all() {
            let key = match name {
                None => format!("judge.{test}"),
                Some(name) => format!("judge.{test}.also.{name}"),
            };
            match judge {
                OneJudge::Single(settings) => {
                    settings.judge().map_err(|e| ConfigError::Section {
                        section: key.clone(),
                        source: e.into(),
                    })?;
                    if settings.kind == JudgeKind::Oracle && self.world.is_none() {
                        return Err(ValueError::Oracle { key }.into());
                    }
                }
                OneJudge::Pairs(table) => table.check(key.as_ref()).map_err(|source| {
                    ConfigError::Judge { section: key.clone(), source: Box::new(source) }
                })?,
                OneJudge::Rubric(table) => table.check(key.as_ref()).map_err(|source| {
                    ConfigError::Judge { section: key.clone(), source: Box::new(source) }
                })?,
                OneJudge::Guard(table) => table.check(key.as_ref()).map_err(of_model(&key))?,
                OneJudge::Reward(table) => table.check(key.as_ref()).map_err(of_model(&key))?,
                OneJudge::Majority(_) if name.is_some() => {
                    return Err(ValueError::MajorityBeside { key }.into());
                }
                OneJudge::Majority(_) if judges.also.len() < 2 => {
                    return Err(ValueError::MajorityOfFew { key }.into());
                }
                OneJudge::Majority(_) => {}
            }
        }
        Ok(())
    }
}

/// What a judge that is a model folder says of the settings in `section`.
fn of_model(section: &str) -> impl FnOnce(ModelError) -> ConfigError {
    let section = section.to_owned();
    move |source| ConfigError::JudgeModel { section, source: Box::new(source) }
}
