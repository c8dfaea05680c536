//! Settings of adapters, named as PEFT names them.

use std::collections::BTreeMap;

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
    /// The side path is scaled by `lora_alpha / r`, or as `use_rslora` says.
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
    /// Whether the side path is scaled by `lora_alpha / sqrt(r)` (Kalajdzievski 2023).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub use_rslora: bool,
    /// Blocks that get an adapter, from 0; all unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers_to_transform: Vec<usize>,
    /// Ranks of single layers, named as in `target_modules`; `r` holds for the others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rank_pattern: BTreeMap<String, usize>,
    /// The same of `lora_alpha`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alpha_pattern: BTreeMap<String, f64>,
}

impl Default for LoraConfig {
    /// PEFT's: rank 8 and alpha 8. They name no layer.
    fn default() -> Self {
        Self {
            r: 8,
            lora_alpha: 8.0,
            lora_dropout: 0.0,
            target_modules: Vec::new(),
            use_rslora: false,
            layers_to_transform: Vec::new(),
            rank_pattern: BTreeMap::new(),
            alpha_pattern: BTreeMap::new(),
        }
    }
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
    /// Whether the layer at `path`, or of that name, gets an adapter. As in PEFT, a target that is the
    /// whole path counts in every block.
    pub fn targets(&self, path: &str) -> bool {
        let is_in = match block_of(path) {
            Some(block) if !self.layers_to_transform.is_empty() => {
                self.layers_to_transform.contains(&block)
            }
            // A name alone is that of a layer of every block.
            _ => true,
        };
        let is_named = |target: &String| {
            target == path || is_in && (target == ALL_LINEAR || is_end(target, path))
        };
        self.target_modules.iter().any(is_named)
    }

    /// Rank of the adapter on the layer at `path`.
    pub fn rank_of(&self, path: &str) -> usize {
        value_at(&self.rank_pattern, path).copied().unwrap_or(self.r)
    }

    /// What the side path of the layer at `path` is multiplied by.
    pub fn scale_of(&self, path: &str) -> f64 {
        let alpha = value_at(&self.alpha_pattern, path).copied().unwrap_or(self.lora_alpha);
        self.scale(alpha, self.rank_of(path))
    }

    fn scale(&self, alpha: f64, rank: usize) -> f64 {
        match self.use_rslora {
            true => alpha / (rank as f64).sqrt(),
            false => alpha / rank as f64,
        }
    }

    /// The largest rank of a layer.
    pub fn largest_rank(&self) -> usize {
        self.rank_pattern.values().copied().fold(self.r, usize::max)
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
        let ranks = self.rank_pattern.values().map(|r| ("rank_pattern", *r));
        for (key, r) in std::iter::once(("r", self.r)).chain(ranks) {
            if r == 0 || r > MAX_RANK {
                return Err(SettingError::range(key, format!("from 1 to {MAX_RANK}"), r as f64));
            }
        }
        let alphas = self.alpha_pattern.values().map(|alpha| ("alpha_pattern", *alpha));
        for (key, alpha) in std::iter::once(("lora_alpha", self.lora_alpha)).chain(alphas) {
            if !(alpha.is_finite() && alpha > 0.0) {
                return Err(SettingError::range(key, "above 0", alpha));
            }
            // What tensors are multiplied by is an f32.
            let fits = |r: usize| (self.scale(alpha, r) as f32).is_normal();
            if !(fits(self.r) && self.rank_pattern.values().all(|r| fits(*r))) {
                return Err(SettingError::range(key, "a scale that f32 holds", alpha));
            }
        }
        for (key, name) in self.pattern_keys() {
            if !is_name(name) {
                return Err(SettingError::PatternKey { key, name: name.to_owned() });
            }
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

    /// These settings with the targets alone that the model has, and with the keys of patterns that
    /// name an adapted layer: PEFT ignores the others.
    ///
    /// # Errors
    /// No such target.
    pub(crate) fn matched(&self, config: &LmConfig) -> Result<Self, SettingError> {
        let misses = self.unmatched(config);
        let kept = self.target_modules.iter().filter(|t| !misses.contains(&t.as_str()));
        let target_modules: Vec<String> = kept.cloned().collect();
        if target_modules.is_empty() {
            return Err(no_layer(&misses.join("`, `"), config));
        }
        let mut kept = Self { target_modules, ..self.clone() };
        let adapted = kept.adapted(config);
        let named = |name: &String| adapted.iter().any(|path| is_end(name, path));
        kept.rank_pattern.retain(|name, _| named(name));
        kept.alpha_pattern.retain(|name, _| named(name));
        Ok(kept)
    }

    /// As [`LoraConfig::validate`], for a model of shape `config`.
    ///
    /// # Errors
    /// The same; a target that this model has no layer for, a block that it does not have, no layer
    /// that is left, a key of a pattern that names no adapted layer, and a layer that two keys of a
    /// pattern name: PEFT takes the first of them, and tables here have no order.
    pub fn validate_for(&self, config: &LmConfig) -> Result<(), SettingError> {
        self.validate()?;
        if let Some(target) = self.unmatched(config).first() {
            return Err(no_layer(target, config));
        }
        let blocks = config.num_hidden_layers;
        if let Some(block) = self.layers_to_transform.iter().find(|block| **block >= blocks) {
            return Err(SettingError::NoBlock { block: *block, blocks });
        }
        let adapted = self.adapted(config);
        if adapted.is_empty() {
            return Err(SettingError::NoTargets);
        }
        let named = |name: &str| adapted.iter().any(|path| is_end(name, path));
        if let Some((key, name)) = self.pattern_keys().find(|(_, name)| !named(name)) {
            return Err(SettingError::UnusedPattern { key, name: name.to_owned() });
        }
        for path in &adapted {
            for key in [RANKS, ALPHAS] {
                let names =
                    self.pattern_keys().filter(|(of, name)| *of == key && is_end(name, path));
                let names: Vec<&str> = names.map(|(_, name)| name).collect();
                if let [first, second, ..] = names.as_slice() {
                    let (first, second) = ((*first).to_owned(), (*second).to_owned());
                    return Err(SettingError::TwoPatterns { key, first, second });
                }
            }
        }
        Ok(())
    }

    /// Paths of the layers of a model of shape `config` that get an adapter.
    fn adapted(&self, config: &LmConfig) -> Vec<String> {
        families::plan(config).linear_paths().filter(|path| self.targets(path)).collect()
    }

    /// The keys of both patterns, with the name of the pattern.
    fn pattern_keys(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ranks = self.rank_pattern.keys().map(|name| (RANKS, name.as_str()));
        ranks.chain(self.alpha_pattern.keys().map(|name| (ALPHAS, name.as_str())))
    }
}

const RANKS: &str = "rank_pattern";
const ALPHAS: &str = "alpha_pattern";

/// The value of a pattern for the layer at `path`.
fn value_at<'a, T>(pattern: &'a BTreeMap<String, T>, path: &str) -> Option<&'a T> {
    pattern.iter().find(|(name, _)| is_end(name, path)).map(|(_, value)| value)
}

/// Whether a key of a pattern is a name, which as a regular expression means itself.
pub(crate) fn is_name(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b))
}

/// Number of the block of a layer: the first number among the parts of its path.
fn block_of(path: &str) -> Option<usize> {
    path.split('.').find_map(|part| part.parse().ok())
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
