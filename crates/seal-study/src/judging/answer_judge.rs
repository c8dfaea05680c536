//! Judges of single answers that are models: guards, reward models and rubrics.

use std::path::{Path, PathBuf};

use seal_data::TemplateSetting;
use seal_judging::rubric::RubricJudge;
use seal_lm::Cost;
use seal_model::{
    FoundJudge, GuardTable, JudgeRequest, ModelError, ModelFolder, Notice, Reach, RewardTable,
    is_address, judge_seconds,
};
use serde_json::{Value, json};

use crate::config::Config;
use crate::error::{ConfigError, Defect, StudyError};
use crate::model_digests::remembered_digests;
use crate::options::FETCHED;

/// Tokens of a judge's prompt with request and answer, about.
pub(super) const TOKENS: f64 = 500.0;

/// A judge of single answers that is a model, ready to be used by a stage.
#[derive(Clone, Debug)]
pub(crate) enum AnswerJudge {
    /// A model folder, which runs here.
    Model(Box<ModelJudge>),
    /// It is asked: an endpoint, or a chat model here.
    Rubric(Box<RubricJudge>),
}

/// A judge that is a model folder.
#[derive(Clone, Debug)]
pub(crate) struct ModelJudge {
    pub(crate) table: ModelTable,
    /// What it depends on; `None` where nothing has looked, which a preview needs not.
    pub(crate) found: Option<FoundJudge>,
}

/// The table of a judge that is a model folder.
#[derive(Clone, Debug)]
pub(crate) enum ModelTable {
    Guard(Box<GuardTable>),
    Reward(Box<RewardTable>),
}

/// Where a study's judges work: files are named in its config. A stage gives the `device` that it has.
/// Verdicts are marked by the name in keys, whichever device of its kind computed them.
pub(crate) fn request(config: &Config, device: Option<&str>) -> JudgeRequest {
    let in_keys = config.device.in_keys();
    JudgeRequest {
        folder: PathBuf::new(),
        prompt: None,
        device: device.map_or_else(|| in_keys.clone(), str::to_owned),
        marked: Some(in_keys),
        digest_files: remembered_digests,
        reach: Reach::Hub,
    }
}

impl ModelTable {
    pub(crate) fn model(&self) -> &ModelFolder {
        match self {
            Self::Guard(table) => &table.model,
            Self::Reward(table) => &table.model,
        }
    }

    /// Its settings, by which a run remembers what it found.
    ///
    /// # Errors
    /// Settings that are no JSON.
    pub(super) fn settings(&self) -> Result<Value, StudyError> {
        let settings = match self {
            Self::Guard(table) => serde_json::to_value(table),
            Self::Reward(table) => serde_json::to_value(table),
        };
        Ok(settings.map_err(Defect::Json)?)
    }

    /// Number of weights that its config expects.
    pub(super) fn parameters(&self) -> Option<u64> {
        self.model().expect.as_ref().and_then(|expect| expect.parameters)
    }

    pub(crate) fn canaries(&self) -> usize {
        match self {
            Self::Guard(table) => table.canaries,
            Self::Reward(table) => table.canaries,
        }
    }

    /// Difference of scores that is a tie, of a reward model.
    pub(crate) fn tie(&self) -> Option<f64> {
        match self {
            Self::Guard(_) => None,
            Self::Reward(table) => Some(table.tie),
        }
    }

    pub(crate) fn allow_self(&self) -> bool {
        match self {
            Self::Guard(table) => table.allow_self,
            Self::Reward(table) => table.allow_self,
        }
    }

    /// Looks for all that verdicts depend on; weights are not read.
    ///
    /// # Errors
    /// As [`GuardTable::find`].
    pub(crate) fn find(&self, config: &Config) -> Result<FoundJudge, ModelError> {
        match self {
            Self::Guard(table) => table.find(&request(config, None)),
            Self::Reward(table) => table.find(&request(config, None)),
        }
    }

    /// Whether the model lies on this machine, and not on a hub.
    pub(crate) fn is_here(&self) -> bool {
        !is_address(&self.model().path)
    }
}

impl ModelJudge {
    /// Number of weights, where it is known.
    pub(super) fn parameters(&self) -> Option<f64> {
        let found = self.found.as_ref().map(|found| Cost::of(&found.shape).parameters());
        let told = || {
            let expected = self.table.model().expect.as_ref()?;
            let all = expected.parameters.map(|all| all as f64);
            Some(all.unwrap_or_else(|| Cost::of(&expected.shape()).parameters()))
        };
        found.or_else(told)
    }

    /// Bytes of its weights, where its size is known.
    pub(super) fn memory(&self) -> Option<u64> {
        Some(self.parameters()? as u64 * self.table.model().dtype.bytes() as u64)
    }

    /// Seconds that so many answers take on a few CPU cores, about, where its size is known.
    pub(crate) fn seconds(&self, answers: usize) -> Option<f64> {
        Some(judge_seconds(self.parameters()?, answers as f64 * TOKENS))
    }

    /// The name of the model without the folders above it: results name no path.
    pub(crate) fn name(&self) -> String {
        name_of(&self.table.model().path)
    }
}

/// The name of a model in results: that of its repository on a hub, or the last part of a path.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.display().to_string();
    if let Some(address) = name.strip_prefix("hf://").filter(|_| is_address(path)) {
        return address.split('@').next().unwrap_or(address).to_owned();
    }
    name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(&name).into()
}

/// What the model of the judge at `section` says of its settings or files.
pub(super) fn of_model(section: &str) -> impl FnOnce(ModelError) -> StudyError {
    let section = section.to_owned();
    move |source| ConfigError::JudgeModel { section, source: Box::new(source) }.into()
}

/// What is said of a judge's model that is not looked for.
pub(super) fn would_be_fetched(path: &Path, parameters: Option<u64>) -> String {
    let size = parameters.map_or(String::new(), |n| format!(", about {:.1} GB", 2e-9 * n as f64));
    format!(
        "model {}: {FETCHED}{size}, unless the cache holds it; a gated one needs access and a \
         token (HF_TOKEN)",
        path.display()
    )
}

/// Says what is to be said of the files of a judge's model.
pub(crate) fn say(notices: &[Notice]) {
    notices.iter().for_each(|notice| tracing::warn!("{notice}"));
}

impl AnswerJudge {
    /// All that an assessment depends on beside request and answer. How many answers are judged side
    /// by side, how many verdicts may be missing, and where scores tie are not among it.
    pub(crate) fn settings(&self) -> Value {
        match self {
            Self::Model(judge) => json!({
                "judge": judge.found.as_ref().map(|found| &found.identity),
                "canaries": judge.table.canaries(),
            }),
            Self::Rubric(judge) => json!({ "judge": judge.settings() }),
        }
    }

    /// The judge that is asked.
    pub(crate) fn as_rubric(&self) -> Option<&RubricJudge> {
        match self {
            Self::Model(_) => None,
            Self::Rubric(judge) => Some(judge),
        }
    }

    /// SHA-256 of its prompt, or of its chat template.
    pub(crate) fn prompt(&self) -> String {
        match self {
            Self::Model(judge) => {
                judge.found.as_ref().and_then(|found| found.prompt.clone()).unwrap_or_default()
            }
            Self::Rubric(judge) => judge.prompt().sha256().to_owned(),
        }
    }

    /// Files and folders that it is read from, each with a name for it.
    pub(crate) fn input_files(&self) -> Vec<(&'static str, PathBuf)> {
        const PROMPT: &str = "the judge's prompt";
        let mut files = Vec::new();
        match self {
            Self::Model(judge) => {
                let ModelJudge { table, found } = &**judge;
                files.extend(found.as_ref().map(|found| ("the judge's model", found.dir.clone())));
                let template = match table {
                    ModelTable::Guard(table) => {
                        files.extend(table.prompt.file.clone().map(|file| (PROMPT, file)));
                        &table.template
                    }
                    ModelTable::Reward(table) => &table.template,
                };
                if let TemplateSetting::Chat { chat: Some(file), .. } = template {
                    files.push(("the judge's template", file.clone()));
                }
            }
            Self::Rubric(judge) => {
                let prompt = judge.table().prompt.as_ref();
                files.extend(prompt.map(|prompt| (PROMPT, prompt.file.clone())));
            }
        }
        files
    }
}
