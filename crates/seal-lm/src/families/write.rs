//! Settings that several families have, in the layout that transformers 4 and 5
//! both read.

use serde_json::{Map, Value, json};

use super::rope::attention_factor;
use crate::{Activation, LmConfig, RopeScaling};

/// What every family has.
pub(super) fn common(c: &LmConfig, class: &str, family: &str) -> Map<String, Value> {
    let settings = [
        ("architectures", json!([class])),
        ("model_type", json!(family)),
        ("hidden_act", json!(activation(c.architecture.hidden_act))),
        ("vocab_size", json!(c.vocab_size)),
        ("hidden_size", json!(c.hidden_size)),
        ("num_hidden_layers", json!(c.num_hidden_layers)),
        ("num_attention_heads", json!(c.num_attention_heads)),
        ("intermediate_size", json!(c.intermediate_size)),
        ("max_position_embeddings", json!(c.max_position_embeddings)),
        ("tie_word_embeddings", json!(c.tie_word_embeddings)),
        ("initializer_range", json!(c.initializer_range)),
        ("torch_dtype", json!("float32")),
    ];
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What families with RMS normalisation have.
pub(super) fn rms(c: &LmConfig, settings: &mut Map<String, Value>) {
    settings.insert("num_key_value_heads".into(), json!(c.num_key_value_heads));
    settings.insert("rms_norm_eps".into(), json!(c.rms_norm_eps));
    settings.insert("rope_theta".into(), json!(c.rope_theta));
}

/// Says that no token is special. The defaults of some classes lie beyond small vocabularies.
pub(super) fn no_special_tokens(settings: &mut Map<String, Value>) {
    for key in ["pad_token_id", "eos_token_id", "bos_token_id"] {
        settings.insert(key.into(), Value::Null);
    }
}

/// Adds how rotary frequencies are stretched, where they are.
pub(super) fn scaling(c: &LmConfig, settings: &mut Map<String, Value>) {
    let scaling = match &c.architecture.rope_scaling {
        RopeScaling::Default => return,
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
            const ORIGINAL: &str = "original_max_position_embeddings";
            settings.insert(ORIGINAL.into(), json!(original));
            out
        }
    };
    settings.insert("rope_scaling".into(), scaling);
}

fn activation(activation: Activation) -> &'static str {
    match activation {
        Activation::Silu => "silu",
        Activation::Gelu => "gelu",
        Activation::GeluPytorchTanh => "gelu_pytorch_tanh",
        Activation::Relu => "relu",
    }
}
