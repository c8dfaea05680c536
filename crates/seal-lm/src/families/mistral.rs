//! Mistral (Jiang et al. 2023): a Llama with a sliding window.

use serde_json::{Map, Value, json};

use super::family::Family;
use super::fields::Fields;
use super::parse::{self, Assumed, KeyHeads};
use super::{llama, write};
use crate::plan::Plan;
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Mistral;

impl Family for Mistral {
    fn name(&self) -> &'static str {
        "mistral"
    }

    fn class(&self) -> &'static str {
        "MistralForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &llama::LINEAR_NAMES
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_flags(f, self.name(), &["attention_bias", "mlp_bias"])?;
        parse::refuse_layer_types(f)?;
        let common = parse::common(
            f,
            &Assumed {
                // Null means as many as queries.
                key_heads: KeyHeads::Number(8),
                context: 4096 * 32,
                ..Assumed::of(ModelType::Mistral, self.name())
            },
        )?;
        let sliding_window = f.size_unless_null("sliding_window", 4096)?;
        let architecture = Architecture { sliding_window, ..common.architecture };
        Ok(LmConfig { architecture, ..common })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        write::rms(c, settings);
        settings.insert("head_dim".into(), json!(c.head_dim()));
        settings.insert("sliding_window".into(), json!(c.architecture.sliding_window));
    }

    fn check(&self, _: &LmConfig) -> Result<(), SettingError> {
        Ok(())
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        llama::plan(c)
    }
}
