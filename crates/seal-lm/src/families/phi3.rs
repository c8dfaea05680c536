//! Phi-3 (Abdin et al. 2024): a Llama whose projections are joined.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::kinds::{attention, of_alike};
use super::llama::{NAMES, rms};
use super::parse::{self, Assumed};
use super::rope::RopeRules;
use super::write;
use crate::plan::{
    BlockPlan, FeedForwardPlan, JointOrder, LinearPlan, Plan, ProjectionPlan, Residual,
};
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Phi3;

impl Family for Phi3 {
    fn name(&self) -> &'static str {
        "phi3"
    }

    fn class(&self) -> &'static str {
        "Phi3ForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_flags(f, self.name(), &["attention_bias", "mlp_bias"])?;
        parse::refuse_head_dim(f, self.name())?;
        parse::refuse_layer_types(f)?;
        let common = parse::common(
            f,
            &Assumed {
                context: 4096,
                eps: ("rms_norm_eps", 1e-5),
                rope: RopeRules {
                    may_be_partial: true,
                    is_longrope: true,
                    ..RopeRules::of_whole_heads(self.name())
                },
                ..Assumed::of(ModelType::Phi3, self.name())
            },
        )?;
        let sliding_window = f.size("sliding_window")?;
        let architecture = Architecture { sliding_window, ..common.architecture };
        Ok(LmConfig { architecture, ..common })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        write::rms(c, settings);
        let a = &c.architecture;
        settings.insert("sliding_window".into(), json!(a.sliding_window));
        settings.insert("partial_rotary_factor".into(), json!(a.partial_rotary_factor));
        write::no_special_tokens(settings);
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        let a = &c.architecture;
        hold(!a.attention_bias, self.name(), "attention_bias", false)?;
        hold(!a.mlp_bias, self.name(), "mlp_bias", false)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        let norm = |path| rms(c, path);
        let linear = |path, shape, residual| LinearPlan { path, shape, bias: false, residual };
        let attention = attention(c);
        let (d, f) = (c.hidden_size, c.intermediate_size);
        let (q, kv) = (attention.query_width(), attention.key_width());
        let block = BlockPlan {
            input_norm: norm("input_layernorm"),
            projections: ProjectionPlan::Joint {
                qkv: linear("self_attn.qkv_proj", [d, q + 2 * kv], false),
                order: JointOrder::ByKind,
            },
            head_norms: None,
            attention,
            output: linear("self_attn.o_proj", [q, d], true),
            attention_output_norm: None,
            feed_forward_norm: norm("post_attention_layernorm"),
            feed_forward: FeedForwardPlan::JointGated {
                gate_up: linear("mlp.gate_up_proj", [d, 2 * f], false),
                down: linear("mlp.down_proj", [f, d], true),
            },
            activation: c.architecture.hidden_act,
            feed_forward_output_norm: None,
            residual: Residual::Sequential,
        };
        of_alike(c, NAMES, block, norm("model.norm"))
    }
}
