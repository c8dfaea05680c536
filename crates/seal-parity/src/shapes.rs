//! Small models of every family.

use seal_lm::{Activation, Architecture, LayerType, LmConfig, ModelType, RopeScaling};

/// Token ids of every model.
pub(crate) const VOCABULARY: usize = 96;

/// A Llama of two blocks, whose heads share keys.
pub(crate) fn llama() -> LmConfig {
    LmConfig {
        vocab_size: VOCABULARY,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 44,
        max_position_embeddings: 128,
        rope_theta: 500.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        // Attention far from uniform, logits far from flat, and states that no block drowns.
        initializer_range: 0.2,
        architecture: Architecture::default(),
    }
}

fn of(model_type: ModelType, more: Architecture) -> LmConfig {
    LmConfig { architecture: Architecture { model_type, ..more }, ..llama() }
}

/// Every family by name, some of them in two forms.
pub(crate) fn families() -> Vec<(&'static str, LmConfig)> {
    let plain = Architecture::default;
    let sliding = || vec![LayerType::FullAttention, LayerType::SlidingAttention];
    let stretched = RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 32,
    };
    let by_length = RopeScaling::Longrope {
        short_factor: vec![1.0, 1.2, 1.5, 2.0],
        long_factor: vec![1.5, 2.0, 4.0, 8.0],
        attention_factor: 1.1,
        original_max_position_embeddings: 12,
    };
    let neox = |parallel, share, act| {
        let more = Architecture {
            partial_rotary_factor: share,
            hidden_act: act,
            attention_bias: true,
            mlp_bias: true,
            use_parallel_residual: parallel,
            ..plain()
        };
        LmConfig { num_key_value_heads: 4, ..of(ModelType::GptNeox, more) }
    };
    let gemma = |model_type, more: Architecture| {
        let more =
            Architecture { head_dim: Some(16), hidden_act: Activation::GeluPytorchTanh, ..more };
        LmConfig {
            num_attention_heads: 2,
            num_key_value_heads: 1,
            // Their embeddings are multiplied by the root of the width.
            initializer_range: 0.1,
            ..of(model_type, more)
        }
    };
    let untied = |shape: LmConfig| LmConfig { tie_word_embeddings: false, ..shape };
    vec![
        ("llama", llama()),
        (
            "llama-biased",
            untied(of(
                ModelType::Llama,
                Architecture {
                    rope_scaling: stretched,
                    attention_bias: true,
                    mlp_bias: true,
                    ..plain()
                },
            )),
        ),
        (
            "mistral",
            untied(of(ModelType::Mistral, Architecture { sliding_window: Some(8), ..plain() })),
        ),
        ("gpt-neox", untied(neox(true, 0.25, Activation::Gelu))),
        ("gpt-neox-sequential", neox(false, 0.5, Activation::GeluPytorchTanh)),
        ("phi3", untied(of(ModelType::Phi3, Architecture { rope_scaling: by_length, ..plain() }))),
        (
            "qwen2",
            of(
                ModelType::Qwen2,
                Architecture {
                    attention_bias: true,
                    sliding_window: Some(8),
                    layer_types: sliding(),
                    ..plain()
                },
            ),
        ),
        ("qwen3", untied(of(ModelType::Qwen3, Architecture { head_dim: Some(12), ..plain() }))),
        ("gemma", gemma(ModelType::Gemma, plain())),
        (
            "gemma2",
            gemma(
                ModelType::Gemma2,
                Architecture {
                    sliding_window: Some(8),
                    layer_types: sliding(),
                    query_pre_attn_scalar: Some(10.0),
                    attn_logit_softcapping: Some(5.0),
                    final_logit_softcapping: Some(4.0),
                    ..plain()
                },
            ),
        ),
        (
            "gemma3",
            LmConfig {
                num_hidden_layers: 3,
                ..gemma(
                    ModelType::Gemma3Text,
                    Architecture {
                        sliding_window: Some(8),
                        layer_types: [&sliding()[1..], &sliding()[1..], &sliding()[..1]].concat(),
                        rope_local_base_freq: Some(50.0),
                        rope_scaling: RopeScaling::Linear { factor: 2.0 },
                        query_pre_attn_scalar: Some(10.0),
                        ..plain()
                    },
                )
            },
        ),
        (
            "smollm3",
            of(
                ModelType::Smollm3,
                Architecture {
                    no_rope_layers: vec![1, 0],
                    sliding_window: Some(8),
                    layer_types: sliding(),
                    ..plain()
                },
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_family_is_there_and_every_shape_is_one() {
        let known: BTreeSet<String> = ModelType::ALL.iter().map(|t| format!("{t:?}")).collect();
        let here = families().into_iter().map(|(name, shape)| {
            shape.validate().unwrap_or_else(|e| panic!("{name}: {e}"));
            format!("{:?}", shape.architecture.model_type)
        });
        assert_eq!(here.collect::<BTreeSet<_>>(), known);
    }
}
