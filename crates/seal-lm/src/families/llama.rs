//! Llama 2, 3, 3.1, 3.2 (Touvron et al. 2023).

use serde_json::{Map, Value, json};

use super::family::Family;
use super::fields::Fields;
use super::parse::{self, Assumed, KeyHeads};
use super::rope::RopeRules;
use super::write;
use crate::plan::{
    AttentionPlan, BlockPlan, Blocks, FeedForwardPlan, LinearPlan, Names, NormPlan, Plan,
    ProjectionPlan, Residual, RotaryPlan,
};
use crate::setting::SettingError;
use crate::{Activation, Architecture, LmConfig, LmError, ModelType};

pub(super) struct Llama;

/// Linear layers of a Llama that an adapter can be put on, by their Hugging
/// Face names; [`ModelType::linear_names`] has those of the other families.
pub const LINEAR_NAMES: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// Where the parts of Llamas and of most of their descendants are.
pub(super) const NAMES: Names =
    Names { layers: "model.layers", embedding: "model.embed_tokens", head: "lm_head" };

impl Family for Llama {
    fn name(&self) -> &'static str {
        "llama"
    }

    fn class(&self) -> &'static str {
        "LlamaForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &LINEAR_NAMES
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_window(f, self.name())?;
        let common = parse::common(
            f,
            &Assumed {
                model_type: ModelType::Llama,
                key_heads: KeyHeads::AsQueries,
                context: 2048,
                eps: ("rms_norm_eps", 1e-6),
                activation: Activation::Silu,
                rope: RopeRules::of_whole_heads(self.name()),
            },
        )?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: f.flag("attention_bias")?.unwrap_or(false),
                mlp_bias: f.flag("mlp_bias")?.unwrap_or(false),
                ..common.architecture
            },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        write::rms(c, settings);
        settings.insert("head_dim".into(), json!(c.head_dim()));
        settings.insert("attention_bias".into(), json!(c.architecture.attention_bias));
        settings.insert("mlp_bias".into(), json!(c.architecture.mlp_bias));
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        super::family::hold(
            !c.architecture.use_parallel_residual,
            self.name(),
            "use_parallel_residual",
            false,
        )
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        plan(c)
    }
}

/// The plan of a Llama, and of what differs from it in its settings only.
pub(super) fn plan(c: &LmConfig) -> Plan {
    let norm = |path| NormPlan { path, width: c.hidden_size, eps: c.rms_norm_eps, bias: false };
    let attention = attention(c);
    let (d, f) = (c.hidden_size, c.intermediate_size);
    let (q, kv) = (attention.query_width(), attention.key_width());
    let of_attention = |path, shape, residual| LinearPlan {
        path,
        shape,
        bias: c.architecture.attention_bias,
        residual,
    };
    let of_mlp =
        |path, shape, residual| LinearPlan { path, shape, bias: c.architecture.mlp_bias, residual };
    let block = BlockPlan {
        input_norm: norm("input_layernorm"),
        projections: ProjectionPlan::Separate {
            q: of_attention("self_attn.q_proj", [d, q], false),
            k: of_attention("self_attn.k_proj", [d, kv], false),
            v: of_attention("self_attn.v_proj", [d, kv], false),
        },
        head_norms: None,
        attention,
        output: of_attention("self_attn.o_proj", [q, d], true),
        attention_output_norm: None,
        feed_forward_norm: norm("post_attention_layernorm"),
        feed_forward: FeedForwardPlan::Gated {
            gate: of_mlp("mlp.gate_proj", [d, f], false),
            up: of_mlp("mlp.up_proj", [d, f], false),
            down: of_mlp("mlp.down_proj", [f, d], true),
        },
        activation: c.architecture.hidden_act,
        feed_forward_output_norm: None,
        residual: Residual::Sequential,
    };
    of_alike(c, NAMES, block, norm("model.norm"))
}

/// Heads as the settings have them, turned by the first rotary set.
pub(super) fn attention(c: &LmConfig) -> AttentionPlan {
    AttentionPlan {
        heads: c.num_attention_heads,
        kv_heads: c.num_key_value_heads,
        head_dim: c.head_dim(),
        window: c.architecture.sliding_window,
        rotary: 0,
        scale: None,
        soft_cap: None,
    }
}

/// A model of blocks that are all alike, with one rotary set.
pub(super) fn of_alike(c: &LmConfig, names: Names, block: BlockPlan, norm: NormPlan) -> Plan {
    Plan {
        vocab_size: c.vocab_size,
        width: c.hidden_size,
        names,
        tied: c.tie_word_embeddings,
        rotary: vec![RotaryPlan {
            dims: c.rotary_dim(),
            theta: c.rope_theta,
            scaling: c.architecture.rope_scaling.clone(),
        }],
        blocks: Blocks::alike(c.num_hidden_layers, block),
        norm,
    }
}
