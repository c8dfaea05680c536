//! Texts of any bytes as `config.json`: alone, or as settings laid over a
//! released model's. A shape that is read is one that a model can have.
//!
//! Run as `crates/seal-data/fuzz/fuzz_targets/rows.rs` says, from
//! `crates/seal-lm/fuzz`.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seal_lm::LmConfig;
use serde_json::Value;

/// One of each family, with what it cannot do without.
const BASES: [&str; 8] = [
    r#"{"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
        "max_position_embeddings": 131072, "hidden_act": "silu", "rms_norm_eps": 1e-5}"#,
    r#"{"model_type": "mistral", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 8, "num_key_value_heads": 8, "num_hidden_layers": 2,
        "sliding_window": 16, "hidden_act": "silu"}"#,
    r#"{"model_type": "gpt_neox", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 4, "num_hidden_layers": 2, "rotary_pct": 0.25,
        "use_parallel_residual": true, "hidden_act": "gelu"}"#,
    r#"{"model_type": "phi3", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 4, "num_hidden_layers": 2, "pad_token_id": 0,
        "original_max_position_embeddings": 64, "max_position_embeddings": 128}"#,
    r#"{"model_type": "qwen3", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3,
        "head_dim": 8, "use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1}"#,
    r#"{"model_type": "gemma2", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3}"#,
    r#"{"model_type": "gemma3", "text_config": {"hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 7, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}}"#,
    r#"{"model_type": "smollm3", "hidden_size": 64, "intermediate_size": 96, "vocab_size": 100,
        "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 5,
        "no_rope_layers": [1, 1, 0, 1, 1]}"#,
];

fuzz_target!(|data: &[u8]| {
    let [kind, bytes @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let whole = match BASES.get(*kind as usize % (BASES.len() + 1)) {
        None => text.to_owned(),
        Some(base) => {
            let mut base: Value = serde_json::from_str(base).expect("a base is JSON");
            let Ok(Value::Object(settings)) = serde_json::from_str(text) else { return };
            for (key, value) in settings {
                base[key] = value;
            }
            base.to_string()
        }
    };
    let Ok(config) = LmConfig::from_hf(&whole, Path::new("config.json")) else { return };
    config.validate().expect("a shape that is read is valid");
    assert!(config.head_dim() > 0 && config.num_attention_heads % config.num_key_value_heads == 0);
});
