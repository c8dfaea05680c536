//! Settings of adapters, named as PEFT names them.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{LmConfig, ModelType, family};

/// Linear layers of a Llama that an adapter can be put on, by their Hugging
/// Face names; [`ModelType::linear_names`] has those of the other families.
pub const LINEAR_NAMES: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

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
    pub fn validate(&self) -> Result<(), String> {
        self.validate_numbers()?;
        let names = || ModelType::ALL.into_iter().flat_map(|family| family.linear_names());
        for target in &self.target_modules {
            let last = target.rsplit('.').next().unwrap_or(target);
            if target != ALL_LINEAR && !names().any(|name| *name == last) {
                let known: Vec<String> = ModelType::ALL.into_iter().map(describe).collect();
                return Err(format!(
                    "target_modules: unknown layer `{target}`; known are {ALL_LINEAR}, {}",
                    known.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// As [`LoraConfig::validate`], whatever the layers are called.
    pub(crate) fn validate_numbers(&self) -> Result<(), String> {
        if self.r == 0 || self.r > MAX_RANK {
            return Err(format!("r must be from 1 to {MAX_RANK}, is {}", self.r));
        }
        if !(self.lora_alpha.is_finite() && self.lora_alpha > 0.0) {
            return Err(format!("lora_alpha must be above 0, is {}", self.lora_alpha));
        }
        // What tensors are multiplied by is an f32.
        if !((self.lora_alpha / self.r as f64) as f32).is_normal() {
            return Err(format!(
                "lora_alpha must be a scale that f32 holds, is {:e}",
                self.lora_alpha
            ));
        }
        if !(0.0..1.0).contains(&self.lora_dropout) {
            return Err(format!("lora_dropout must be in [0, 1), is {}", self.lora_dropout));
        }
        if self.target_modules.is_empty() {
            return Err("target_modules must name at least one layer".to_owned());
        }
        Ok(())
    }

    /// The targets that no layer of a model of shape `config` has.
    pub(crate) fn unmatched(&self, config: &LmConfig) -> Vec<&str> {
        let paths = family::linear_paths(config);
        let misses =
            |target: &&str| *target != ALL_LINEAR && !paths.iter().any(|path| is_end(target, path));
        self.target_modules.iter().map(String::as_str).filter(misses).collect()
    }

    /// These settings with the targets alone that the model has.
    ///
    /// # Errors
    /// No such target.
    pub(crate) fn matched(&self, config: &LmConfig) -> Result<Self, String> {
        let misses = self.unmatched(config);
        let kept = self.target_modules.iter().filter(|t| !misses.contains(&t.as_str()));
        let target_modules: Vec<String> = kept.cloned().collect();
        match target_modules.is_empty() {
            true => Err(no_layer(&misses.join("`, `"), config)),
            false => Ok(Self { target_modules, ..self.clone() }),
        }
    }

    /// Number of weights of the adapters on a model of shape `config`: `r (in + out)` for
    /// each layer that gets one.
    pub fn weights_on(&self, config: &LmConfig) -> usize {
        let at = config.architecture.model_type.names().layers;
        let linears = family::linears(config);
        let of_block = |i: usize| {
            let gets = |l: &&family::LinearSpec| self.targets(&format!("{at}.{i}.{}", l.name));
            linears.iter().filter(gets).map(|l| self.r * (l.shape[0] + l.shape[1])).sum::<usize>()
        };
        (0..config.num_hidden_layers).map(of_block).sum()
    }

    /// As [`LoraConfig::validate`], for a model of shape `config`.
    ///
    /// # Errors
    /// The same, and a target that this model has no layer for.
    pub fn validate_for(&self, config: &LmConfig) -> Result<(), String> {
        self.validate()?;
        match self.unmatched(config).first() {
            None => Ok(()),
            Some(target) => Err(no_layer(target, config)),
        }
    }
}

fn no_layer(target: &str, config: &LmConfig) -> String {
    format!(
        "target_modules: no layer `{target}` in this model of {} blocks; known are \
         {ALL_LINEAR}, {}",
        config.num_hidden_layers,
        describe(config.architecture.model_type)
    )
}

fn describe(family: ModelType) -> String {
    format!("{} ({})", family.linear_names().join(", "), family.name())
}

/// Whether `target` is `path` or its last parts, as PEFT matches names.
fn is_end(target: &str, path: &str) -> bool {
    path.strip_suffix(target).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{Architecture, Lm};

    #[test]
    fn weights_are_counted_as_they_are_made() {
        for model_type in ModelType::ALL {
            let neox = model_type == ModelType::GptNeox;
            let config = LmConfig {
                vocab_size: 11,
                hidden_size: 12,
                num_hidden_layers: 2,
                num_attention_heads: 6,
                num_key_value_heads: if neox { 6 } else { 3 },
                intermediate_size: 20,
                max_position_embeddings: 8,
                rope_theta: 1e4,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: false,
                initializer_range: 0.02,
                architecture: Architecture {
                    model_type,
                    attention_bias: neox,
                    mlp_bias: neox,
                    ..Architecture::default()
                },
            };
            let model = Lm::init(&config, 0, &Device::flex().autodiff()).unwrap();
            let names = model_type.linear_names();
            let layers = model_type.names().layers;
            let first = format!("{layers}.1.{}", family::linears(&config)[0].name);
            for targets in [&["all-linear"][..], &names[..1], &names[1..], &[&first]] {
                let target_modules = targets.iter().map(|name| (*name).to_owned()).collect();
                let lora = LoraConfig { r: 3, lora_alpha: 6.0, lora_dropout: 0.0, target_modules };
                let adapted = model.clone().with_lora(&lora, 0).unwrap();
                assert_eq!(lora.weights_on(&config), adapted.trained_weights(), "{targets:?}");
            }
        }
    }
}
