//! Sections of a config. `configs/world.toml` explains every key.

use std::collections::BTreeMap;

use seal_bilevel::{BilevelSettings, SftSettings};
use seal_data::DataSpec;
use seal_eval::TradeOff;
use seal_judge::GuardSettings;
use seal_lm::GenerateSettings;
use seal_model::{ModelSettings, TokenizerSettings, is_address};
use seal_world::WorldSettings;
use serde::{Deserialize, Serialize};

use super::arms::{ArmSpec, Binding};
use super::devices::Devices;
use super::judge::{OneJudge, TestJudges};
use crate::error::{Defect, StudyError};
use crate::model_digests::remembered_digests;

/// A whole config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name and seeds.
    pub study: StudySection,
    /// A device by its name (see `seal_device::DeviceSpec`), or several of which each stage has one.
    #[serde(default = "flex")]
    pub device: Devices,
    /// Devices of the list that each stage which trains has. They share its steps. No result depends on
    /// it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub devices_per_stage: usize,
    /// GiB of memory of each device, where the program is not to ask for it. A stage that needs more
    /// is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_memory: Option<f64>,
    /// The built-in world; either this or `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<WorldSettings>,
    /// Files; either this or `world`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataSpec>,
    /// Tokenizer and prompt template.
    pub tokenizer: TokenizerSettings,
    /// The model: a shape, or a folder.
    pub model: ModelSettings,
    /// Training of the base, the aligned model: of a shape from scratch, of a folder from its weights.
    /// Without it a folder is the base as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<SftSettings>,
    /// The selector stage.
    pub bilevel: BilevelSettings,
    /// Another model for the selector stage (transfer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Which rows are kept.
    pub selection: SelectionSettings,
    /// Fine-tuning on the kept rows.
    pub sft: SftSettings,
    /// How answers are generated.
    pub generate: GenerateSettings,
    /// How each test is judged.
    pub judge: BTreeMap<String, TestJudges>,
    /// Which key an `ablated_part` of a plan names.
    pub bindings: BTreeMap<String, Binding>,
    /// Names that a plan may give the win rate of a test.
    pub metrics: BTreeMap<String, Vec<String>>,
    /// What is found out about answers beside verdicts.
    #[serde(default)]
    pub coherence: CoherenceSettings,
    /// Which tests are of safety and which of usefulness; without it no arm is called useful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_off: Option<TradeOff>,
    /// Arms beside those of the plan.
    pub arms: Vec<ArmSpec>,
    /// What `--quick` changes.
    pub quick: Quick,
    /// Hash of the chat template where it is a file of its own; filled in when
    /// the study is loaded.
    #[serde(skip)]
    pub(crate) template_digest: Option<String>,
    /// The same of the proxy's.
    #[serde(skip)]
    pub(crate) proxy_template_digest: Option<String>,
}

fn one() -> usize {
    1
}

fn is_one(n: &usize) -> bool {
    *n == 1
}

fn flex() -> Devices {
    Devices::Named("flex".to_owned())
}

/// Name and seeds of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySection {
    /// Name; the run folder is `runs/<name>` by default.
    pub name: String,
    /// Study seeds: each fixes the order of rows, initial adapters, dropout
    /// and sampling of one cell of every arm.
    pub seeds: Vec<u64>,
    /// Plan: `builtin:missing-ablations`, `none`, or a path.
    #[serde(default = "missing_ablations")]
    pub plan: String,
    /// Only these arms, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// At most this many rows of each set but the base's, chosen by a hash: these are
    /// all the rows there are, also where sets are compared and counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Whether the run is too small to be a result.
    #[serde(default)]
    pub quick: bool,
}

fn missing_ablations() -> String {
    "builtin:missing-ablations".to_owned()
}

/// How rows are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By the logits of a trained selector.
    Selector,
    /// At random.
    Random,
    /// By the loss under the base, lowest first.
    FrozenLoss,
    /// By importance resampling towards D_safe (DSIR).
    Dsir,
    /// By a guard, `selection.guard`: rows it calls harmful are removed.
    Guard,
    /// By label: unsafe rows are removed (or all but a dose of them).
    Labels,
    /// All rows.
    All,
    /// None, and no fine-tuning: the base as it is.
    None,
}

/// Which rows are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionSettings {
    /// How rows are chosen.
    pub method: Method,
    /// Share of rows that is kept (top-p), in (0, 1]. Of `selector`, `random`,
    /// `frozen-loss` and `dsir`.
    pub keep: f64,
    /// Rows that are trained on beside the kept ones.
    #[serde(default)]
    pub append: Append,
    /// The guard of `guard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardSettings>,
    /// Share of the unsafe rows that `labels` keeps.
    #[serde(default)]
    pub unsafe_dose: f64,
}

impl Method {
    /// Whether rows get a score, by which a share of them is kept.
    pub fn ranks(self) -> bool {
        matches!(self, Self::Selector | Self::Random | Self::FrozenLoss | Self::Dsir)
    }
}

/// Rows that are trained on beside the kept ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Append {
    /// None.
    #[default]
    None,
    /// D_safe: direct mixing.
    Safe,
    /// Refusals of harmful requests, as SafeInstr does: `safeinstr` of the
    /// world, or `data.safety`.
    Safety,
}

/// The model that a selector is trained with, where it is another than the one
/// that is fine-tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The model: a shape, or a folder.
    pub model: ModelSettings,
    /// Tokenizer and prompt template; left out, as the fine-tuned model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<TokenizerSettings>,
}

/// What is found out about answers beside verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoherenceSettings {
    /// Whether the base scores every answer: its mean negative log-likelihood a token, given its
    /// prompt. It finds words that make no sense and do not repeat.
    #[serde(default)]
    pub base_nll: bool,
}

/// A small run that shows that everything works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// Dotted keys and their values.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
}

impl Config {
    /// The config as TOML, defaults filled in.
    ///
    /// # Errors
    /// A value TOML cannot express.
    pub fn resolved_toml(&self) -> Result<String, StudyError> {
        Ok(toml::to_string_pretty(self).map_err(Defect::Toml)?)
    }

    /// Whether results with the settings `settings_toml` are those of this config. How many devices of
    /// a kind there are, and how much memory they have, changes no result.
    pub fn gives_results_of(&self, settings_toml: &str) -> bool {
        let own = self.resolved_toml().ok();
        match (own.as_deref().and_then(without_devices), without_devices(settings_toml)) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => false,
        }
    }

    /// Looks for what stands outside the config: the folders of models, and the
    /// file of a chat template.
    ///
    /// # Errors
    /// A folder or file that is not there or cannot be read.
    pub(crate) fn find_models(&mut self) -> Result<(), StudyError> {
        self.model.find(remembered_digests)?;
        if let Some(proxy) = &mut self.proxy {
            proxy.model.find(remembered_digests)?;
        }
        self.template_digest = self.tokenizer.own_template_digest()?;
        self.proxy_template_digest = match self.proxy {
            Some(_) => self.of_selector().tokenizer.own_template_digest()?,
            None => None,
        };
        Ok(())
    }

    /// Names of the tests.
    pub(crate) fn tests(&self) -> Vec<&str> {
        match &self.data {
            Some(data) => data.test.keys().map(String::as_str).collect(),
            None => seal_world::Split::TESTS.iter().map(|s| s.name()).collect(),
        }
    }

    /// Whether a model folder is used, or something must be fetched first.
    pub fn is_remote(&self) -> bool {
        let is_model = |judge: &OneJudge| match judge {
            OneJudge::Guard(_) | OneJudge::Reward(_) => true,
            OneJudge::Pairs(table) => table.model.is_some(),
            OneJudge::Rubric(table) => table.model.is_some(),
            OneJudge::Single(_) | OneJudge::Majority(_) => false,
        };
        let judged = self.judge.values().any(|all| all.all().any(|(_, judge)| is_model(judge)));
        let folder = self.model.folder().is_some() || judged;
        let sources = self.data.iter().flat_map(|data| {
            let sets = [&data.base, &data.fine_tuning, &data.safe, &data.safety];
            sets.into_iter().chain(data.test.values()).flatten()
        });
        folder || sources.into_iter().any(|source| is_address(&source.path))
    }

    /// Where a run goes unless told otherwise: `runs/<study.name>`.
    pub fn default_out(&self) -> std::path::PathBuf {
        std::path::Path::new("runs").join(&self.study.name)
    }

    /// Seed of the base: that of the world, or 0.
    pub fn base_seed(&self) -> u64 {
        self.world.as_ref().map_or(0, |w| w.seed)
    }
}
/// The settings with the kind of the devices in place of the devices. `None` if they are no settings.
fn without_devices(settings_toml: &str) -> Option<toml::Table> {
    let mut settings: toml::Table = settings_toml.parse().ok()?;
    let devices: Devices = settings.remove("device")?.try_into().ok()?;
    settings.insert("device".to_owned(), devices.in_keys().into());
    settings.remove("device_memory");
    settings.remove("devices_per_stage");
    Some(settings)
}
