//! The families of models that are known, a file each: how the settings of a
//! `config.json` are read and written, and what the blocks compute.
//!
//! A setting that changes the mathematics and is not followed here is an error
//! that names it; what transformers ignores for a family is ignored. Read are
//! both the layout of version 5 (`rope_parameters`) and the older one
//! (`rope_scaling`, `rope_theta`, `rotary_pct`). Defaults are those of
//! transformers 5.24 (`configuration_llama.py` and its neighbours).

mod family;
mod fields;
mod gemma;
mod gemma2;
mod gemma3;
mod gpt_neox;
mod kinds;
mod layers;
mod llama;
mod mistral;
mod parse;
mod phi3;
mod qwen2;
mod qwen3;
mod rope;
mod smollm3;
mod unsupported;
mod write;

pub(crate) use family::{Family, OutputHead};
pub(crate) use fields::Fields;
pub use llama::LINEAR_NAMES;

use serde_json::Value;

use crate::plan::Plan;
use crate::setting::SettingError;
use crate::{LmConfig, LmError, ModelType};

/// The family of a `model_type`.
pub(crate) fn of(model_type: ModelType) -> &'static dyn Family {
    match model_type {
        ModelType::Llama => &llama::Llama,
        ModelType::Mistral => &mistral::Mistral,
        ModelType::GptNeox => &gpt_neox::GptNeox,
        ModelType::Phi3 => &phi3::Phi3,
        ModelType::Qwen2 => &qwen2::Qwen2,
        ModelType::Qwen3 => &qwen3::Qwen3,
        ModelType::Gemma => &gemma::Gemma,
        ModelType::Gemma2 => &gemma2::Gemma2,
        ModelType::Gemma3Text => &gemma3::Gemma3Text,
        ModelType::Smollm3 => &smollm3::Smollm3,
    }
}

/// The plan of a model of shape `config`.
pub(crate) fn plan(config: &LmConfig) -> Plan {
    of(config.architecture.model_type).plan(config)
}

/// The shape that `settings` of a model with this `head` describe, which need not be a valid
/// one.
///
/// # Errors
/// A family that is not known, another head, a setting that is malformed or not followed.
pub(crate) fn parse(settings: &Fields<'_>, head: OutputHead) -> Result<LmConfig, LmError> {
    let family =
        parse::family(settings, head, ModelType::ALL.map(|known| (known.name(), of(known))))?;
    parse::refuse_unknown_mathematics(settings, family.own_settings())?;
    family.parse(settings)
}

/// Refuses settings that no model of the family has.
///
/// # Errors
/// The first such setting.
pub(crate) fn check(config: &LmConfig) -> Result<(), SettingError> {
    let a = &config.architecture;
    let family = of(a.model_type);
    let given = [
        ("layer_types", !a.layer_types.is_empty()),
        ("no_rope_layers", !a.no_rope_layers.is_empty()),
        ("rope_local_base_freq", a.rope_local_base_freq.is_some()),
        ("query_pre_attn_scalar", a.query_pre_attn_scalar.is_some()),
        ("attn_logit_softcapping", a.attn_logit_softcapping.is_some()),
        ("final_logit_softcapping", a.final_logit_softcapping.is_some()),
    ];
    for (setting, is_given) in given {
        let known = !is_given || family.own_settings().contains(&setting);
        family::hold(known, family.name(), setting, "absent")?;
    }
    if a.model_type != ModelType::GptNeox {
        let parallel = a.use_parallel_residual;
        family::hold(!parallel, family.name(), "use_parallel_residual", false)?;
    }
    family.check(config)
}

/// The settings of a model of shape `config`, whose weights are stored as f32.
pub(crate) fn write(config: &LmConfig) -> Value {
    let family = of(config.architecture.model_type);
    let mut settings = write::common(config, family.class(), family.name());
    family.write(config, &mut settings);
    write::scaling(config, &mut settings);
    Value::Object(settings)
}

impl ModelType {
    /// Every family.
    pub const ALL: [Self; 10] = [
        Self::Llama,
        Self::Mistral,
        Self::GptNeox,
        Self::Phi3,
        Self::Qwen2,
        Self::Qwen3,
        Self::Gemma,
        Self::Gemma2,
        Self::Gemma3Text,
        Self::Smollm3,
    ];

    /// As `config.json` has it.
    pub fn name(self) -> &'static str {
        of(self).name()
    }

    /// Linear layers of a block that an adapter can be put on, by the last part
    /// of their names.
    pub fn linear_names(self) -> &'static [&'static str] {
        of(self).linear_names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::last_part;
    use crate::{Architecture, LmConfig};

    #[test]
    fn adapters_are_offered_the_layers_of_the_plan() {
        for model_type in ModelType::ALL {
            let config = LmConfig {
                vocab_size: 7,
                hidden_size: 8,
                num_hidden_layers: 2,
                num_attention_heads: 2,
                num_key_value_heads: 2,
                intermediate_size: 5,
                max_position_embeddings: 8,
                rope_theta: 1e4,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: true,
                initializer_range: 0.02,
                architecture: Architecture { model_type, ..Architecture::default() },
            };
            let linears = plan(&config).blocks.plan(1).linears();
            let names: Vec<&str> = linears.iter().map(|linear| last_part(linear.path)).collect();
            assert_eq!(names, model_type.linear_names());
            let name = serde_json::to_value(model_type).unwrap();
            assert_eq!(name, model_type.name());
        }
    }
}
