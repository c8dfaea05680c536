//! Adapters in the format of PEFT: `adapter_config.json` and
//! `adapter_model.safetensors`, with a model card beside them.

use std::path::Path;

use burn::module::Param;
use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::init::parameter;
use crate::lora::ALL_LINEAR;
use crate::model::adapter_name;
use crate::save::{ToWrite, write_json, write_safetensors};
use crate::{Lm, LmError, LoraConfig};

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

/// Writes the adapters of `model` into `dir`; `base` is recorded as the name or
/// path of the model they belong to, where PEFT looks for it.
///
/// # Errors
/// A file that cannot be written.
pub fn save_adapter(
    model: &Lm,
    config: &LoraConfig,
    base: &str,
    dir: &Path,
) -> Result<(), LmError> {
    let tensors = model.adapter_tensors().into_iter();
    let tensors = tensors.map(|(name, stored)| (name, ToWrite::Parameter(stored))).collect();
    write_safetensors(tensors, &dir.join(AdapterFiles::WEIGHTS))?;
    let targets = match config.target_modules.iter().any(|t| t == ALL_LINEAR) {
        true => json!(ALL_LINEAR),
        false => json!(config.target_modules),
    };
    let json = json!({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base,
        "r": config.r, "lora_alpha": config.lora_alpha, "lora_dropout": config.lora_dropout,
        "target_modules": targets, "bias": "none", "fan_in_fan_out": false,
        "inference_mode": true,
    });
    write_json(&json, &dir.join(AdapterFiles::CONFIG))?;
    let path = dir.join(AdapterFiles::CARD);
    std::fs::write(&path, card(config, base)).map_err(LmError::io(path))
}

/// Short card with the header that model hubs read.
fn card(config: &LoraConfig, base: &str) -> String {
    // JSON text is YAML text, whatever signs the name holds.
    let quoted = json!(base);
    format!(
        "---\nbase_model: {quoted}\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n\
         - lora\n---\n\nLoRA adapter for `{base}`: rank {}, alpha {}, on {}.\n\n\
         ```python\nfrom peft import AutoPeftModelForCausalLM\n\n\
         model = AutoPeftModelForCausalLM.from_pretrained(\"THIS_FOLDER\")\n```\n",
        config.r,
        config.lora_alpha,
        config.target_modules.join(", "),
    )
}

/// Puts the adapters of `dir` on `model`, whose weights are frozen.
///
/// # Errors
/// A file that is missing or malformed, settings that are not those of
/// `config`, a tensor of another shape, or one on a layer that `config` does
/// not target.
pub fn load_adapter(model: Lm, config: &LoraConfig, dir: &Path) -> Result<Lm, LmError> {
    check_settings(config, &dir.join(AdapterFiles::CONFIG))?;
    let path = dir.join(AdapterFiles::WEIGHTS);
    let mut folder = Folder::of_file(&path)?;
    let mut model = model.with_lora(config, 0)?;
    let at = model.config().architecture.model_type.names().layers;
    for (i, block) in model.layers.iter_mut().enumerate() {
        for (name, linear) in block.linears_mut() {
            if let Some(lora) = &mut linear.lora {
                let name = format!("{at}.{i}.{name}");
                fill(&mut lora.a, &adapter_name(&name, "A"), &mut folder)?;
                fill(&mut lora.b, &adapter_name(&name, "B"), &mut folder)?;
            }
        }
    }
    let expected: Vec<String> = model.adapter_tensors().into_iter().map(|(name, _)| name).collect();
    let unused: Vec<&str> =
        folder.names().filter(|name| !expected.iter().any(|known| known == name)).collect();
    match unused.first() {
        None => Ok(model),
        Some(first) => Err(LmError::Format {
            path,
            reason: format!(
                "holds {} tensors that the model has no place for, such as `{first}`: does the \
                 config describe this model?",
                unused.len()
            ),
        }),
    }
}

/// Replaces a factor by the tensor `name`, of which the file holds the
/// transpose.
fn fill(param: &mut Param<Tensor<2>>, name: &str, folder: &mut Folder) -> Result<(), LmError> {
    let old = param.val();
    let [a, b] = old.dims();
    let values = folder.file(name).read_turned(name, [b, a])?;
    *param = parameter(values, [a, b], &old.device());
    Ok(())
}

fn read_json(path: &Path) -> Result<Value, LmError> {
    let text = std::fs::read_to_string(path).map_err(LmError::io(path))?;
    serde_json::from_str(&text)
        .map_err(|e| LmError::Format { path: path.into(), reason: e.to_string() })
}

/// Settings of the adapter in `dir`, as PEFT or [`save_adapter`] wrote them.
///
/// # Errors
/// A file that is missing or malformed, or a variant of LoRA other than the
/// plain one.
pub fn read_adapter_settings(dir: &Path) -> Result<AdapterSettings, LmError> {
    let path = dir.join(AdapterFiles::CONFIG);
    let json = read_json(&path)?;
    let bad = |key: &str, wanted: &str| LmError::Setting {
        path: path.clone(),
        setting: key.into(),
        value: json[key].to_string(),
        reason: format!("{wanted} is wanted"),
    };
    if json["peft_type"] != "LORA" {
        return Err(bad("peft_type", "\"LORA\""));
    }
    check_variant(&json, &path)?;
    let targets = match &json["target_modules"] {
        Value::String(name) if name == ALL_LINEAR => Some(vec![name.clone()]),
        Value::Array(names) => names.iter().map(|n| n.as_str().map(str::to_owned)).collect(),
        // A pattern of PEFT's.
        _ => None,
    };
    let size = |key: &str| json[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let lora = LoraConfig {
        r: size("r").ok_or_else(|| bad("r", "a whole number"))?,
        lora_alpha: json["lora_alpha"].as_f64().ok_or_else(|| bad("lora_alpha", "a number"))?,
        lora_dropout: json["lora_dropout"].as_f64().unwrap_or(0.0),
        target_modules: targets
            .ok_or_else(|| bad("target_modules", "a list of names, or \"all-linear\""))?,
    };
    lora.validate().map_err(|reason| LmError::Format { path: path.clone(), reason })?;
    let base = json["base_model_name_or_path"].as_str().map(str::to_owned);
    Ok(AdapterSettings { lora, base })
}

/// The shapes of the tensors do not show the scale of the side path, nor the
/// variants of LoRA that PEFT knows beside the plain one.
fn check_settings(config: &LoraConfig, path: &Path) -> Result<(), LmError> {
    let json = read_json(path)?;
    for (key, want) in [("r", config.r as f64), ("lora_alpha", config.lora_alpha)] {
        if json[key].as_f64() != Some(want) {
            let reason = format!("{key} is {}, the settings say {want}", json[key]);
            return Err(LmError::Format { path: path.into(), reason });
        }
    }
    check_variant(&json, path)
}

fn check_variant(json: &Value, path: &Path) -> Result<(), LmError> {
    let plain = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text == "none",
        Value::Object(patterns) => patterns.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    };
    let variants = [
        "use_rslora",
        "use_dora",
        "fan_in_fan_out",
        "alpha_pattern",
        "rank_pattern",
        "bias",
        "lora_bias",
        "use_qalora",
        "use_bdlora",
        "modules_to_save",
        "layers_to_transform",
        "layer_replication",
        "exclude_modules",
        "target_parameters",
        "trainable_token_indices",
        "megatron_config",
        "alora_invocation_tokens",
    ];
    match variants.into_iter().find(|key| !plain(&json[*key])) {
        Some(key) => Err(LmError::Format {
            path: path.into(),
            reason: format!("{key} is {}: plain LoRA only", json[key]),
        }),
        None => Ok(()),
    }
}
