//! From the settings of a family to the shape of a model.

use super::fields::Fields;
use super::rope;
use crate::{Activation, Architecture, LmConfig, LmError, ModelType};

pub(super) fn config(f: &Fields<'_>) -> Result<LmConfig, LmError> {
    let family = family(f)?;
    refuse_unknown_mathematics(f, family)?;
    let neox = family == ModelType::GptNeox;
    let hidden_size = f.needed_size("hidden_size")?;
    let heads = f.needed_size("num_attention_heads")?;
    if f.get("head_dim").is_none() && !hidden_size.is_multiple_of(heads) {
        let reason = format!("must divide hidden_size = {hidden_size}");
        return Err(f.refuse("num_attention_heads", reason));
    }
    let kv_heads = match (family, f.has("num_key_value_heads")) {
        (ModelType::GptNeox, _) => heads,
        // Mistral's default is a number; null means the other.
        (ModelType::Mistral, false) => 8,
        _ => f.size("num_key_value_heads")?.unwrap_or(heads),
    };
    if !heads.is_multiple_of(kv_heads) {
        let reason = format!("must divide num_attention_heads = {heads}");
        return Err(f.refuse("num_key_value_heads", reason));
    }
    let head_dim = head_dim(f, family, hidden_size / heads)?;
    let max_position_embeddings = match f.size("max_position_embeddings")? {
        Some(n) => n,
        None => match family {
            ModelType::Llama | ModelType::GptNeox => 2048,
            ModelType::Mistral => 4096 * 32,
            ModelType::Phi3 => 4096,
        },
    };
    let rope = rope::read(f, family, max_position_embeddings)?;
    let (eps_key, eps) = match family {
        ModelType::Llama | ModelType::Mistral => ("rms_norm_eps", 1e-6),
        ModelType::Phi3 => ("rms_norm_eps", 1e-5),
        ModelType::GptNeox => ("layer_norm_eps", 1e-5),
    };
    let attention_bias = match family {
        ModelType::Llama => f.flag("attention_bias")?.unwrap_or(false),
        ModelType::GptNeox => f.flag("attention_bias")?.unwrap_or(true),
        ModelType::Mistral | ModelType::Phi3 => false,
    };
    let config = LmConfig {
        vocab_size: f.needed_size("vocab_size")?,
        hidden_size,
        num_hidden_layers: f.needed_size("num_hidden_layers")?,
        num_attention_heads: heads,
        num_key_value_heads: kv_heads,
        intermediate_size: f.needed_size("intermediate_size")?,
        max_position_embeddings,
        rope_theta: rope.theta,
        rms_norm_eps: f.number(eps_key)?.unwrap_or(eps),
        tie_word_embeddings: f.flag("tie_word_embeddings")?.unwrap_or(false),
        initializer_range: f.number("initializer_range")?.filter(|x| *x > 0.0).unwrap_or(0.02),
        architecture: Architecture {
            model_type: family,
            head_dim,
            sliding_window: sliding_window(f, family)?,
            partial_rotary_factor: rope.partial,
            rope_scaling: rope.scaling,
            hidden_act: activation(f, if neox { "gelu" } else { "silu" })?,
            attention_bias,
            mlp_bias: neox || (family == ModelType::Llama && f.flag("mlp_bias")?.unwrap_or(false)),
            use_parallel_residual: neox && f.flag("use_parallel_residual")?.unwrap_or(true),
        },
    };
    match config.validate() {
        Ok(()) => Ok(config),
        Err(reason) => Err(f.malformed(reason)),
    }
}

fn family(f: &Fields<'_>) -> Result<ModelType, LmError> {
    let names: Vec<&str> = ModelType::ALL.into_iter().map(ModelType::name).collect();
    let known = || f.refuse("model_type", format!("known are {}", names.join(", ")));
    let name = f.text("model_type")?.ok_or_else(known)?;
    let family =
        ModelType::ALL.into_iter().find(|family| family.name() == name).ok_or_else(known)?;
    let causal = |value: &serde_json::Value| {
        value.as_str().is_some_and(|name| name.ends_with("ForCausalLM"))
    };
    match f.get("architectures").and_then(|value| value.as_array()) {
        Some(list) if !list.is_empty() && !list.iter().any(causal) => Err(
            f.refuse("architectures", "only models that end in ForCausalLM have an output layer")
        ),
        _ => Ok(family),
    }
}

/// Settings that change what a model computes, and that nothing here follows.
fn refuse_unknown_mathematics(f: &Fields<'_>, family: ModelType) -> Result<(), LmError> {
    if f.get("quantization_config").is_some() {
        let reason = "quantised weights are not read; use the unquantised model";
        return Err(f.refuse("quantization_config", reason));
    }
    for key in ["is_encoder_decoder", "add_cross_attention"] {
        if f.flag(key)? == Some(true) {
            return Err(f.refuse(key, "only plain decoders are known"));
        }
    }
    if let Some(key) = f.keys().find(|key| key.contains("expert")) {
        // A dense model says nothing, null, or at most one expert.
        if f.get(key).is_some_and(|value| value.as_f64().is_none_or(|n| n > 1.0)) {
            return Err(f.refuse(key, "mixtures of experts are not supported"));
        }
    }
    for key in ["attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop"] {
        if f.number(key)?.is_some_and(|share| share != 0.0) {
            let reason = "dropout exists on adapters only (lora_dropout); set it to 0";
            return Err(f.refuse(key, reason));
        }
    }
    if let Some(types) = f.get("layer_types").and_then(|value| value.as_array())
        && types.iter().any(|kind| Some(kind) != types.first())
    {
        return Err(f.refuse("layer_types", "all blocks must have the same attention"));
    }
    let with_window = matches!(family, ModelType::Mistral | ModelType::Phi3);
    if !with_window && f.get("sliding_window").is_some() {
        let reason = format!("no model of type {} has a window", family.name());
        return Err(f.refuse("sliding_window", reason));
    }
    for key in ["attention_bias", "mlp_bias"] {
        let with_bias = match family {
            ModelType::Llama => true,
            ModelType::GptNeox => key == "attention_bias",
            ModelType::Mistral | ModelType::Phi3 => false,
        };
        if !with_bias && f.flag(key)? == Some(true) {
            let reason = format!("no model of type {} has this setting", family.name());
            return Err(f.refuse(key, reason));
        }
    }
    Ok(())
}

/// `usual` is hidden_size / num_attention_heads; `None` where the head is so.
fn head_dim(f: &Fields<'_>, family: ModelType, usual: usize) -> Result<Option<usize>, LmError> {
    match f.size("head_dim")?.filter(|d| *d != usual) {
        Some(_) if matches!(family, ModelType::GptNeox | ModelType::Phi3) => Err(f.refuse(
            "head_dim",
            format!("must be hidden_size / num_attention_heads = {usual} for {}", family.name()),
        )),
        other => Ok(other),
    }
}

fn sliding_window(f: &Fields<'_>, family: ModelType) -> Result<Option<usize>, LmError> {
    match (family, f.has("sliding_window")) {
        (ModelType::Mistral, false) => Ok(Some(4096)),
        (ModelType::Mistral | ModelType::Phi3, true) => f.size("sliding_window"),
        _ => Ok(None),
    }
}

fn activation(f: &Fields<'_>, default: &str) -> Result<Activation, LmError> {
    match f.text("hidden_act")?.unwrap_or(default) {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu" | "gelu_python" => Ok(Activation::Gelu),
        // One approximation under the names that transformers has for it.
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_accurate" => {
            Ok(Activation::GeluPytorchTanh)
        }
        "relu" => Ok(Activation::Relu),
        _ => Err(f.refuse("hidden_act", "known are silu, gelu, gelu_new, gelu_pytorch_tanh, relu")),
    }
}
