//! The most memory that the stages of a study need on a device.

mod sizes;
mod training;

use std::collections::BTreeMap;

use seal_device::{DeviceSet, Kernels};
use serde_json::json;

pub(crate) use self::sizes::Sizes;
pub(crate) use self::training::{Training, base_training, trainings};
use crate::arm::Arm;
use crate::config::{Config, Method};
use crate::judging::Judges;
use crate::stages::SCORED_ROWS;

/// The most memory that a stage of one kind needs, over all arms.
#[derive(Clone, Debug, PartialEq)]
pub struct Peak {
    /// The kind of stage.
    pub stage: &'static str,
    /// Bytes, about; `None` where the model's size is not known.
    pub bytes: Option<u64>,
    /// The arm, or the section of the judge, whose stage it is.
    pub of: String,
}

/// The peaks of the stages that compute with a model, in the order in which they run. A stage of a model
/// whose size is not known comes before every other of its kind.
pub(crate) fn peaks(arms: &[Arm], judges: &Judges, devices: &DeviceSet) -> Vec<Peak> {
    let mut all: Vec<Peak> = Vec::new();
    for peak in each(arms, judges, devices) {
        let bytes = peak.bytes;
        match all.iter_mut().find(|largest| largest.stage == peak.stage) {
            None => all.push(peak),
            // Nothing is more than what is not known.
            Some(largest) if largest.bytes.is_some_and(|most| bytes.is_none_or(|b| b > most)) => {
                *largest = peak;
            }
            Some(_) => {}
        }
    }
    let place = |peak: &Peak| ORDER.iter().position(|stage| *stage == peak.stage);
    all.sort_by_key(place);
    all
}

/// The memory of the stages of each arm and judge that compute with a model.
pub(crate) fn each(arms: &[Arm], judges: &Judges, devices: &DeviceSet) -> Vec<Peak> {
    let kernels = devices.kind().open().is_ok_and(|device| Kernels::of(&device).is_some());
    let mut known = Known::default();
    let mut all: Vec<Peak> = Vec::new();
    let mut add = |stage: &'static str, bytes: Option<u64>, of: &str| {
        all.push(Peak { stage, bytes, of: of.to_owned() });
    };
    for arm in arms {
        let selects = arm.config.selection.method == Method::Selector;
        let proxy = arm.proxy.as_ref().filter(|_| selects);
        for (stage, bytes) in of_arm(&arm.config, proxy, kernels, &mut known) {
            add(stage, bytes, &arm.id);
        }
    }
    for (stage, section, bytes) in judges.memory() {
        add(stage, bytes, &section);
    }
    all
}

/// The stages that compute with a model.
const ORDER: [&str; 8] =
    ["base", "scores", "selector", "sft", "answers", "base-nll", "assessments", "pair-verdicts"];

/// Models that were looked at, by their settings: arms share most of them.
#[derive(Default)]
struct Known(BTreeMap<String, Option<std::rc::Rc<Sizes>>>);

impl Known {
    fn sizes(&mut self, config: &Config) -> Option<std::rc::Rc<Sizes>> {
        let settings = json!([config.model, config.tokenizer]).to_string();
        // What cannot be used is said by the stage that reads it.
        let look = || Sizes::of(config, &mut Vec::new()).ok().map(|(_, sizes)| sizes.into());
        self.0.entry(settings).or_insert_with(look).clone()
    }
}

/// The stages of an arm with the bytes of each. `proxy` is the config of its selector, where that has a
/// model of its own.
fn of_arm(
    own: &Config,
    proxy: Option<&Config>,
    kernels: bool,
    known: &mut Known,
) -> Vec<(&'static str, Option<u64>)> {
    let of_selector = proxy.unwrap_or(own);
    let (method, mut all) = (own.selection.method, Vec::new());
    let (model, selector) = (known.sizes(own), known.sizes(of_selector));
    let (format, of_other) = (own.model.dtype(), of_selector.model.dtype());
    for (config, sizes) in [(own, &model), (of_selector, &selector)] {
        // A folder without training is read by the stages that follow.
        if let Some(training) = &config.base {
            let training = base_training(training, kernels, config.devices_per_stage);
            let step = |sizes: &Sizes| sizes.memory(&training, config.model.dtype());
            all.push(("base", sizes.as_deref().and_then(step)));
        }
    }
    let (selector_training, sft_training) = {
        let (sft, _) = trainings(own, kernels);
        let (_, selector) = trainings(of_selector, kernels);
        (selector, sft)
    };
    if matches!(method, Method::Selector | Method::FrozenLoss) {
        let pass = |sizes: &Sizes| sizes.forward(SCORED_ROWS, of_other);
        all.push(("scores", selector.as_deref().and_then(pass)));
    }
    if method == Method::Selector {
        let step = |sizes: &Sizes| sizes.memory(&selector_training, of_other);
        all.push(("selector", selector.as_deref().and_then(step)));
    }
    if method != Method::None {
        let step = |sizes: &Sizes| sizes.memory(&sft_training, format);
        all.push(("sft", model.as_deref().and_then(step)));
    }
    let answers = |sizes: &Sizes| sizes.generation(own.generate.batch, kernels, format);
    all.push(("answers", model.as_deref().and_then(answers)));
    if own.coherence.base_nll {
        let pass = |sizes: &Sizes| sizes.forward(SCORED_ROWS, format);
        all.push(("base-nll", model.as_deref().and_then(pass)));
    }
    all
}
