//! Writing `config.json`, in the layout that transformers 4 and 5 both read.

use serde_json::{Value, json};

use super::rope::attention_factor;
use crate::{Activation, LmConfig, ModelType, RopeScaling};

/// The settings of a model whose weights are stored as f32. `source` is the
/// file that the model was read with: it also names what is not ours to know.
pub(crate) fn config_json(c: &LmConfig, source: Option<&Value>) -> Value {
    let Some(Value::Object(source)) = source else { return own(c) };
    let mut out = source.clone();
    for key in ["dtype", "torch_dtype"] {
        if out.contains_key(key) {
            out.insert(key.into(), json!("float32"));
        }
    }
    // A folder that says otherwise than its tensors is read by them.
    const TIED: &str = "tie_word_embeddings";
    if out.get(TIED).and_then(Value::as_bool).unwrap_or(false) != c.tie_word_embeddings {
        out.insert(TIED.into(), json!(c.tie_word_embeddings));
    }
    // Names files of code that are not written here and not needed.
    out.remove("auto_map");
    out.remove("_name_or_path");
    Value::Object(out)
}

fn own(c: &LmConfig) -> Value {
    let a = &c.architecture;
    let mut out = json!({
        "architectures": [class(a.model_type)], "model_type": a.model_type.name(),
        "hidden_act": activation(a.hidden_act),
        "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "intermediate_size": c.intermediate_size,
        "max_position_embeddings": c.max_position_embeddings,
        "tie_word_embeddings": c.tie_word_embeddings, "initializer_range": c.initializer_range,
        "torch_dtype": "float32",
    });
    let mut add = |key: &str, value: Value| out[key] = value;
    match a.model_type {
        ModelType::GptNeox => {
            add("layer_norm_eps", json!(c.rms_norm_eps));
            add("rotary_emb_base", json!(c.rope_theta));
            add("rotary_pct", json!(a.partial_rotary_factor));
            add("use_parallel_residual", json!(a.use_parallel_residual));
            add("attention_bias", json!(a.attention_bias));
        }
        ModelType::Llama | ModelType::Mistral | ModelType::Phi3 => {
            add("num_key_value_heads", json!(c.num_key_value_heads));
            add("rms_norm_eps", json!(c.rms_norm_eps));
            add("rope_theta", json!(c.rope_theta));
        }
    }
    match a.model_type {
        ModelType::Llama => {
            add("head_dim", json!(c.head_dim()));
            add("attention_bias", json!(a.attention_bias));
            add("mlp_bias", json!(a.mlp_bias));
        }
        ModelType::Mistral => {
            add("head_dim", json!(c.head_dim()));
            add("sliding_window", json!(a.sliding_window));
        }
        ModelType::Phi3 => {
            add("sliding_window", json!(a.sliding_window));
            add("partial_rotary_factor", json!(a.partial_rotary_factor));
            // The defaults of this class lie beyond small vocabularies.
            for key in ["pad_token_id", "eos_token_id", "bos_token_id"] {
                add(key, Value::Null);
            }
        }
        ModelType::GptNeox => {}
    }
    if let RopeScaling::Longrope { original_max_position_embeddings: original, .. } =
        &a.rope_scaling
    {
        add("original_max_position_embeddings", json!(original));
    }
    if let Some(scaling) = scaling(c) {
        add("rope_scaling", scaling);
    }
    out
}

fn scaling(c: &LmConfig) -> Option<Value> {
    Some(match &c.architecture.rope_scaling {
        RopeScaling::Default => return None,
        RopeScaling::Linear { factor } => {
            json!({"rope_type": "linear", "type": "linear", "factor": factor})
        }
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => json!({
            "rope_type": "llama3", "factor": factor, "low_freq_factor": low_freq_factor,
            "high_freq_factor": high_freq_factor,
            "original_max_position_embeddings": original_max_position_embeddings,
        }),
        RopeScaling::Longrope {
            short_factor,
            long_factor,
            attention_factor: factor,
            original_max_position_embeddings: original,
        } => {
            let mut out = json!({
                "type": "longrope", "short_factor": short_factor, "long_factor": long_factor,
            });
            // Version 4 takes no other keys, so the usual factor is left to it.
            let stretch = c.max_position_embeddings as f64 / *original as f64;
            if *factor != attention_factor(stretch, *original) {
                out["attention_factor"] = json!(factor);
            }
            out
        }
    })
}

fn class(family: ModelType) -> &'static str {
    match family {
        ModelType::Llama => "LlamaForCausalLM",
        ModelType::Mistral => "MistralForCausalLM",
        ModelType::GptNeox => "GPTNeoXForCausalLM",
        ModelType::Phi3 => "Phi3ForCausalLM",
    }
}

fn activation(activation: Activation) -> &'static str {
    match activation {
        Activation::Silu => "silu",
        Activation::Gelu => "gelu",
        Activation::GeluPytorchTanh => "gelu_pytorch_tanh",
        Activation::Relu => "relu",
    }
}
