//! Llama 2, 3, 3.1, 3.2 (Touvron et al. 2023).

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::parse::{self, Assumed};
use super::{kinds, write};
use crate::plan::{
    AttentionPlan, BlockPlan, FeedForwardPlan, LinearPlan, NormPlan, Plan, ProjectionPlan,
    Residual, TensorNames,
};
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Llama;

/// Linear layers of a Llama that an adapter can be put on, by their Hugging
/// Face names; [`ModelType::linear_names`] has those of the other families.
pub const LINEAR_NAMES: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// Where the parts of Llamas and of most of their descendants are.
pub(super) const NAMES: TensorNames =
    TensorNames { layers: "model.layers", embedding: "model.embed_tokens", head: "lm_head" };

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
        parse::refuse_layer_types(f)?;
        let common = parse::common(f, &Assumed::of(ModelType::Llama, self.name()))?;
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
        let window = c.architecture.sliding_window;
        hold(window.is_none(), self.name(), "sliding_window", "absent")
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        plan(c)
    }
}

/// The plan of a Llama, and of what differs from it in its settings only.
pub(super) fn plan(c: &LmConfig) -> Plan {
    kinds::plan(c, NAMES, |attention| block(c, attention), rms(c, "model.norm"))
}

/// RMS normalisation at `path` of states of the width of the stream.
pub(super) fn rms(c: &LmConfig, path: &'static str) -> NormPlan {
    NormPlan { path, width: c.hidden_size, eps: c.rms_norm_eps, bias: false, offset: false }
}

/// A block of a Llama around `attention`.
pub(super) fn block(c: &LmConfig, attention: AttentionPlan) -> BlockPlan {
    let norm = |path| rms(c, path);
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
    BlockPlan {
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
    }
}
