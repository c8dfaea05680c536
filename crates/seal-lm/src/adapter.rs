//! Adapters in the format of PEFT: `adapter_config.json` and
//! `adapter_model.safetensors`, with a model card beside them.

use std::path::Path;

use seal_files::Flush;
use serde_json::json;

use crate::folder::{WeightFiles, without_place};
use crate::lora::ALL_LINEAR;
use crate::peft::{AdapterFiles, read_adapter_settings};
use crate::save::{ToWrite, write_json, write_safetensors};
use crate::{Lm, LmError, LoraConfig};

/// Writes the adapters of `model` into `dir`; `base` is recorded as the name or
/// path of the model they belong to, where PEFT looks for it. Each file is whole or
/// absent, and `adapter_config.json`, without which a folder is no adapter, comes last.
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
    write_safetensors(tensors, &dir.join(AdapterFiles::WEIGHTS), Flush::File)?;
    let is_all = config.target_modules.iter().any(|t| t == ALL_LINEAR);
    let targets = match (is_all, config.layers_to_transform.is_empty()) {
        (true, true) => json!(ALL_LINEAR),
        // PEFT takes blocks with names alone.
        (true, false) => json!(model.config().architecture.model_type.linear_names()),
        (false, _) => json!(config.target_modules),
    };
    let mut json = json!({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base,
        "r": config.r, "lora_alpha": config.lora_alpha, "lora_dropout": config.lora_dropout,
        "target_modules": targets, "bias": "none", "fan_in_fan_out": false,
        "inference_mode": true,
    });
    // Older versions of PEFT know no other fields.
    for (key, value, is_set) in [
        ("use_rslora", json!(config.use_rslora), config.use_rslora),
        ("rank_pattern", json!(config.rank_pattern), !config.rank_pattern.is_empty()),
        ("alpha_pattern", json!(config.alpha_pattern), !config.alpha_pattern.is_empty()),
        (
            "layers_to_transform",
            json!(config.layers_to_transform),
            !config.layers_to_transform.is_empty(),
        ),
    ] {
        if is_set {
            json[key] = value;
        }
    }
    let path = dir.join(AdapterFiles::CARD);
    seal_files::write(&path, card(config, base).as_bytes()).map_err(LmError::io(path))?;
    write_json(&json, &dir.join(AdapterFiles::CONFIG))
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

/// The texts of `adapter_config.json` and of the model card of the adapter in `dir`, which
/// [`save_adapter`] wrote with `config`, with another name for its base; each by the name of its file.
///
/// # Errors
/// A config that cannot be read.
pub fn adapter_on(
    dir: &Path,
    config: &LoraConfig,
    base: &str,
) -> Result<[(&'static str, String); 2], LmError> {
    let path = dir.join(AdapterFiles::CONFIG);
    let text = std::fs::read_to_string(&path).map_err(LmError::io(&path))?;
    let mut json: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| LmError::format(&path, e))?;
    json["base_model_name_or_path"] = json!(base);
    let text = serde_json::to_string_pretty(&json).map_err(|e| LmError::format(&path, e))?;
    Ok([(AdapterFiles::CONFIG, text + "\n"), (AdapterFiles::CARD, card(config, base))])
}

/// Puts the adapters of `dir` on `model`, whose weights are frozen. Names in
/// `target_modules` that no layer has are ignored where others match.
///
/// # Errors
/// A file that is missing or malformed, settings that are not those of
/// `config`, a tensor of another shape, or one on a layer that `config` does
/// not target.
pub fn load_adapter(model: Lm, config: &LoraConfig, dir: &Path) -> Result<Lm, LmError> {
    check_settings(config, dir)?;
    let path = dir.join(AdapterFiles::WEIGHTS);
    let mut folder = WeightFiles::of_file(&path)?;
    let config = config
        .matched(model.config())
        .map_err(|e| LmError::format(dir.join(AdapterFiles::CONFIG), e))?;
    config.validate_for(model.config())?;
    let model = model.with_adapters(&config, &mut folder)?;
    let expected: Vec<String> = model.adapter_tensors().into_iter().map(|(name, _)| name).collect();
    let unused: Vec<&str> =
        folder.names().filter(|name| !expected.iter().any(|known| known == name)).collect();
    match unused.is_empty() {
        true => Ok(model),
        false => Err(LmError::Format { path, reason: without_place(&unused) }),
    }
}

/// The shapes of the tensors do not show the scale of the side path.
fn check_settings(config: &LoraConfig, dir: &Path) -> Result<(), LmError> {
    let stored = read_adapter_settings(dir)?.lora;
    let differ = |key: &str, is: f64, want: f64| LmError::Format {
        path: dir.join(AdapterFiles::CONFIG),
        reason: format!("{key} is {is}, the settings say {want}"),
    };
    if stored.r != config.r {
        return Err(differ("r", stored.r as f64, config.r as f64));
    }
    if stored.lora_alpha != config.lora_alpha {
        return Err(differ("lora_alpha", stored.lora_alpha, config.lora_alpha));
    }
    let key = match () {
        () if stored.use_rslora != config.use_rslora => "use_rslora",
        () if stored.rank_pattern != config.rank_pattern => "rank_pattern",
        () if stored.alpha_pattern != config.alpha_pattern => "alpha_pattern",
        () => return Ok(()),
    };
    Err(LmError::Format {
        path: dir.join(AdapterFiles::CONFIG),
        reason: format!("{key} is not that of the settings"),
    })
}
