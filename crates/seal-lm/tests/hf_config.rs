//! `config.json` of released models, in the layouts that they were released
//! with, and settings that are refused.

#[path = "hf_config/later.rs"]
mod later;

use std::path::Path;

use later::{gemma, gemma3, gemma3_4b, qwen25, smollm3};
use seal_lm::{Activation, LmConfig, LmError, ModelType, RopeScaling};
use serde_json::{Value, json};

fn read(json: &Value) -> Result<LmConfig, LmError> {
    LmConfig::from_hf(&json.to_string(), Path::new("config.json"))
}

/// `base` with some settings replaced; null stays null.
fn with(base: &Value, changes: Value) -> Value {
    let mut out = base.clone();
    for (key, value) in changes.as_object().unwrap() {
        out[key] = value.clone();
    }
    out
}

fn without(base: &Value, key: &str) -> Value {
    let mut out = base.clone();
    out.as_object_mut().unwrap().remove(key);
    out
}

fn llama2() -> Value {
    json!({"architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
        "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
        "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama",
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
        "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null,
        "tie_word_embeddings": false, "torch_dtype": "float16", "use_cache": true,
        "vocab_size": 32000})
}

fn llama31() -> Value {
    with(
        &llama2(),
        json!({"attention_bias": false, "attention_dropout": 0.0, "mlp_bias": false,
            "eos_token_id": [128001, 128008, 128009], "intermediate_size": 14336,
            "max_position_embeddings": 131072, "num_key_value_heads": 8, "vocab_size": 128256,
            "rope_theta": 500000.0, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
                "rope_type": "llama3"}}),
    )
}

fn mistral() -> Value {
    json!({"architectures": ["MistralForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
        "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768,
        "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
        "sliding_window": 4096, "tie_word_embeddings": false, "vocab_size": 32000})
}

fn pythia() -> Value {
    json!({"architectures": ["GPTNeoXForCausalLM"], "bos_token_id": 0, "eos_token_id": 0,
        "hidden_act": "gelu", "hidden_size": 2560, "initializer_range": 0.02,
        "intermediate_size": 10240, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048,
        "model_type": "gpt_neox", "num_attention_heads": 32, "num_hidden_layers": 32,
        "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": false,
        "torch_dtype": "float16", "use_cache": true, "use_parallel_residual": true,
        "vocab_size": 50304})
}

fn phi3() -> Value {
    json!({"_name_or_path": "Phi-3-mini-128k-instruct", "architectures": ["Phi3ForCausalLM"],
        "attention_bias": false, "attention_dropout": 0.0,
        "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"}, "embd_pdrop": 0.0,
        "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
        "intermediate_size": 8192, "max_position_embeddings": 131072, "model_type": "phi3",
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
        "original_max_position_embeddings": 4096, "resid_pdrop": 0.0, "rms_norm_eps": 1e-05,
        "rope_scaling": {"long_factor": vec![1.5; 48], "short_factor": vec![1.1; 48],
            "type": "longrope"},
        "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": false,
        "vocab_size": 32064})
}

#[test]
fn released_models_in_their_old_layout() {
    let c = read(&llama2()).unwrap();
    assert_eq!((c.head_dim(), c.rope_theta, c.architecture.is_plain_llama()), (128, 1e4, true));

    let c = read(&llama31()).unwrap();
    assert_eq!((c.num_key_value_heads, c.rope_theta), (8, 5e5));
    let want = RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192,
    };
    assert_eq!(c.architecture.rope_scaling, want);

    let small = json!({"hidden_size": 2048, "head_dim": 64, "tie_word_embeddings": true});
    let c = read(&with(&llama31(), small)).unwrap();
    assert_eq!((c.head_dim(), c.architecture.head_dim, c.tie_word_embeddings), (64, None, true));

    let c = read(&mistral()).unwrap();
    assert_eq!(c.architecture.sliding_window, Some(4096));
    let nemo = json!({"hidden_size": 5120, "head_dim": 128, "sliding_window": null});
    let c = read(&with(&mistral(), nemo)).unwrap();
    assert_eq!((c.head_dim(), c.architecture.head_dim), (128, Some(128)));
    assert_eq!(c.architecture.sliding_window, None);

    let c = read(&pythia()).unwrap();
    let a = &c.architecture;
    assert_eq!((c.head_dim(), c.rotary_dim(), c.rope_theta), (80, 20, 1e4));
    assert_eq!((a.model_type, a.hidden_act), (ModelType::GptNeox, Activation::Gelu));
    assert!(a.use_parallel_residual && a.attention_bias && a.mlp_bias);

    let c = read(&phi3()).unwrap();
    let RopeScaling::Longrope { attention_factor, long_factor, .. } = c.architecture.rope_scaling
    else {
        panic!("{c:?}")
    };
    // sqrt(1 + ln 32 / ln 4096), as the paper of LongRoPE has it.
    assert!((attention_factor - (17f64 / 12.0).sqrt()).abs() < 1e-12, "{attention_factor}");
    assert_eq!((long_factor.len(), c.architecture.sliding_window), (48, Some(262_144)));
}

#[test]
fn both_layouts_of_rotary_settings_say_the_same() {
    let old = llama31();
    let mut new = without(&without(&old, "rope_scaling"), "rope_theta");
    new["rope_parameters"] = with(&old["rope_scaling"], json!({"rope_theta": 500000.0}));
    assert_eq!(read(&new).unwrap(), read(&old).unwrap());

    let mut new = without(&without(&pythia(), "rotary_pct"), "rotary_emb_base");
    new["rope_parameters"] =
        json!({"rope_type": "default", "rope_theta": 10000, "partial_rotary_factor": 0.25});
    assert_eq!(read(&new).unwrap(), read(&pythia()).unwrap());

    let old = phi3();
    let mut new = without(&without(&old, "rope_scaling"), "rope_theta");
    new["rope_parameters"] = with(
        &old["rope_scaling"],
        json!({"rope_theta": 10000.0, "rope_type": "longrope", "partial_rotary_factor": 1.0,
            "original_max_position_embeddings": 4096}),
    );
    assert_eq!(read(&new).unwrap(), read(&old).unwrap());
}

#[test]
fn what_is_absent_is_what_transformers_assumes() {
    let c = read(&without(&mistral(), "sliding_window")).unwrap();
    assert_eq!(c.architecture.sliding_window, Some(4096));
    let c = read(&with(&llama2(), json!({"num_key_value_heads": null}))).unwrap();
    assert_eq!(c.num_key_value_heads, 32);
    let c = read(&without(&pythia(), "rotary_pct")).unwrap();
    assert_eq!(c.architecture.partial_rotary_factor, 0.25);
    let c = read(&without(&llama2(), "rms_norm_eps")).unwrap();
    assert_eq!(c.rms_norm_eps, 1e-6);
    let c = read(&without(&phi3(), "original_max_position_embeddings")).unwrap();
    assert!(matches!(
        c.architecture.rope_scaling,
        RopeScaling::Longrope { original_max_position_embeddings: 4096, .. }
    ));
}

#[test]
fn settings_that_are_not_followed_are_named() {
    let scaling = |value: Value| json!({"rope_scaling": value});
    let llama = [
        json!({"model_type": "unheard_of"}),
        json!({"model_type": null}),
        json!({"model_type": "mixtral"}),
        json!({"model_type": "qwen3_moe"}),
        json!({"model_type": "gpt_oss"}),
        json!({"model_type": "llama4"}),
        json!({"model_type": "qwen3_next"}),
        json!({"model_type": "jamba"}),
        json!({"model_type": "gemma3n"}),
        json!({"model_type": "qwen2_5_vl"}),
        json!({"architectures": ["LlamaForSequenceClassification"]}),
        json!({"hidden_act": "quick_gelu"}),
        json!({"quantization_config": {"quant_method": "gptq", "bits": 4}}),
        json!({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}),
        json!({"quantization_config": {"quant_method": "awq"}}),
        json!({"quantization_config": {"quant_method": "fp8"}}),
        json!({"num_local_experts": 8}),
        json!({"is_encoder_decoder": true}),
        json!({"attention_dropout": 0.1}),
        json!({"layer_types": ["full_attention", "sliding_attention"]}),
        json!({"sliding_window": 4096}),
        json!({"partial_rotary_factor": 0.5}),
        scaling(json!({"rope_type": "dynamic", "factor": 2.0})),
        scaling(json!({"type": "yarn", "factor": 4.0})),
        scaling(json!({"type": "linear"})),
        scaling(json!({"type": "linear", "factor": 0.0})),
        scaling(json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0,
            "high_freq_factor": 4.0})),
        scaling(json!("linear")),
        json!({"rope_parameters": {"full_attention": {"rope_theta": 1.0}}}),
        json!({"num_attention_heads": 33}),
        json!({"num_key_value_heads": 5}),
        json!({"head_dim": 127}),
        json!({"vocab_size": 0}),
        json!({"vocab_size": -1}),
        json!({"hidden_size": 99999999999u64}),
        json!({"rms_norm_eps": "1e-5"}),
        json!({"rms_norm_eps": -1.0}),
        json!({"intermediate_size": null}),
    ];
    let mistral_ = [json!({"attention_bias": true}), json!({"sliding_window": 0})];
    let pythia_ = [
        json!({"rotary_pct": 0.0}),
        json!({"rotary_pct": 0.04}),
        json!({"hidden_dropout": 0.1}),
        json!({"head_dim": 64}),
        json!({"rope_scaling": {"type": "longrope"}}),
    ];
    let phi = [
        json!({"rope_scaling": {"type": "linear", "factor": 2.0}}),
        json!({"rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}}),
        json!({"rope_scaling": {"type": "longrope", "short_factor": [1.0]}}),
        json!({"attention_bias": true}),
        json!({"resid_pdrop": 0.1}),
    ];
    let refusals = |base: Value, changes: &[Value]| {
        changes
            .iter()
            .map(|change| read(&with(&base, change.clone())).unwrap_err().to_string())
            .collect::<Vec<_>>()
    };
    let qwen = [
        json!({"layer_types": ["full_attention"]}),
        json!({"layer_types": vec!["sliding_attention"; 28]}),
        json!({"layer_types": vec!["linear_attention"; 28]}),
        json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}),
        json!({"mlp_bias": true}),
        json!({"use_sliding_window": true, "max_window_layers": 1, "num_hidden_layers": 99999}),
    ];
    let gemmas = [
        json!({"use_bidirectional_attention": true}),
        json!({"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}),
        json!({"rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2.0}}}),
        json!({"rope_local_base_freq": 0.5}),
        json!({"final_logit_softcapping": -30.0}),
        json!({"query_pre_attn_scalar": 0}),
    ];
    let smol = [
        json!({"no_rope_layers": [1, 0]}),
        json!({"no_rope_layers": vec![2; 36]}),
        json!({"no_rope_layers": "none"}),
    ];
    let text = |more: Value| json!({"text_config": with(&gemma3_4b()["text_config"], more)});
    let parts = [text(json!({"hidden_size": "big"})), text(json!({"sliding_window": 0}))];
    let mut lines = refusals(llama2(), &llama);
    lines.extend(refusals(qwen25(), &qwen));
    lines.extend(refusals(gemma3(), &gemmas));
    lines.extend(refusals(smollm3(), &smol));
    lines.extend(refusals(gemma3_4b(), &parts));
    lines.extend(refusals(gemma(), &[json!({"sliding_window": 8})]));
    lines.extend(refusals(mistral(), &mistral_));
    lines.extend(refusals(pythia(), &pythia_));
    lines.extend(refusals(phi3(), &phi));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_scale_that_no_family_here_has_is_refused_unless_it_changes_nothing() {
    for (key, value) in [
        ("embedding_multiplier", json!(12.0)),
        ("residual_multiplier", json!(0.22)),
        ("logits_scaling", json!(8)),
        ("logit_scale", json!(0.0625)),
        // Of another family.
        ("query_pre_attn_scalar", json!(64)),
    ] {
        let error = read(&with(&llama2(), json!({ key: value }))).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("set it to 1 or remove it"), "{error}");
    }
    let plain = read(&llama2()).unwrap();
    for neutral in [
        json!({"residual_multiplier": 1.0}),
        json!({"logits_scaling": 1}),
        json!({"logit_scale": null}),
        json!({"rope_scaling": null}),
    ] {
        assert_eq!(read(&with(&llama2(), neutral)).unwrap(), plain);
    }
}

#[test]
fn what_is_no_config_is_refused() {
    for text in ["", "[]", "{", "{}"] {
        let error = LmConfig::from_hf(text, Path::new("DIR/config.json")).unwrap_err();
        assert!(error.to_string().starts_with("DIR/config.json: "), "{error}");
    }
}
