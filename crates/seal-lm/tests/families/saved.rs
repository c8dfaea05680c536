//! A shape that is made in code, saved and read again, computes the same.

use seal_lm::{
    Architecture, LayerType, Lm, LmConfig, LmError, ModelType, Ops, RopeScaling, load_model,
    load_weights, save_weights,
};

use super::common::families::{expected, folder, load};
use super::common::{cpu, golden, values};

/// A model of each family.
fn of(family: ModelType) -> &'static str {
    match family {
        ModelType::Llama => "llama_tied",
        ModelType::Mistral => "mistral",
        ModelType::GptNeox => "neox_parallel",
        ModelType::Phi3 => "phi3_window",
        ModelType::Qwen2 => "qwen2",
        ModelType::Qwen3 => "qwen3",
        ModelType::Gemma => "gemma",
        ModelType::Gemma2 => "gemma2",
        ModelType::Gemma3Text => "gemma3",
        ModelType::Smollm3 => "smollm3",
    }
}

type Change = (&'static str, fn(&mut LmConfig));

/// Settings of single families, absent and present.
const CHANGES: [Change; 15] = [
    ("as it is", |_| {}),
    ("no window", |c| {
        c.architecture.sliding_window = None;
        c.architecture.layer_types.clear();
    }),
    ("a window", |c| c.architecture.sliding_window = Some(3)),
    ("the window everywhere", |c| c.architecture.layer_types.clear()),
    ("windows by turns", |c| {
        let by_turns = [LayerType::FullAttention, LayerType::SlidingAttention];
        let kinds = by_turns.into_iter().cycle().take(c.num_hidden_layers);
        c.architecture.layer_types = kinds.collect();
        c.architecture.sliding_window = Some(3);
    }),
    ("all blocks turn", |c| c.architecture.no_rope_layers.clear()),
    ("some blocks turn", |c| {
        c.architecture.no_rope_layers =
            [0, 1].into_iter().cycle().take(c.num_hidden_layers).collect();
    }),
    ("no local base", |c| {
        c.architecture.rope_local_base_freq = None;
        c.architecture.rope_scaling = RopeScaling::Default;
    }),
    ("a local base", |c| c.architecture.rope_local_base_freq = Some(70.0)),
    ("no scale", |c| c.architecture.query_pre_attn_scalar = None),
    ("a scale", |c| c.architecture.query_pre_attn_scalar = Some(7.5)),
    ("no cap of scores", |c| c.architecture.attn_logit_softcapping = None),
    ("a cap of scores", |c| c.architecture.attn_logit_softcapping = Some(1.5)),
    ("no cap of logits", |c| c.architecture.final_logit_softcapping = None),
    ("a cap of logits", |c| c.architecture.final_logit_softcapping = Some(1.5)),
];

/// All models have the same vocabulary, so that one batch is for all.
fn logits(model: &Lm) -> Vec<f64> {
    let batch = golden::batch(&expected("llama_tied").rows);
    values(model.logits(model.hidden(&batch, None)))
}

#[test]
fn every_shape_computes_the_same_when_it_is_read_again() {
    let (mut refused, mut other) = (Vec::new(), Vec::new());
    for family in ModelType::ALL {
        let name = of(family);
        let shape = load(name, Ops::Fused).config().clone();
        assert_eq!(shape.architecture.model_type, family);
        for (what, change) in CHANGES {
            let mut config = shape.clone();
            change(&mut config);
            let model = match load_weights(&config, &folder(name), &cpu()) {
                Ok(model) => model,
                Err(LmError::Config(_)) => {
                    refused.push(format!("{name}: {what}"));
                    continue;
                }
                Err(error) => panic!("{name}, {what}: {error}"),
            };
            let out = tempfile::tempdir().unwrap();
            save_weights(&model, out.path()).unwrap();
            let back = load_model(out.path(), &cpu()).unwrap().0;
            if logits(&model) != logits(&back) {
                other.push(format!("{name}: {what}"));
            }
        }
    }
    assert!(other.is_empty(), "{other:?}");
    insta::assert_snapshot!(refused.join("\n"));
}

/// No file of Gemma 3 says that windowed blocks are stretched like the others.
#[test]
fn a_stretched_gemma_3_needs_a_local_base() {
    let mut config = load("gemma3", Ops::Fused).config().clone();
    assert_ne!(config.architecture.rope_scaling, RopeScaling::Default);
    config.architecture = Architecture { rope_local_base_freq: None, ..config.architecture };
    let error = load_weights(&config, &folder("gemma3"), &cpu()).err().unwrap().to_string();
    assert!(error.contains("rope_local_base_freq"), "{error}");
}
