//! Gemma 2 (Riviere et al. 2024): soft caps, four norms a block, windows by turns.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::gemma::{self, BOTH_WAYS, assumed};
use super::parse::{self, Assumed, KeyHeads};
use super::{layers, llama};
use crate::plan::Plan;
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Gemma2;

impl Family for Gemma2 {
    fn name(&self) -> &'static str {
        "gemma2"
    }

    fn class(&self) -> &'static str {
        "Gemma2ForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &llama::LINEAR_NAMES
    }

    fn own_settings(&self) -> &'static [&'static str] {
        &[
            "layer_types",
            "query_pre_attn_scalar",
            "attn_logit_softcapping",
            "final_logit_softcapping",
        ]
    }

    fn is_tied(&self) -> bool {
        true
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_flags(f, self.name(), &["mlp_bias", BOTH_WAYS])?;
        let assumed =
            Assumed { key_heads: KeyHeads::Number(4), ..assumed(ModelType::Gemma2, self.name()) };
        let common = parse::common(f, &assumed)?;
        let window = f.size_unless_null("sliding_window", 4096)?;
        let windows = layers::windows(f, common.num_hidden_layers, window, |i| i % 2 == 0)?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: f.flag("attention_bias")?.unwrap_or(false),
                sliding_window: windows.sliding_window,
                layer_types: windows.layer_types,
                query_pre_attn_scalar: Some(f.number("query_pre_attn_scalar")?.unwrap_or(256.0)),
                attn_logit_softcapping: f.number_unless_null("attn_logit_softcapping", 50.0)?,
                final_logit_softcapping: f.number_unless_null("final_logit_softcapping", 30.0)?,
                ..common.architecture
            },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        let a = &c.architecture;
        gemma::write_common(c, settings);
        write_attention(c, settings);
        settings.insert("attn_logit_softcapping".into(), json!(a.attn_logit_softcapping));
        settings.insert("final_logit_softcapping".into(), json!(a.final_logit_softcapping));
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        hold(!c.architecture.mlp_bias, self.name(), "mlp_bias", false)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        gemma::plan(c, |attention| gemma::block_of_four_norms(c, attention))
    }
}

/// Adds what Gemma 2 and 3 say of attention and of the activation.
pub(super) fn write_attention(c: &LmConfig, settings: &mut Map<String, Value>) {
    let a = &c.architecture;
    let scalar = a.query_pre_attn_scalar.unwrap_or(c.head_dim() as f64);
    // The class of transformers takes whole numbers alone.
    let scalar = if scalar.fract() == 0.0 { json!(scalar as i64) } else { json!(scalar) };
    settings.insert("query_pre_attn_scalar".into(), scalar);
    settings.insert("sliding_window".into(), json!(a.sliding_window));
    settings.insert("layer_types".into(), json!(layers::types(c)));
    if let Some(activation) = settings.get("hidden_act").cloned() {
        settings.insert("hidden_activation".into(), activation);
    }
}
