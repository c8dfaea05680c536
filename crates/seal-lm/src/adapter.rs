//! Adapters in the format of PEFT: `adapter_config.json` and
//! `adapter_model.safetensors`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::weights::{Weights, to_host, write_safetensors};
use crate::{Lm, LmError, LoraConfig};

/// Names of the files of an adapter folder.
pub struct AdapterFiles;

impl AdapterFiles {
    /// The tensors.
    pub const WEIGHTS: &str = "adapter_model.safetensors";
    /// The settings.
    pub const CONFIG: &str = "adapter_config.json";
}

pub(crate) fn tensor_name(layer: usize, linear: &str, side: &str) -> String {
    format!("base_model.model.model.layers.{layer}.{linear}.lora_{side}.weight")
}

/// Writes the adapters of `model` into `dir`; `base` is recorded as the name of
/// the model they belong to.
///
/// # Errors
/// A file that cannot be written.
pub fn save_adapter(
    model: &Lm,
    config: &LoraConfig,
    base: &str,
    dir: &Path,
) -> Result<(), LmError> {
    let mut tensors = BTreeMap::new();
    for (i, block) in model.layers.iter().enumerate() {
        for (name, linear) in block.linears() {
            if let Some(lora) = &linear.lora {
                tensors.insert(tensor_name(i, name, "A"), to_host(lora.a.val().transpose()));
                tensors.insert(tensor_name(i, name, "B"), to_host(lora.b.val().transpose()));
            }
        }
    }
    write_safetensors(tensors, &dir.join(AdapterFiles::WEIGHTS))?;
    let targets = match config.target_modules.iter().any(|t| t == "all-linear") {
        true => serde_json::json!("all-linear"),
        false => serde_json::json!(config.target_modules),
    };
    let json = serde_json::json!({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base,
        "r": config.r, "lora_alpha": config.lora_alpha, "lora_dropout": config.lora_dropout,
        "target_modules": targets, "bias": "none", "fan_in_fan_out": false,
        "inference_mode": true,
    });
    let path = dir.join(AdapterFiles::CONFIG);
    let text = serde_json::to_string_pretty(&json).expect("a JSON value serialises");
    std::fs::write(&path, text + "\n").map_err(LmError::io(path))
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
    let bytes = std::fs::read(&path).map_err(LmError::io(&path))?;
    let mut weights = Weights::parse(&path, &bytes)?;
    let mut model = model.with_lora(config, 0)?;
    for (i, block) in model.layers.iter_mut().enumerate() {
        for (name, linear) in block.linears_mut() {
            if let Some(lora) = &mut linear.lora {
                weights.fill_transposed(&mut lora.a, &tensor_name(i, name, "A"))?;
                weights.fill_transposed(&mut lora.b, &tensor_name(i, name, "B"))?;
            }
        }
    }
    weights.expect_all_used(|_| false)?;
    Ok(model)
}

/// The shapes of the tensors do not show the scale of the side path, nor the
/// variants of LoRA that PEFT knows beside the plain one.
fn check_settings(config: &LoraConfig, path: &Path) -> Result<(), LmError> {
    let text = std::fs::read_to_string(path).map_err(LmError::io(path))?;
    let error = |reason: String| LmError::Format { path: path.into(), reason };
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| error(e.to_string()))?;
    for (key, want) in [("r", config.r as f64), ("lora_alpha", config.lora_alpha)] {
        if json[key].as_f64() != Some(want) {
            return Err(error(format!("{key} is {}, the settings say {want}", json[key])));
        }
    }
    let plain = |value: &serde_json::Value| match value {
        serde_json::Value::Null | serde_json::Value::Bool(false) => true,
        serde_json::Value::Object(patterns) => patterns.is_empty(),
        _ => false,
    };
    let variants = ["use_rslora", "use_dora", "fan_in_fan_out", "alpha_pattern", "rank_pattern"];
    match variants.into_iter().find(|key| !plain(&json[*key])) {
        Some(key) => Err(error(format!("{key} is {}: plain LoRA only", json[key]))),
        None => Ok(()),
    }
}
