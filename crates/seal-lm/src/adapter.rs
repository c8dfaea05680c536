//! Adapters in the format of PEFT: `adapter_config.json` and
//! `adapter_model.safetensors`, with a model card beside them.

use std::path::Path;

use burn::module::Param;
use burn::tensor::Tensor;
use serde_json::json;

use crate::folder::Folder;
use crate::init::parameter;
use crate::lora::ALL_LINEAR;
use crate::model::adapter_name;
use crate::save::{ToWrite, write_json, write_safetensors};
use crate::{Lm, LmConfig, LmError, LoraConfig, peft};

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
    /// ignores them where others match, and so does [`load_adapter`].
    pub fn unmatched(&self, config: &LmConfig) -> Vec<&str> {
        self.lora.unmatched(config)
    }
}

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
    let mut folder = Folder::of_file(&path)?;
    let config = config
        .matched(model.config())
        .map_err(|reason| LmError::Format { path: dir.join(AdapterFiles::CONFIG), reason })?;
    let mut model = model.with_lora(&config, 0)?;
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
    match unused.is_empty() {
        true => Ok(model),
        false => Err(LmError::Format { path, reason: without_place(&unused) }),
    }
}

/// What is wrong with a file of which `unused` are tensors that nothing reads.
pub(crate) fn without_place(unused: &[&str]) -> String {
    const NAMED: usize = 12;
    let names: Vec<String> =
        unused.iter().take(NAMED).map(|n| format!("`{}`", n.escape_debug())).collect();
    let more = match unused.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "holds tensors that the model has no place for: {}{more}; does the config describe this \
         model?",
        names.join(", ")
    )
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

/// Settings of the adapter in `dir`, as PEFT or [`save_adapter`] wrote them. Layers may be
/// named that a model does not have; where `target_modules` is a pattern, they are those
/// that the file has tensors of.
///
/// # Errors
/// A file that is missing or malformed, or a variant of LoRA other than the
/// plain one.
pub fn read_adapter_settings(dir: &Path) -> Result<AdapterSettings, LmError> {
    peft::read(dir)
}

/// The shapes of the tensors do not show the scale of the side path.
fn check_settings(config: &LoraConfig, dir: &Path) -> Result<(), LmError> {
    let stored = peft::read(dir)?.lora;
    let differ = |key: &str, is: f64, want: f64| LmError::Format {
        path: dir.join(AdapterFiles::CONFIG),
        reason: format!("{key} is {is}, the settings say {want}"),
    };
    if stored.r != config.r {
        return Err(differ("r", stored.r as f64, config.r as f64));
    }
    match stored.lora_alpha == config.lora_alpha {
        true => Ok(()),
        false => Err(differ("lora_alpha", stored.lora_alpha, config.lora_alpha)),
    }
}
