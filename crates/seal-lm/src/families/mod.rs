//! The families of models that are known, a file each: how the settings of a
//! `config.json` are read and written, and what the blocks compute.
//!
//! A setting that changes the mathematics and is not followed here is an error
//! that names it; what transformers ignores for a family is ignored. Read are
//! both the layout of version 5 (`rope_parameters`) and the older one
//! (`rope_scaling`, `rope_theta`, `rotary_pct`). Defaults are those of
//! transformers 5.23 (`configuration_llama.py` and its neighbours).

mod family;
mod fields;
mod gpt_neox;
mod llama;
mod mistral;
mod parse;
mod phi3;
mod rope;
mod write;

pub(crate) use family::{Family, Head};
pub(crate) use fields::Fields;
pub use llama::LINEAR_NAMES;

use serde_json::Value;

use crate::plan::Plan;
use crate::{LmConfig, LmError, ModelType};

/// The family of a `model_type`.
pub(crate) fn of(model_type: ModelType) -> &'static dyn Family {
    match model_type {
        ModelType::Llama => &llama::Llama,
        ModelType::Mistral => &mistral::Mistral,
        ModelType::GptNeox => &gpt_neox::GptNeox,
        ModelType::Phi3 => &phi3::Phi3,
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
pub(crate) fn parse(settings: &Fields<'_>, head: Head) -> Result<LmConfig, LmError> {
    let family =
        parse::family(settings, head, ModelType::ALL.map(|known| (known.name(), of(known))))?;
    parse::refuse_unknown_mathematics(settings)?;
    family.parse(settings)
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
    pub const ALL: [Self; 4] = [Self::Llama, Self::Mistral, Self::GptNeox, Self::Phi3];

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
