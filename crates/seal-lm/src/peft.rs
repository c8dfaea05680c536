//! The `adapter_config.json` of PEFT, read as PEFT 0.17 to 0.21 reads it.
//!
//! Every field is on one of three lists: it is read, it changes nothing that is
//! computed here, or it must be neutral (null, false, empty). A field on none of the
//! lists must be neutral too, so that a later variant of LoRA is refused by name and not
//! taken for the plain one.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::folder::WeightFiles;
use crate::lora::{ALL_LINEAR, is_name};
use crate::text::read_json;
use crate::{LmConfig, LmError, LoraConfig};

/// Fields that are read one by one.
const READ: [&str; 15] = [
    "peft_type",
    "task_type",
    "init_lora_weights",
    "r",
    "lora_alpha",
    "lora_dropout",
    "use_rslora",
    "rank_pattern",
    "alpha_pattern",
    "target_modules",
    "layers_to_transform",
    "layers_pattern",
    "exclude_modules",
    "bias",
    "base_model_name_or_path",
];

/// Fields that change nothing for an adapter whose other fields are neutral. PEFT itself
/// ignores `fan_in_fan_out` on layers of these families, and the settings of an
/// initialisation that is not chosen.
const WITHOUT_EFFECT: [&str; 14] = [
    "auto_mapping",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "fan_in_fan_out",
    "inference_mode",
    "loftq_config",
    "lora_ga_config",
    "megatron_core",
    "parent_library",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
];

/// Initialisations after which the weights of the base are as they were.
const PLAIN_STARTS: [&str; 2] = ["gaussian", "orthogonal"];

/// Default of PEFT for `r` and `lora_alpha`.
const DEFAULT: u64 = 8;

/// Names of the files of an adapter folder.
pub struct AdapterFiles;

impl AdapterFiles {
    /// The tensors.
    pub const WEIGHTS: &str = "adapter_model.safetensors";
    /// The settings.
    pub const CONFIG: &str = "adapter_config.json";
    /// The tensors as older versions of PEFT save them, which is not read.
    pub const PICKLE: &str = "adapter_model.bin";
    /// The model card.
    pub const CARD: &str = "README.md";
}

/// What an `adapter_config.json` says.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterSettings {
    /// Rank, scale and layers.
    pub lora: LoraConfig,
    /// Name or path of the model that the adapter belongs to.
    pub base: Option<String>,
}

impl AdapterSettings {
    /// The names in `target_modules` that no layer of a model of shape `config` has. PEFT
    /// ignores them where others match, and so does [`crate::load_adapter`].
    pub fn unmatched(&self, config: &LmConfig) -> Vec<&str> {
        self.lora.unmatched(config)
    }
}

/// Settings of the adapter in `dir`, as PEFT or [`crate::save_adapter`] wrote them. Layers may be
/// named that a model does not have; where `target_modules` is a pattern, they are those
/// that the file has tensors of.
///
/// # Errors
/// A file that is missing or malformed, or a variant of LoRA other than the
/// plain one.
pub fn read_adapter_settings(dir: &Path) -> Result<AdapterSettings, LmError> {
    let path = dir.join(AdapterFiles::CONFIG);
    let json = read_json(&path)?;
    let f = PeftFields::of(&json, &path)?;
    f.refuse_variants()?;
    let lora = LoraConfig {
        r: f.whole("r")?,
        lora_alpha: f.number("lora_alpha", DEFAULT as f64)?,
        lora_dropout: f.number("lora_dropout", 0.0)?,
        target_modules: f.targets(dir)?,
        use_rslora: f.flag("use_rslora")?,
        // Where only some blocks are adapted, the targets above are whole paths.
        layers_to_transform: Vec::new(),
        rank_pattern: f.pattern("rank_pattern", |value| {
            value.as_u64().and_then(|r| usize::try_from(r).ok())
        })?,
        alpha_pattern: f.pattern("alpha_pattern", Value::as_f64)?,
    };
    lora.validate_numbers().map_err(|e| LmError::format(&path, e))?;
    let base = match f.get("base_model_name_or_path") {
        None => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => return Err(f.refuse("base_model_name_or_path", "a text is wanted")),
    };
    Ok(AdapterSettings { lora, base })
}

struct PeftFields<'a> {
    table: &'a Map<String, Value>,
    path: &'a Path,
}

impl<'a> PeftFields<'a> {
    fn of(json: &'a Value, path: &'a Path) -> Result<Self, LmError> {
        match json.as_object() {
            Some(table) => Ok(Self { table, path }),
            None => {
                Err(LmError::Format { path: path.into(), reason: "no table of settings".into() })
            }
        }
    }

    /// The setting, unless it is absent or null.
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key).filter(|value| !value.is_null())
    }

    fn refuse(&self, key: &str, reason: &str) -> LmError {
        const SHOWN: usize = 80;
        let value = self.table.get(key).map_or("absent".to_owned(), Value::to_string);
        let cut: String = value.chars().take(SHOWN).collect();
        let value = if cut.len() < value.len() { format!("{cut}..") } else { value };
        LmError::Setting {
            path: self.path.into(),
            setting: key.into(),
            value,
            reason: reason.into(),
        }
    }

    fn refuse_variants(&self) -> Result<(), LmError> {
        if self.get("peft_type") != Some(&Value::from("LORA")) {
            return Err(self.refuse("peft_type", "\"LORA\" is wanted"));
        }
        if self.get("task_type").is_some_and(|task| task != "CAUSAL_LM") {
            let reason = "\"CAUSAL_LM\" is wanted: other tasks have other output layers";
            return Err(self.refuse("task_type", reason));
        }
        match self.get("init_lora_weights") {
            None | Some(Value::Bool(_)) => {}
            Some(Value::String(name))
                if PLAIN_STARTS.contains(&name.to_ascii_lowercase().as_str()) => {}
            Some(_) => {
                let reason = "this start changes the weights of the base or the ranks of layers, \
                              and the adapter alone does not say how; known are true, false, \
                              \"gaussian\", \"orthogonal\". Convert it to plain LoRA with PEFT \
                              (save_pretrained with path_initial_model_for_weight_conversion)";
                return Err(self.refuse("init_lora_weights", reason));
            }
        }
        if self.get("bias").is_some_and(|bias| bias != "none") {
            return Err(self.refuse("bias", "\"none\" is wanted: biases are not adapted here"));
        }
        for (key, value) in self.table {
            let known = READ.contains(&key.as_str()) || WITHOUT_EFFECT.contains(&key.as_str());
            if !known && !is_neutral(value) {
                return Err(self.refuse(key, "not plain LoRA, which alone is read; merge the adapter into its model with PEFT (merge_and_unload) and use that folder"));
            }
        }
        Ok(())
    }

    fn whole(&self, key: &str) -> Result<usize, LmError> {
        let value = match self.get(key) {
            None => Some(DEFAULT),
            Some(value) => value.as_u64(),
        };
        value
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| self.refuse(key, "a whole number is wanted"))
    }

    fn number(&self, key: &str, default: f64) -> Result<f64, LmError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| self.refuse(key, "a number is wanted")),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, LmError> {
        let value = self.get(key).map_or(Some(false), Value::as_bool);
        value.ok_or_else(|| self.refuse(key, "true or false is wanted"))
    }

    /// A number for each of some layers.
    fn pattern<T>(
        &self,
        key: &str,
        number: impl Fn(&Value) -> Option<T>,
    ) -> Result<BTreeMap<String, T>, LmError> {
        let wanted = || self.refuse(key, "a number for each name is wanted");
        match self.get(key) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(table)) if !table.keys().all(|name| is_name(name)) => {
                Err(self.refuse(key, "a regular expression; names of layers are read alone"))
            }
            Some(Value::Object(table)) => table
                .iter()
                .map(|(name, value)| Ok((name.clone(), number(value).ok_or_else(wanted)?)))
                .collect(),
            Some(_) => Err(wanted()),
        }
    }

    fn targets(&self, dir: &Path) -> Result<Vec<String>, LmError> {
        const KEY: &str = "target_modules";
        let wanted = || self.refuse(KEY, "a list of names, a pattern or \"all-linear\" is wanted");
        let narrowed = ["layers_to_transform", "layers_pattern", "exclude_modules"];
        let is_narrowed = !narrowed.iter().all(|key| self.get(key).is_none_or(is_neutral));
        match self.get(KEY) {
            Some(Value::String(name)) if name.eq_ignore_ascii_case(ALL_LINEAR) && !is_narrowed => {
                Ok(vec![ALL_LINEAR.to_owned()])
            }
            // A pattern of Python's. The tensors say which layers it met.
            Some(Value::String(_)) => layers_with_tensors(dir),
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                let names = names.collect::<Option<Vec<_>>>().ok_or_else(wanted)?;
                match is_narrowed {
                    false => Ok(names),
                    // Which layers are left, the tensors say.
                    true => layers_with_tensors(dir),
                }
            }
            _ => Err(wanted()),
        }
    }
}

fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(table) => table.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Paths of the layers that the adapter in `dir` has tensors of.
fn layers_with_tensors(dir: &Path) -> Result<Vec<String>, LmError> {
    let folder = WeightFiles::of_file(&dir.join(AdapterFiles::WEIGHTS))?;
    let layer = |name: &str| {
        let name = name.strip_prefix("base_model.model.")?.strip_suffix(".lora_A.weight")?;
        Some(name.to_owned())
    };
    Ok(folder.names().filter_map(layer).collect())
}
