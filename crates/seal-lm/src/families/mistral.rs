//! Mistral (Jiang et al. 2023): a Llama with a sliding window.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::parse::{self, Assumed, KeyHeads};
use super::rope::RopeRules;
use super::{llama, write};
use crate::plan::Plan;
use crate::setting::SettingError;
use crate::{Activation, Architecture, LmConfig, LmError, ModelType};

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
        let common = parse::common(
            f,
            &Assumed {
                model_type: ModelType::Mistral,
                // Null means as many as queries.
                key_heads: KeyHeads::Number(8),
                context: 4096 * 32,
                eps: ("rms_norm_eps", 1e-6),
                activation: Activation::Silu,
                rope: RopeRules::of_whole_heads(self.name()),
            },
        )?;
        // Null means none.
        let sliding_window = match f.has("sliding_window") {
            true => f.size("sliding_window")?,
            false => Some(4096),
        };
        let architecture = Architecture { sliding_window, ..common.architecture };
        Ok(LmConfig { architecture, ..common })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        write::rms(c, settings);
        settings.insert("head_dim".into(), json!(c.head_dim()));
        settings.insert("sliding_window".into(), json!(c.architecture.sliding_window));
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        let parallel = c.architecture.use_parallel_residual;
        hold(!parallel, self.name(), "use_parallel_residual", false)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        llama::plan(c)
    }
}
