//! Mistakes that only families that came later can suffer.

use burn::module::Param;
use seal_lm::{Activation, Block, Lm, Ops, RopeScaling};

use super::common::families::{load, moved_gains};
use super::{with, with_architecture};

/// The model with its blocks changed.
fn edited(name: &str, change: impl Fn(&mut Block)) -> Lm {
    let mut model = load(name, Ops::Fused);
    model.trunk.layers.iter_mut().for_each(change);
    model
}

/// Embeddings as they are in the file, and the output layer too.
fn unscaled(name: &str) -> Lm {
    let mut model = load(name, Ops::Fused);
    let root = (model.config().hidden_size as f64).sqrt();
    let table = model.trunk.embed_tokens.val();
    model.trunk.embed_tokens = Param::from_tensor(table.div_scalar(root));
    model
}

/// What is wrong, of which model, and that model.
pub fn wrong() -> Vec<(&'static str, &'static str, Lm)> {
    vec![
        (
            "no biases",
            "qwen2",
            edited("qwen2", |block| {
                for name in ["q_proj", "k_proj", "v_proj"] {
                    block.linear_mut(name).unwrap().bias = None;
                }
            }),
        ),
        ("window everywhere", "qwen2", with_architecture("qwen2", |a| a.layer_types.clear())),
        ("window swapped", "qwen2", with_architecture("qwen2", |a| a.layer_types.reverse())),
        ("no query norm", "qwen3", edited("qwen3", |block| block.query_norm = None)),
        ("no key norm", "qwen3", edited("qwen3", |block| block.key_norm = None)),
        (
            "no head norms",
            "gemma3",
            edited("gemma3", |block| {
                (block.query_norm, block.key_norm) = (None, None);
            }),
        ),
        (
            "attention bias",
            "qwen3_biased",
            edited("qwen3_biased", |block| block.output.bias = None),
        ),
        ("no offset", "gemma", moved_gains(load("gemma", Ops::Fused), -1.0)),
        ("no offset", "gemma2", moved_gains(load("gemma2", Ops::Fused), -1.0)),
        ("no offset", "gemma3", moved_gains(load("gemma3", Ops::Fused), -1.0)),
        ("offset twice", "gemma", moved_gains(load("gemma", Ops::Fused), 1.0)),
        ("unscaled embeddings", "gemma3_untied", unscaled("gemma3_untied")),
        ("exact GELU", "gemma2", with_architecture("gemma2", |a| a.hidden_act = Activation::Gelu)),
        (
            "no cap of scores",
            "gemma2",
            with_architecture("gemma2", |a| {
                a.attn_logit_softcapping = None;
            }),
        ),
        (
            "no cap of logits",
            "gemma2",
            with_architecture("gemma2", |a| {
                a.final_logit_softcapping = None;
            }),
        ),
        (
            "no cap of logits",
            "gemma3",
            with_architecture("gemma3", |a| {
                a.final_logit_softcapping = None;
            }),
        ),
        (
            "attention scale",
            "gemma2",
            with_architecture("gemma2", |a| {
                a.query_pre_attn_scalar = None;
            }),
        ),
        ("no norm after it", "gemma2", edited("gemma2", |b| b.attention_output_norm = None)),
        ("no norm after it", "gemma3", edited("gemma3", |b| b.feed_forward_output_norm = None)),
        ("windows swapped", "gemma2", with_architecture("gemma2", |a| a.layer_types.reverse())),
        (
            "one rotary base",
            "gemma3",
            with("gemma3", |c| {
                c.architecture.rope_local_base_freq = Some(c.rope_theta);
            }),
        ),
        (
            "local base",
            "gemma3_untied",
            with_architecture("gemma3_untied", |a| {
                a.rope_local_base_freq = Some(1.1e4);
            }),
        ),
        (
            "no scaling",
            "gemma3",
            with_architecture("gemma3", |a| {
                a.rope_scaling = RopeScaling::Default;
            }),
        ),
        ("all blocks turn", "smollm3", with_architecture("smollm3", |a| a.no_rope_layers.clear())),
        (
            "all blocks turn",
            "smollm3_untied",
            with_architecture("smollm3_untied", |a| {
                a.no_rope_layers.clear();
            }),
        ),
        (
            "other block turns",
            "smollm3",
            with_architecture("smollm3", |a| {
                a.no_rope_layers.reverse();
            }),
        ),
    ]
}
