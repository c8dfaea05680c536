//! Qwen3 (Yang et al. 2025): a Llama with norms of query and key heads.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::parse::{self, Assumed, KeyHeads};
use super::{kinds, layers, llama, write};
use crate::plan::{BlockPlan, HeadNorms, NormPlan, Plan};
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Qwen3;

impl Family for Qwen3 {
    fn name(&self) -> &'static str {
        "qwen3"
    }

    fn class(&self) -> &'static str {
        "Qwen3ForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &llama::LINEAR_NAMES
    }

    fn own_settings(&self) -> &'static [&'static str] {
        &["layer_types"]
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_flags(f, self.name(), &["mlp_bias"])?;
        let assumed = Assumed {
            key_heads: KeyHeads::Number(32),
            context: 32_768,
            sizes: &[("head_dim", 128)],
            ..Assumed::of(ModelType::Qwen3, self.name())
        };
        let common = parse::common(f, &assumed)?;
        let windows = layers::windows_of_qwen(f, common.num_hidden_layers)?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: f.flag("attention_bias")?.unwrap_or(false),
                sliding_window: windows.sliding_window,
                layer_types: windows.layer_types,
                ..common.architecture
            },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        write::rms(c, settings);
        settings.insert("head_dim".into(), json!(c.head_dim()));
        settings.insert("attention_bias".into(), json!(c.architecture.attention_bias));
        layers::write_windows_of_qwen(c, settings);
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        hold(!c.architecture.mlp_bias, self.name(), "mlp_bias", false)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        let block = |attention| BlockPlan {
            head_norms: Some(head_norms(c, false)),
            ..llama::block(c, attention)
        };
        kinds::plan(c, llama::NAMES, block, llama::rms(c, "model.norm"))
    }
}

/// Norms of single query and key heads.
pub(super) fn head_norms(c: &LmConfig, offset: bool) -> HeadNorms {
    let norm = |path| NormPlan { width: c.head_dim(), offset, ..llama::rms(c, path) };
    HeadNorms { queries: norm("self_attn.q_norm"), keys: norm("self_attn.k_norm") }
}
