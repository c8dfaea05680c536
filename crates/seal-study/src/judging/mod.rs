//! Judges that are models, inside a study: the judges themselves, and what they share in one process.
//!
//! The log of a judge that is asked, an endpoint or a chat model here, is
//! `judgements/<key>/verdicts.jsonl` in the store. The key is that of the judge's identity: all that a
//! reply depends on beside the texts. So a study with another arm, another reading or another threshold
//! finds the replies that are there. One process at a time writes to a log, and whoever comes later
//! waits: no question is paid for twice.

mod answer_judge;
mod chat_judge;
mod items;
mod job_observer;
mod logs;
mod opening;
mod pairs;
mod planned;
mod remembered;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use seal_judging::PairJudge;
use seal_model::{FoundJudge, ModelError};

use crate::config::{Config, OneJudge};
use crate::error::{ConfigError, StudyError, ValueError, is_absent, is_absent_model};

pub(crate) use self::answer_judge::{AnswerJudge, ModelJudge, ModelTable, request, say};
pub(crate) use self::chat_judge::ChatJudge;
pub(crate) use self::items::answered;
pub(crate) use self::logs::LOGS;
pub(crate) use self::pairs::{instruction, pair_up};
pub(crate) use self::planned::{PlannedQuestions, planned, planned_answers};
pub(crate) use self::remembered::{JUDGES_FILE, RememberedJudges};
pub(crate) use self::sharing::{AskedAt, Asks, Judging};

use self::answer_judge::{name_of, of_model, would_be_fetched};
use self::opening::{Opened, asked, model_table};

/// A judge of a test: the test, and the name of a further judge.
pub(crate) type JudgeId = (String, Option<String>);

/// The judges of a study that are models, with the texts of their prompts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judges {
    pairs: BTreeMap<JudgeId, PairJudge>,
    answers: BTreeMap<JudgeId, AnswerJudge>,
    /// The models of those that are asked and run here.
    chats: BTreeMap<JudgeId, ChatJudge>,
}

impl Judges {
    /// Reads the prompts of the judges of `config` and looks for their models, of which those on a hub
    /// are fetched. Models in `known` are not looked for.
    ///
    /// # Errors
    /// A prompt or a model folder that cannot be read or used, a largest cost without a price, and a
    /// judge behind an endpoint with the name of the model under test.
    pub(crate) fn of(config: &Config, known: &RememberedJudges) -> Result<Self, StudyError> {
        let (mut judges, device) = (Self::default(), config.device.in_keys());
        for (test, name, judge) in places(config) {
            let section = section(test, name);
            if let Some(table) = model_table(judge) {
                let found = match known.find(&section, &table.settings()?, &device) {
                    Some(found) => found,
                    None => table.find(config).map_err(of_model(&section))?,
                };
                let judge = ModelJudge { table, found: Some(found) };
                judges.add(test, name, Opened::Answers(AnswerJudge::Model(Box::new(judge))));
                continue;
            }
            let chat = match ChatJudge::of(judge) {
                Some(chat) => {
                    let found = match known.find(&section, &chat.settings()?, &device) {
                        Some(found) => found,
                        None => chat.find_model(config).map_err(of_model(&section))?,
                    };
                    Some(ChatJudge { found: Some(found), ..chat })
                }
                None => None,
            };
            let opened = asked(config, judge, chat.as_ref(), &section)?;
            opened.into_iter().for_each(|opened| judges.add(test, name, opened));
            judges.add_chat(test, name, chat);
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
        for (test, name, found, allow_self) in self.of_folders() {
            if !allow_self && models.contains(found.digest.as_str()) {
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
                    true => table.find(config),
                    false => {
                        lack(test, would_be_fetched(&table.model().path, table.parameters()));
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
            let chat = match ChatJudge::of(judge) {
                Some(chat) => Some(chat.ahead(config, &section, &mut |text| lack(test, text))?),
                None => None,
            };
            let opened = asked(config, judge, chat.as_ref(), &section);
            judges.add_chat(test, name, chat);
            match opened {
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

    fn add_chat(&mut self, test: &str, name: Option<&str>, chat: Option<ChatJudge>) {
        let place = (test.to_owned(), name.map(str::to_owned));
        chat.into_iter().for_each(|chat| drop(self.chats.insert(place.clone(), chat)));
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

    /// The model of the judge at this place, where it is asked and runs here.
    pub(crate) fn chat(&self, test: &str, name: Option<&str>) -> Option<&ChatJudge> {
        self.chats.get(&(test.to_owned(), name.map(str::to_owned)))
    }

    /// What was found of every judge that is a model folder, with its place, and whether it may judge
    /// its own answers.
    fn of_folders(&self) -> impl Iterator<Item = (&str, Option<&str>, &FoundJudge, bool)> {
        let models = self.answers().filter_map(|(test, name, judge)| match judge {
            AnswerJudge::Model(judge) => {
                Some((test, name, judge.found.as_ref()?, judge.table.allow_self()))
            }
            AnswerJudge::Rubric(_) => None,
        });
        let chats = self.chats.iter().filter_map(|((test, name), chat)| {
            Some((test.as_str(), name.as_deref(), chat.found.as_ref()?, chat.allow_self))
        });
        models.chain(chats)
    }

    /// The bytes that the models of judges need which run here, with the kinds of their stages and
    /// their places.
    pub(crate) fn memory(&self) -> impl Iterator<Item = (&'static str, String, Option<u64>)> {
        let models = self.answers().filter_map(|(test, name, judge)| match judge {
            AnswerJudge::Model(judge) => Some(("assessments", section(test, name), judge.memory())),
            AnswerJudge::Rubric(_) => None,
        });
        let chats = self.chats.iter().map(|((test, name), chat)| {
            let is_of_pairs = self.get(test, name.as_deref()).is_some();
            let stage = if is_of_pairs { "pair-verdicts" } else { "assessments" };
            (stage, section(test, name.as_deref()), chat.memory())
        });
        models.chain(chats)
    }

    /// Files and folders that the judges are read from, each with a name for it.
    pub(crate) fn input_files(&self) -> Vec<(&'static str, PathBuf)> {
        let answers = self.answers().flat_map(|(_, _, judge)| judge.input_files());
        let prompts = self.all().filter_map(|(_, _, judge)| judge.table().prompt.as_ref());
        let prompts = prompts.map(|prompt| ("the judge's prompt", prompt.file.clone()));
        let chats = self.chats.values().flat_map(ChatJudge::input_files);
        answers.chain(prompts).chain(chats).collect()
    }

    /// The judge at this place, where it is asked.
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

/// Names of the model under test: as the config has it, and its last part, by which servers know
/// it.
pub(crate) fn model_names(config: &Config) -> [String; 2] {
    let name = config.model_name();
    let last = name.rsplit('/').next().unwrap_or(&name).to_owned();
    [name, last]
}
