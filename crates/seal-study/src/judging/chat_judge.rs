//! Chat models on this machine that are asked as endpoints are: judges of pairs and rubrics.

use std::path::PathBuf;

use seal_judging::{LocalIdentity, LocalModel, LocalTemplate};
use seal_lm::{Cost, WeightFormat};
use seal_model::{ChatModel, FoundChat, FoundJudge, ModelError, is_address, judge_seconds};
use serde_json::Value;

use super::answer_judge::TOKENS;
use super::{AskedAt, Asks, name_of, of_model, request, say, section, would_be_fetched};
use crate::config::{Config, OneJudge};
use crate::error::{AssessmentsError, Defect, StudyError, is_absent_model};
use crate::options::PlannedWork;

/// The model of a judge that is asked and runs here.
#[derive(Clone, Debug)]
pub(crate) struct ChatJudge {
    pub(crate) model: LocalModel,
    /// Whether it may judge its own answers.
    pub(super) allow_self: bool,
    /// What its replies depend on; `None` where nothing has looked, which a preview needs not.
    pub(crate) found: Option<FoundJudge>,
}

impl ChatJudge {
    /// The model of `judge`, not looked for; `None` for a judge that is none or behind an endpoint.
    pub(super) fn of(judge: &OneJudge) -> Option<Self> {
        let (model, allow_self) = match judge {
            OneJudge::Pairs(table) => (table.model.as_ref()?, table.allow_self),
            OneJudge::Rubric(table) => (table.model.as_ref()?, table.allow_self),
            OneJudge::Single(_)
            | OneJudge::Guard(_)
            | OneJudge::Reward(_)
            | OneJudge::Majority(_) => return None,
        };
        Some(Self { model: model.clone(), allow_self, found: None })
    }

    /// Looks for all that its replies depend on; weights are not read.
    ///
    /// # Errors
    /// As [`FoundChat::find`].
    pub(super) fn find_model(&self, config: &Config) -> Result<FoundJudge, ModelError> {
        FoundChat::find(&self.model, &request(config, None)).map(|chat| chat.found().clone())
    }

    /// The same with what is here of its model, for a look ahead; nothing is fetched. `lack` is told
    /// what is not here.
    ///
    /// # Errors
    /// A model that could be used on no machine.
    pub(super) fn ahead(
        self,
        config: &Config,
        section: &str,
        lack: &mut dyn FnMut(String),
    ) -> Result<Self, StudyError> {
        if is_address(&self.model.path) {
            lack(would_be_fetched(&self.model.path, self.model.parameters));
        } else {
            match self.find_model(config) {
                Ok(found) => return Ok(Self { found: Some(found), ..self }),
                Err(error) if is_absent_model(&error) => lack(error.to_string()),
                // A backend that was not built in is said of the device itself.
                Err(ModelError::Device(_)) => {}
                Err(error) => return Err(of_model(section)(error)),
            }
        }
        for (what, path) in self.input_files() {
            if !path.exists() {
                lack(format!("{what}: {}: no such file", path.display()));
            }
        }
        Ok(self)
    }

    /// Its settings, by which a run remembers what it found.
    ///
    /// # Errors
    /// Settings that are no JSON.
    pub(super) fn settings(&self) -> Result<Value, StudyError> {
        Ok(serde_json::to_value(&self.model).map_err(Defect::Json)?)
    }

    /// The identity in its questions. One that nothing has looked for has none, and no question of it
    /// is ever asked or counted by its key.
    pub(super) fn identity(&self) -> LocalIdentity {
        match &self.found {
            Some(found) => found.local_identity(),
            None => LocalIdentity { digest: String::new() },
        }
    }

    /// Reads the weights, for the judge at `at`.
    ///
    /// # Errors
    /// [`AssessmentsError::OtherModel`] for a folder that was changed since the study looked at it, or
    /// since the run that remembers it; weights that cannot be read.
    pub(super) fn open(&self, judge: &dyn Asks, at: &AskedAt<'_>) -> Result<ChatModel, StudyError> {
        let chat = FoundChat::find(&self.model, &request(at.config, at.device))?;
        if chat.identity().digest != judge.endpoint().model {
            let (section, model) = (section(at.test, at.name), self.model.path.clone());
            return Err(AssessmentsError::OtherModel { section, model }.into());
        }
        let model = chat.open()?;
        say(model.notices());
        Ok(model)
    }

    /// The name of the model in results, which name no path.
    pub(crate) fn name(&self) -> String {
        name_of(&self.model.path)
    }

    /// Files and folders that it is read from, each with a name for it.
    pub(super) fn input_files(&self) -> Vec<(&'static str, PathBuf)> {
        let found = self.found.as_ref();
        let mut files: Vec<_> =
            found.map(|found| ("the judge's model", found.dir.clone())).into_iter().collect();
        if let LocalTemplate::File(file) = &self.model.template {
            files.push(("the judge's template", file.clone()));
        }
        files
    }

    /// Seconds that so many questions take on a few CPU cores, about, where its size is known.
    pub(crate) fn seconds(&self, questions: usize) -> Option<f64> {
        let passes = if self.model.top_logprobs > 0 { 2.0 } else { 1.0 };
        Some(judge_seconds(self.parameters()?, questions as f64 * TOKENS * passes))
    }

    fn parameters(&self) -> Option<f64> {
        let found = self.found.as_ref().map(|found| Cost::of(&found.shape).parameters());
        found.or_else(|| self.model.parameters.map(|parameters| parameters as f64))
    }

    /// Bytes of its weights, with the copies that generation may need of them, where its size is known.
    pub(super) fn memory(&self) -> Option<u64> {
        // Of a model that is not here, the part that generation copies is not known.
        let copied = self.found.as_ref().map_or(0.0, |found| {
            Cost::of(&found.shape).copied_weights(self.model.top_logprobs > 0)
        });
        let bytes = match self.model.dtype {
            seal_judging::Dtype::F32 => WeightFormat::F32,
            seal_judging::Dtype::Bf16 => WeightFormat::Bf16,
        };
        self.parameters().map(|all| (all + copied) as u64 * bytes.bytes() as u64)
    }

    /// What it takes to ask it so many questions.
    pub(super) fn planned(&self, questions: Option<usize>) -> PlannedWork {
        PlannedWork::Answers {
            parameters: self.parameters().map(|parameters| parameters as u64),
            memory: self.memory(),
            seconds: questions.and_then(|questions| self.seconds(questions)),
        }
    }
}
