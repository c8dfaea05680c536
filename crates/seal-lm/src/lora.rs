//! Settings of adapters, named as PEFT names them.

use serde::{Deserialize, Deserializer, Serialize};

use crate::setting::SettingError;
use crate::{LmConfig, ModelType, families};

/// Largest rank: no layer of a known model is wider.
const MAX_RANK: usize = 1 << 16;

/// Stands for every linear layer but the output layer.
pub(crate) const ALL_LINEAR: &str = "all-linear";

/// A low-rank adapter (Hu et al. 2021); field names follow PEFT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraConfig {
    /// Rank.
    pub r: usize,
    /// The side path is scaled by `lora_alpha / r`.
    pub lora_alpha: f64,
    /// Share of the side path's inputs that are dropped in training.
    #[serde(default)]
    pub lora_dropout: f64,
    /// Layers that get an adapter: the last part of a layer's path, its last
    /// parts or all of it (`q_proj`, `mlp.up_proj`,
    /// `model.layers.0.mlp.up_proj`), or `all-linear`. One name may stand alone,
    /// as PEFT writes it.
    #[serde(deserialize_with = "one_or_more")]
    pub target_modules: Vec<String>,
}

/// A list of names, or one name.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "target_modules is a list of names, or \"all-linear\"")]
    enum Names {
        One(String),
        More(Vec<String>),
    }
    Ok(match Names::deserialize(deserializer)? {
        Names::One(name) => vec![name],
        Names::More(names) => names,
    })
}

impl LoraConfig {
    /// Whether the layer at `path`, or of that name, gets an adapter.
    pub fn targets(&self, path: &str) -> bool {
        self.target_modules.iter().any(|target| target == ALL_LINEAR || is_end(target, path))
    }

    /// Says what is wrong, if anything, whatever model the adapter is for.
    ///
    /// # Errors
    /// Rank 0 or one above 2^16, a scale that is no f32, a dropout outside [0, 1), or a
    /// layer that no family has.
    pub fn validate(&self) -> Result<(), SettingError> {
        self.validate_numbers()?;
        let names = || ModelType::ALL.into_iter().flat_map(|family| family.linear_names());
        for target in &self.target_modules {
            let last = target.rsplit('.').next().unwrap_or(target);
            if target != ALL_LINEAR && !names().any(|name| *name == last) {
                let known = format!("{ALL_LINEAR}, {}", describe_all().join(", "));
                return Err(SettingError::UnknownTarget { target: target.clone(), known });
            }
        }
        Ok(())
    }

    /// As [`LoraConfig::validate`], whatever the layers are called.
    pub(crate) fn validate_numbers(&self) -> Result<(), SettingError> {
        if self.r == 0 || self.r > MAX_RANK {
            return Err(SettingError::range("r", format!("from 1 to {MAX_RANK}"), self.r as f64));
        }
        let alpha = self.lora_alpha;
        if !(alpha.is_finite() && alpha > 0.0) {
            return Err(SettingError::range("lora_alpha", "above 0", alpha));
        }
        // What tensors are multiplied by is an f32.
        if !((alpha / self.r as f64) as f32).is_normal() {
            return Err(SettingError::range("lora_alpha", "a scale that f32 holds", alpha));
        }
        if !(0.0..1.0).contains(&self.lora_dropout) {
            return Err(SettingError::range("lora_dropout", "in [0, 1)", self.lora_dropout));
        }
        match self.target_modules.is_empty() {
            true => Err(SettingError::NoTargets),
            false => Ok(()),
        }
    }

    /// The targets that no layer of a model of shape `config` has.
    pub(crate) fn unmatched(&self, config: &LmConfig) -> Vec<&str> {
        let paths: Vec<String> = families::plan(config).linear_paths().collect();
        let misses =
            |target: &&str| *target != ALL_LINEAR && !paths.iter().any(|path| is_end(target, path));
        self.target_modules.iter().map(String::as_str).filter(misses).collect()
    }

    /// These settings with the targets alone that the model has.
    ///
    /// # Errors
    /// No such target.
    pub(crate) fn matched(&self, config: &LmConfig) -> Result<Self, SettingError> {
        let misses = self.unmatched(config);
        let kept = self.target_modules.iter().filter(|t| !misses.contains(&t.as_str()));
        let target_modules: Vec<String> = kept.cloned().collect();
        match target_modules.is_empty() {
            true => Err(no_layer(&misses.join("`, `"), config)),
            false => Ok(Self { target_modules, ..self.clone() }),
        }
    }

    /// As [`LoraConfig::validate`], for a model of shape `config`.
    ///
    /// # Errors
    /// The same, and a target that this model has no layer for.
    pub fn validate_for(&self, config: &LmConfig) -> Result<(), SettingError> {
        self.validate()?;
        match self.unmatched(config).first() {
            None => Ok(()),
            Some(target) => Err(no_layer(target, config)),
        }
    }
}

fn no_layer(target: &str, config: &LmConfig) -> SettingError {
    SettingError::AbsentTarget {
        target: target.to_owned(),
        layers: config.num_hidden_layers,
        known: format!("{ALL_LINEAR}, {}", describe(config.architecture.model_type)),
    }
}

fn describe(family: ModelType) -> String {
    format!("{} ({})", family.linear_names().join(", "), family.name())
}

/// The layers of every family; families with the same ones are told together.
fn describe_all() -> Vec<String> {
    let mut known: Vec<(&[&str], Vec<&str>)> = Vec::new();
    for family in ModelType::ALL {
        let names = family.linear_names();
        match known.iter_mut().find(|(other, _)| *other == names) {
            Some((_, families)) => families.push(family.name()),
            None => known.push((names, vec![family.name()])),
        }
    }
    let told = |(names, families): &(&[&str], Vec<&str>)| {
        format!("{} ({})", names.join(", "), families.join(", "))
    };
    known.iter().map(told).collect()
}

/// Whether `target` is `path` or its last parts, as PEFT matches names.
fn is_end(target: &str, path: &str) -> bool {
    path.strip_suffix(target).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
