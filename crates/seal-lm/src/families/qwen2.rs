//! Qwen2 and Qwen2.5 (Yang et al. 2024): a Llama with biases on queries, keys and values.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::parse::{self, Assumed, KeyHeads};
use super::{kinds, layers, llama, write};
use crate::plan::{BlockPlan, LinearPlan, Plan};
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Qwen2;

impl Family for Qwen2 {
    fn name(&self) -> &'static str {
        "qwen2"
    }

    fn class(&self) -> &'static str {
        "Qwen2ForCausalLM"
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
            // Null means as many as queries.
            key_heads: KeyHeads::Number(32),
            context: 32_768,
            ..Assumed::of(ModelType::Qwen2, self.name())
        };
        let common = parse::common(f, &assumed)?;
        let windows = layers::windows_of_qwen(f, common.num_hidden_layers)?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: true,
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
        layers::write_windows_of_qwen(c, settings);
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        let a = &c.architecture;
        hold(a.attention_bias, self.name(), "attention_bias", true)?;
        hold(!a.mlp_bias, self.name(), "mlp_bias", false)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        let block = |attention| {
            let block = llama::block(c, attention);
            BlockPlan { output: LinearPlan { bias: false, ..block.output }, ..block }
        };
        kinds::plan(c, llama::NAMES, block, llama::rms(c, "model.norm"))
    }
}
