//! Estimates time, memory and disk of a study from its config, on a machine that may have
//! neither its model nor its data.

mod rows;
mod size;

use std::collections::BTreeMap;

use seal_device::{DeviceSet, Kernels};
use seal_lm::{Cost, LoraConfig, WeightFormat};

use self::rows::counted;
use self::size::{ModelSize, ROW_SHARE};
use crate::StudyError;
use crate::arm::{Arm, arms};
use crate::config::{Config, ConfigSource, Method, load};
use crate::graph::stage_counts;
use crate::judging::{Judges, PlannedQuestions, planned, planned_answers};
use crate::memory::{Peak, Training, peaks, trainings};
use crate::options::{FETCHED, PlannedJudging, PlannedWork};

/// A study as its config has it.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Where it would run.
    pub devices: DeviceSet,
    /// The devices as the config names them.
    pub device_names: String,
    /// GiB of memory of each device, where the config says it.
    pub device_memory: Option<f64>,
    /// The most memory that the stages of each kind need, in the order in which they run.
    pub peaks: Vec<Peak>,
    /// The arms: id and label.
    pub arms: Vec<(String, String)>,
    /// Stages by name, over all seeds; arms share those that are alike.
    pub stages: BTreeMap<&'static str, usize>,
    /// The models: what is fine-tuned, then the selector's where it is another.
    pub models: Vec<ModelPreview>,
    /// Rows of each set: read, or as many as the config asks for.
    pub rows: BTreeMap<String, Option<usize>>,
    /// Floating-point operations of all stages; `None` where rows or sizes are
    /// not known.
    pub flops: Option<f64>,
    /// Whether models and rows are here, so that the study's stages can be listed.
    pub is_here: bool,
    /// The judges that are models with what they do at most; judges of pairs, of tests whose rows are
    /// known.
    pub judging: Vec<PlannedJudging>,
    /// What this machine lacks, each with its remedy.
    pub missing: Vec<String>,
}

/// A model and the memory it asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPreview {
    /// Where it comes from.
    pub name: String,
    /// Number of weights.
    pub parameters: Option<u64>,
    /// Number of weights that are trained.
    pub trained: Option<u64>,
    /// Bytes of its largest training step: weights, gradients, moments and
    /// what is kept for the backward pass.
    pub memory: Option<u64>,
    /// Number format of its weights.
    pub format: WeightFormat,
    /// Longest row in tokens.
    pub context: Option<usize>,
    /// The fine-tuning that comes first, where the model is a folder with one.
    pub base: Option<BasePreview>,
}

/// The fine-tuning of a model folder to the base of the study.
#[derive(Clone, Debug, PartialEq)]
pub struct BasePreview {
    /// Rows, where they are known.
    pub rows: Option<usize>,
    /// Passes over the rows.
    pub epochs: usize,
    /// Number of weights that are trained.
    pub trained: Option<u64>,
    /// Bytes of its training step.
    pub memory: Option<u64>,
}

impl Preview {
    /// What must be here and is not: of [`Preview::missing`] all but the device, and what a run would
    /// fetch.
    pub fn lacking(&self) -> impl Iterator<Item = &str> {
        let missing = self.missing.iter().map(String::as_str);
        missing.filter(|text| !text.starts_with("device ") && !text.contains(FETCHED))
    }

    /// Reads config and plan, looks for models and files, and loads neither.
    ///
    /// # Errors
    /// A config or plan that cannot be used; a model, rows or the prompt of a judge that are here and
    /// cannot be used.
    pub fn of(source: &ConfigSource) -> Result<Self, StudyError> {
        let loaded = load(source)?;
        let all = arms(&loaded)?;
        let config = &loaded.config;
        let mut missing = Vec::new();
        let devices = config.device.set()?;
        if let Err(e) = devices.found_for(config.devices_per_stage) {
            // It begins with the device.
            missing.push(e.to_string());
        }
        let kernels = devices.kind().open().is_ok_and(|device| Kernels::of(&device).is_some());
        let lacks_device = missing.len();
        let (sft, selector) = trainings(config, kernels);
        let own = if config.proxy.is_some() { &sft } else { &selector };
        let mut sizes = vec![ModelSize::of(config, own, kernels, &mut missing)?];
        if config.proxy.is_some() {
            sizes.push(ModelSize::of(&config.of_selector(), &selector, kernels, &mut missing)?);
        }
        let rows = match &config.data {
            Some(data) => counted(config, data, &mut missing)?,
            None => BTreeMap::new(),
        };
        let of_base = rows.get("base").copied().flatten();
        for base in sizes.iter_mut().filter_map(|size| size.preview.base.as_mut()) {
            base.rows = of_base;
        }
        let seeds = config.study.seeds.len();
        // A judge whose prompt is not here does nothing yet.
        let judges = Judges::ahead(config, &mut missing)?;
        let stages = stage_counts(&all, seeds, &judges);
        Ok(Self {
            peaks: peaks(&all, &judges, &devices),
            devices,
            device_names: config.device.to_string(),
            device_memory: config.device_memory,
            arms: all.iter().map(|a| (a.id.clone(), a.label.clone())).collect(),
            judging: judging(config, &judges, &stages, &rows, seeds),
            stages,
            flops: flops(&all, &sizes, &rows, seeds),
            models: sizes.into_iter().map(|s| s.preview).collect(),
            rows,
            is_here: missing.len() == lacks_device,
            missing,
        })
    }
}

/// Bytes of the largest training step of `configs`, as [`Preview`] estimates it; `None` where one is not
/// known. On a device with memory of its own it is 0.
pub fn step_bytes<'a>(configs: impl Iterator<Item = &'a Config>) -> Option<u64> {
    configs.map(step_of).try_fold(0, |most, step| Some(most.max(step?)))
}

fn step_of(config: &Config) -> Option<u64> {
    let kind = config.device.set().ok()?.kind();
    if !kind.is_host() {
        return Some(0);
    }
    let kernels = kind.open().is_ok_and(|device| Kernels::of(&device).is_some());
    let (own, selector) = trainings(config, kernels);
    let mut missing = Vec::new();
    let mut bytes = |config: &Config, training: &Training<'_>| {
        // What cannot be used is said by the stage that reads it.
        ModelSize::of(config, training, kernels, &mut missing).ok()?.preview.memory
    };
    match &config.proxy {
        None => Some(bytes(config, &own)?.max(bytes(config, &selector)?)),
        Some(_) => Some(bytes(config, &own)?.max(bytes(&config.of_selector(), &selector)?)),
    }
}

/// What judges do at most. Their prompts are not read: nothing is said of money.
fn judging(
    config: &Config,
    judges: &Judges,
    stages: &BTreeMap<&'static str, usize>,
    rows: &BTreeMap<String, Option<usize>>,
    seeds: usize,
) -> Vec<PlannedJudging> {
    // A stage for each cell and judge.
    let cells =
        |stage: &str, judges: usize| stages.get(stage).copied().unwrap_or(0) / judges.max(1);
    let of_pairs = cells("pair-verdicts", judges.all().count());
    let of_answers = cells("assessments", judges.answers().count());
    let rows = |test: &str| rows.get(&format!("test.{test}")).copied().flatten();
    let tokens = config.generate.max_new_tokens;
    let without_cost = |mut planned: PlannedJudging| {
        if let PlannedWork::Asks { cost, .. } = &mut planned.work {
            *cost = None;
        }
        planned
    };
    let pairs = judges.all().filter_map(|(test, name, judge)| {
        let questions = PlannedQuestions { cells: of_pairs, references: (0..seeds).collect() };
        let prompts = vec![String::new(); rows(test)?];
        let judge = (judge, judges.chat(test, name));
        Some(without_cost(planned((test, name), judge, &questions, &prompts, tokens)))
    });
    let answers = judges.answers().map(|(test, name, judge)| {
        let prompts = rows(test).map(|rows| vec![String::new(); rows]);
        let place = (test, name);
        let judge = (judge, judges.chat(test, name));
        without_cost(planned_answers(place, judge, of_answers, prompts.as_deref(), tokens))
    });
    pairs.chain(answers).collect()
}

/// Operations of the fine-tuning of a model folder to a base, if a pass over a row takes `pass`.
fn of_base(size: &ModelSize, config: &Config, pass: f64) -> Option<f64> {
    let Some(base) = &size.preview.base else { return Some(0.0) };
    let lora = config.base.as_ref().and_then(|base| base.lora.as_ref());
    let share = 1.0 + Cost::backward_share(lora);
    Some(pass * share * base.rows? as f64 * base.epochs as f64)
}

/// Operations of all cells: 2 a weight and token forward, 4 more backward, of
/// which frozen weights need half.
fn flops(
    arms: &[Arm],
    sizes: &[ModelSize],
    rows: &BTreeMap<String, Option<usize>>,
    seeds: usize,
) -> Option<f64> {
    let count = |name: &str| rows.get(name).copied().flatten().map(|n| n as f64);
    let (data, safe) = (count("fine_tuning")?, count("safe")?);
    // Tests are a small part: one whose rows nobody has counted is left out.
    let tests = rows.iter().filter(|(name, _)| name.starts_with("test."));
    let tests: f64 = tests.filter_map(|(_, n)| n.map(|n| n as f64)).sum();
    let own = &sizes[0];
    let selector = sizes.last()?;
    let of_pass = |size: &ModelSize| Some(2.0 * size.parameters? * size.context? * ROW_SHARE);
    let (own, selector) = (of_pass(own)?, of_pass(selector)?);
    let train = |lora: Option<&LoraConfig>| 1.0 + Cost::backward_share(lora);
    // Arms share the bases, as far as they do not set them.
    let first = &arms.first()?.config;
    let mut all = selector * data;
    for (size, pass) in sizes.iter().zip([own, selector]) {
        all += of_base(size, first, pass)?;
    }
    for arm in arms {
        let c = &arm.config;
        let mut cell = own * tests * 2.0;
        if c.selection.method == Method::Selector {
            let step = safe.min(data) + data;
            let share = train(c.bilevel.lora.as_ref());
            cell += selector * share * step * c.bilevel.epochs as f64;
        }
        if c.selection.method != Method::None {
            let keep = if c.selection.method.ranks() { c.selection.keep } else { 1.0 };
            cell += own * train(c.sft.lora.as_ref()) * keep * data * c.sft.epochs as f64;
        }
        all += cell * seeds as f64;
    }
    Some(all)
}
