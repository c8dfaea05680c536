//! `config.json` of families that came later, as they were released.

use seal_lm::{Activation, LayerType, LmConfig, ModelType, RopeScaling};
use serde_json::{Value, json};

use super::{llama31, phi3, read, with, without};

pub fn qwen25() -> Value {
    json!({"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
        "eos_token_id": 151645, "hidden_act": "silu", "hidden_size": 3584,
        "initializer_range": 0.02, "intermediate_size": 18944, "max_position_embeddings": 32768,
        "max_window_layers": 28, "model_type": "qwen2", "num_attention_heads": 28,
        "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0, "sliding_window": 131072, "tie_word_embeddings": false,
        "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false,
        "vocab_size": 152064})
}

pub fn qwen3() -> Value {
    json!({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false,
        "attention_dropout": 0.0, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024,
        "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 40960,
        "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads": 16,
        "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
        "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
        "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936})
}

pub fn gemma() -> Value {
    json!({"architectures": ["GemmaForCausalLM"], "attention_bias": false,
        "attention_dropout": 0.0, "head_dim": 256, "hidden_act": "gelu",
        "hidden_activation": null, "hidden_size": 2048, "initializer_range": 0.02,
        "intermediate_size": 16384, "max_position_embeddings": 8192, "model_type": "gemma",
        "num_attention_heads": 8, "num_hidden_layers": 18, "num_key_value_heads": 1,
        "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 10000.0,
        "vocab_size": 256000})
}

pub fn gemma2() -> Value {
    json!({"architectures": ["Gemma2ForCausalLM"], "attention_bias": false,
        "attention_dropout": 0.0, "attn_logit_softcapping": 50.0, "cache_implementation": "hybrid",
        "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 3584, "initializer_range": 0.02,
        "intermediate_size": 14336, "max_position_embeddings": 8192, "model_type": "gemma2",
        "num_attention_heads": 16, "num_hidden_layers": 42, "num_key_value_heads": 8,
        "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
        "sliding_window": 4096, "sliding_window_size": 4096, "vocab_size": 256000})
}

pub fn gemma3() -> Value {
    json!({"architectures": ["Gemma3ForCausalLM"], "attention_bias": false,
        "attention_dropout": 0.0, "attn_logit_softcapping": null, "final_logit_softcapping": null,
        "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
        "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768,
        "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26,
        "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000,
        "sliding_window": 512, "sliding_window_pattern": 6, "vocab_size": 262144})
}

/// The sizes that the file of the 4B model leaves out are those of the class.
pub fn gemma3_4b() -> Value {
    json!({"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999,
        "eoi_token_index": 256000, "eos_token_id": [1, 106], "image_token_index": 262144,
        "initializer_range": 0.02, "mm_tokens_per_image": 256, "model_type": "gemma3",
        "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
            "model_type": "gemma3_text", "num_hidden_layers": 34,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
        "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 1152, "image_size": 896}})
}

pub fn smollm3() -> Value {
    json!({"architectures": ["SmolLM3ForCausalLM"], "attention_bias": false,
        "attention_dropout": 0.0, "hidden_act": "silu", "hidden_size": 2048,
        "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 65536,
        "max_window_layers": 28, "mlp_bias": false, "model_type": "smollm3",
        "no_rope_layer_interval": 4, "num_attention_heads": 16, "num_hidden_layers": 36,
        "num_key_value_heads": 4, "pretraining_tp": 2, "rms_norm_eps": 1e-06,
        "rope_scaling": null, "rope_theta": 5000000.0, "sliding_window": null,
        "use_sliding_window": false, "vocab_size": 128256})
}

#[test]
fn later_families_in_their_released_layout() {
    let c = read(&qwen25()).unwrap();
    let a = &c.architecture;
    assert_eq!((a.model_type, c.head_dim(), c.rope_theta), (ModelType::Qwen2, 128, 1e6));
    assert!(a.attention_bias && a.sliding_window.is_none() && !c.tie_word_embeddings);
    let c = read(&with(&qwen25(), json!({"use_sliding_window": true}))).unwrap();
    assert_eq!(c.architecture.sliding_window, None, "no block comes after max_window_layers");
    let some = json!({"use_sliding_window": true, "max_window_layers": 21});
    let c = read(&with(&qwen25(), some)).unwrap();
    let sliding = |c: &LmConfig| {
        c.architecture.layer_types.iter().filter(|t| **t == LayerType::SlidingAttention).count()
    };
    assert_eq!((c.architecture.sliding_window, sliding(&c)), (Some(131_072), 7));

    let c = read(&qwen3()).unwrap();
    let a = &c.architecture;
    assert_eq!((a.model_type, a.head_dim, c.head_dim()), (ModelType::Qwen3, Some(128), 128));
    assert!(!a.attention_bias && c.tie_word_embeddings);

    let c = read(&gemma()).unwrap();
    let a = &c.architecture;
    // An early file says gelu and means its approximation.
    assert_eq!((a.hidden_act, c.head_dim()), (Activation::GeluPytorchTanh, 256));
    assert!(c.tie_word_embeddings);

    let c = read(&gemma2()).unwrap();
    let a = &c.architecture;
    assert_eq!((a.attn_logit_softcapping, a.final_logit_softcapping), (Some(50.0), Some(30.0)));
    assert_eq!((a.query_pre_attn_scalar, a.sliding_window), (Some(256.0), Some(4096)));
    assert_eq!((a.layer_types[0], sliding(&c)), (LayerType::SlidingAttention, 21));

    let c = read(&gemma3()).unwrap();
    let a = &c.architecture;
    assert_eq!((c.rope_theta, a.rope_local_base_freq, sliding(&c)), (1e6, Some(1e4), 22));
    assert_eq!((a.layer_types[5], a.attn_logit_softcapping), (LayerType::FullAttention, None));

    let c = read(&gemma3_4b()).unwrap();
    let a = &c.architecture;
    assert_eq!((c.vocab_size, c.num_attention_heads, c.num_key_value_heads), (262_208, 8, 4));
    assert_eq!((c.head_dim(), c.max_position_embeddings, c.rope_theta), (256, 131_072, 1e6));
    assert_eq!((a.sliding_window, sliding(&c)), (Some(1024), 29));
    assert_eq!(a.rope_scaling, RopeScaling::Linear { factor: 8.0 });

    let c = read(&smollm3()).unwrap();
    let turned = c.architecture.no_rope_layers.iter().filter(|flag| **flag == 1).count();
    assert_eq!((turned, c.architecture.no_rope_layers[3], c.rope_theta), (27, 0, 5e6));
    assert!(c.tie_word_embeddings && c.architecture.sliding_window.is_none());
}

#[test]
fn relatives_of_the_first_families() {
    // Phi-4-mini: a Phi-3 that rotates three quarters of its heads and is tied.
    let c = read(&with(
        &phi3(),
        json!({"hidden_size": 3072, "num_attention_heads": 24, "num_key_value_heads": 8,
            "vocab_size": 200064, "tie_word_embeddings": true, "partial_rotary_factor": 0.75,
            "mlp_bias": false, "lm_head_bias": false, "full_attn_mod": 1, "interpolate_factor": 1,
            "rope_scaling": {"long_factor": vec![1.5; 48], "short_factor": vec![1.0; 48],
                "type": "longrope"}}),
    ))
    .unwrap();
    assert_eq!((c.head_dim(), c.rotary_dim(), c.tie_word_embeddings), (128, 96, true));
    // Llama 3.2 1B: smaller heads, tied, another factor.
    let c = read(&with(
        &llama31(),
        json!({"hidden_size": 2048, "head_dim": 64, "intermediate_size": 8192,
            "num_hidden_layers": 16, "tie_word_embeddings": true, "rope_scaling": {"factor": 32.0,
                "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192, "rope_type": "llama3"}}),
    ))
    .unwrap();
    assert!(matches!(c.architecture.rope_scaling, RopeScaling::Llama3 { factor: 32.0, .. }));
    assert_eq!((c.head_dim(), c.tie_word_embeddings), (64, true));
}

#[test]
fn later_families_are_written_as_they_are_read() {
    let kinds = json!({"layer_types": vec!["sliding_attention"; 28], "use_sliding_window": true});
    let files = [
        qwen25(),
        with(&qwen25(), kinds),
        qwen3(),
        gemma(),
        gemma2(),
        with(&gemma2(), json!({"attn_logit_softcapping": null, "sliding_window": 8})),
        gemma3(),
        gemma3_4b(),
        smollm3(),
        with(&smollm3(), json!({"no_rope_layers": vec![1; 40]})),
    ];
    for json in files {
        let c = read(&json).unwrap();
        // As a study's config holds it.
        let stored = serde_json::to_value(&c).unwrap();
        assert_eq!(serde_json::from_value::<LmConfig>(stored).unwrap(), c);
    }
}

#[test]
fn both_layouts_of_two_rotary_bases_say_the_same() {
    let mut new = gemma3_4b();
    let text = without(&new["text_config"], "rope_scaling");
    new["text_config"] = with(
        &text,
        json!({"rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}}),
    );
    assert_eq!(read(&new).unwrap(), read(&gemma3_4b()).unwrap());
}
