//! GPT-NeoX, Pythia (Black et al. 2022): layer normalisation, biases, partial
//! rotary positions, attention beside the feed-forward layer.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::kinds::{attention, of_alike};
use super::parse::{self, Assumed, KeyHeads};
use super::rope::RopeRules;
use crate::plan::{
    BlockPlan, FeedForwardPlan, JointOrder, LinearPlan, NormPlan, Plan, ProjectionPlan, Residual,
    TensorNames,
};
use crate::setting::SettingError;
use crate::{Activation, Architecture, LmConfig, LmError, ModelType};

pub(super) struct GptNeox;

impl Family for GptNeox {
    fn name(&self) -> &'static str {
        "gpt_neox"
    }

    fn class(&self) -> &'static str {
        "GPTNeoXForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]
    }

    fn buffers(&self) -> &'static [&'static str] {
        &[".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"]
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_window(f, self.name())?;
        parse::refuse_flags(f, self.name(), &["mlp_bias"])?;
        parse::refuse_head_dim(f, self.name())?;
        parse::refuse_layer_types(f)?;
        let common = parse::common(
            f,
            &Assumed {
                key_heads: KeyHeads::Always,
                eps: ("layer_norm_eps", 1e-5),
                activation: ("hidden_act", Activation::Gelu),
                rope: RopeRules {
                    theta: ("rotary_emb_base", 10_000.0),
                    partial: ("rotary_pct", 0.25),
                    may_be_partial: true,
                    ..RopeRules::of_whole_heads(self.name())
                },
                ..Assumed::of(ModelType::GptNeox, self.name())
            },
        )?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: f.flag("attention_bias")?.unwrap_or(true),
                mlp_bias: true,
                use_parallel_residual: f.flag("use_parallel_residual")?.unwrap_or(true),
                ..common.architecture
            },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        let a = &c.architecture;
        settings.insert("layer_norm_eps".into(), json!(c.rms_norm_eps));
        settings.insert("rotary_emb_base".into(), json!(c.rope_theta));
        settings.insert("rotary_pct".into(), json!(a.partial_rotary_factor));
        settings.insert("use_parallel_residual".into(), json!(a.use_parallel_residual));
        settings.insert("attention_bias".into(), json!(a.attention_bias));
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        let (heads, window) = (c.num_attention_heads, c.architecture.sliding_window);
        hold(window.is_none(), self.name(), "sliding_window", "absent")?;
        hold(c.num_key_value_heads == heads, self.name(), "num_key_value_heads", heads)?;
        hold(c.architecture.mlp_bias, self.name(), "mlp_bias", true)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        let a = &c.architecture;
        let norm = |path| NormPlan {
            path,
            width: c.hidden_size,
            eps: c.rms_norm_eps,
            bias: true,
            offset: false,
        };
        let linear = |path, shape, bias, residual| LinearPlan { path, shape, bias, residual };
        let attention = attention(c);
        let (d, f, q) = (c.hidden_size, c.intermediate_size, attention.query_width());
        let block = BlockPlan {
            input_norm: norm("input_layernorm"),
            projections: ProjectionPlan::Joint {
                qkv: linear("attention.query_key_value", [d, 3 * q], a.attention_bias, false),
                order: JointOrder::ByHead,
            },
            head_norms: None,
            attention,
            output: linear("attention.dense", [q, d], a.attention_bias, true),
            attention_output_norm: None,
            feed_forward_norm: norm("post_attention_layernorm"),
            feed_forward: FeedForwardPlan::Plain {
                up: linear("mlp.dense_h_to_4h", [d, f], a.mlp_bias, false),
                down: linear("mlp.dense_4h_to_h", [f, d], a.mlp_bias, true),
            },
            activation: a.hidden_act,
            feed_forward_output_norm: None,
            residual: match a.use_parallel_residual {
                true => Residual::Parallel,
                false => Residual::Sequential,
            },
        };
        let names = TensorNames {
            layers: "gpt_neox.layers",
            embedding: "gpt_neox.embed_in",
            head: "embed_out",
        };
        of_alike(c, names, block, norm("gpt_neox.final_layer_norm"))
    }
}
