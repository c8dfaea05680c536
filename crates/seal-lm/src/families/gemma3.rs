//! The text part of Gemma 3 (Kamath et al. 2025): norms of query and key heads, two rotary bases,
//! a window in five blocks of six.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::gemma::{self, BOTH_WAYS, assumed};
use super::gemma2::write_attention;
use super::parse::{self, Assumed, KeyHeads};
use super::rope::{self, RopeRules};
use super::{layers, llama, qwen3};
use crate::plan::{BlockPlan, Plan};
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType, RopeScaling};

pub(super) struct Gemma3Text;

/// Blocks of a pattern, of which the last sees all tokens.
const PATTERN: usize = 6;

impl Family for Gemma3Text {
    fn name(&self) -> &'static str {
        "gemma3_text"
    }

    fn class(&self) -> &'static str {
        "Gemma3ForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &llama::LINEAR_NAMES
    }

    fn own_settings(&self) -> &'static [&'static str] {
        &["layer_types", "query_pre_attn_scalar", "final_logit_softcapping", "rope_local_base_freq"]
    }

    fn renamed(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("language_model.model.", "model."),
            ("language_model.lm_head.", "lm_head."),
            ("model.language_model.", "model."),
        ]
    }

    fn other_parts(&self) -> &'static [&'static str] {
        &[
            "vision_tower.",
            "multi_modal_projector.",
            "model.vision_tower.",
            "model.multi_modal_projector.",
        ]
    }

    fn is_tied(&self) -> bool {
        true
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_flags(f, self.name(), &["mlp_bias", BOTH_WAYS])?;
        let rules = RopeRules {
            theta: ("rope_theta", 1e6),
            by_kind: true,
            ..RopeRules::of_whole_heads(self.name())
        };
        let assumed = Assumed {
            key_heads: KeyHeads::Number(4),
            context: 131_072,
            // Those of the smallest multimodal model, which its file leaves out.
            sizes: &[
                ("vocab_size", 262_208),
                ("hidden_size", 2304),
                ("intermediate_size", 9216),
                ("num_hidden_layers", 26),
                ("num_attention_heads", 8),
                ("head_dim", 256),
            ],
            rope: rules,
            ..assumed(ModelType::Gemma3Text, self.name())
        };
        let common = parse::common(f, &assumed)?;
        let window = f.size_unless_null("sliding_window", 4096)?;
        let pattern = f.size("sliding_window_pattern")?.unwrap_or(PATTERN);
        let slides = |i: usize| !(i + 1).is_multiple_of(pattern);
        let windows = layers::windows(f, common.num_hidden_layers, window, slides)?;
        let local = local_base(f)?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: f.flag("attention_bias")?.unwrap_or(false),
                sliding_window: windows.sliding_window,
                layer_types: windows.layer_types,
                rope_local_base_freq: windows.sliding_window.map(|_| local),
                query_pre_attn_scalar: Some(f.number("query_pre_attn_scalar")?.unwrap_or(256.0)),
                final_logit_softcapping: f.number("final_logit_softcapping")?,
                ..common.architecture
            },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        let a = &c.architecture;
        gemma::write_common(c, settings);
        write_attention(c, settings);
        settings.insert("final_logit_softcapping".into(), json!(a.final_logit_softcapping));
        // Without a base of their own, blocks with the window use that of all blocks.
        let local = a.rope_local_base_freq.unwrap_or(c.rope_theta);
        settings.insert("rope_local_base_freq".into(), json!(local));
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        let a = &c.architecture;
        hold(!a.mlp_bias, self.name(), "mlp_bias", false)?;
        // No file says that blocks with the window are stretched, too.
        let stretched = a.sliding_window.is_some()
            && a.rope_local_base_freq.is_none()
            && a.rope_scaling != RopeScaling::Default;
        hold(!stretched, self.name(), "rope_local_base_freq", "present beside rope_scaling")
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        gemma::plan(c, |attention| BlockPlan {
            head_norms: Some(qwen3::head_norms(c, true)),
            ..gemma::block_of_four_norms(c, attention)
        })
    }
}

/// Base of the frequencies in blocks with the window.
fn local_base(f: &Fields<'_>) -> Result<f64, LmError> {
    let beside = f.number("rope_local_base_freq")?.unwrap_or(1e4);
    let Some(table) = rope::of_kind(f, "sliding_attention")? else { return Ok(beside) };
    let key = if table.get("rope_type").is_some() { "rope_type" } else { "type" };
    if table.text(key)?.is_some_and(|kind| kind != "default") {
        return Err(table.refuse(key, "only default is known in blocks with the window"));
    }
    Ok(table.number("rope_theta")?.unwrap_or(beside))
}
