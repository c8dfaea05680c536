//! Gemma (Mesnard et al. 2024): norms of 1 + the weight, scaled embeddings; and what its
//! successors share with it.

use serde_json::{Map, Value, json};

use super::family::{Family, hold};
use super::fields::Fields;
use super::parse::{self, Assumed, KeyHeads};
use super::{kinds, llama, write};
use crate::plan::{AttentionPlan, BlockPlan, NormPlan, Plan};
use crate::setting::SettingError;
use crate::{Activation, Architecture, LmConfig, LmError, ModelType};

pub(super) struct Gemma;

impl Family for Gemma {
    fn name(&self) -> &'static str {
        "gemma"
    }

    fn class(&self) -> &'static str {
        "GemmaForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &llama::LINEAR_NAMES
    }

    fn is_tied(&self) -> bool {
        true
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        parse::refuse_window(f, self.name())?;
        parse::refuse_layer_types(f)?;
        parse::refuse_flags(f, self.name(), &["mlp_bias", BOTH_WAYS])?;
        let assumed = Assumed {
            key_heads: KeyHeads::Number(16),
            activation: ("hidden_act", Activation::GeluPytorchTanh),
            ..assumed(ModelType::Gemma, self.name())
        };
        let common = parse::common(f, &assumed)?;
        // Early files say "gelu" and mean its approximation.
        let hidden_act = match common.architecture.hidden_act {
            Activation::Gelu => Activation::GeluPytorchTanh,
            other => other,
        };
        let attention_bias = f.flag("attention_bias")?.unwrap_or(false);
        Ok(LmConfig {
            architecture: Architecture { hidden_act, attention_bias, ..common.architecture },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        write_common(c, settings);
    }

    fn check(&self, c: &LmConfig) -> Result<(), SettingError> {
        let a = &c.architecture;
        hold(a.sliding_window.is_none(), self.name(), "sliding_window", "absent")?;
        hold(a.hidden_act != Activation::Gelu, self.name(), "hidden_act", "gelu_pytorch_tanh")?;
        hold(!a.mlp_bias, self.name(), "mlp_bias", false)
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        let block = |attention| {
            let block = llama::block(c, attention);
            let offset = |norm: NormPlan| NormPlan { offset: true, ..norm };
            BlockPlan {
                input_norm: offset(block.input_norm),
                feed_forward_norm: offset(block.feed_forward_norm),
                ..block
            }
        };
        plan(c, block)
    }
}

/// A flag of models whose tokens see later ones.
pub(super) const BOTH_WAYS: &str = "use_bidirectional_attention";

/// What Gemmas assume where a file says nothing.
pub(super) fn assumed(model_type: ModelType, family: &'static str) -> Assumed {
    Assumed {
        context: 8192,
        activation: ("hidden_activation", Activation::GeluPytorchTanh),
        sizes: &[("head_dim", 256)],
        tied: true,
        ..Assumed::of(model_type, family)
    }
}

/// Adds the settings that every Gemma has.
pub(super) fn write_common(c: &LmConfig, settings: &mut Map<String, Value>) {
    write::rms(c, settings);
    settings.insert("head_dim".into(), json!(c.head_dim()));
    settings.insert("attention_bias".into(), json!(c.architecture.attention_bias));
    write::no_special_tokens(settings);
}

/// A Gemma of the blocks that `block` makes.
pub(super) fn plan(c: &LmConfig, block: impl Fn(AttentionPlan) -> BlockPlan) -> Plan {
    let plan = kinds::plan(c, llama::NAMES, block, rms(c, "model.norm"));
    Plan { embedding_scale: Some((c.hidden_size as f64).sqrt()), ..plan }
}

/// Normalisation whose gain is 1 + the weight.
pub(super) fn rms(c: &LmConfig, path: &'static str) -> NormPlan {
    NormPlan { offset: true, ..llama::rms(c, path) }
}

/// A block with norms before and behind attention and feed-forward layer.
pub(super) fn block_of_four_norms(c: &LmConfig, attention: AttentionPlan) -> BlockPlan {
    BlockPlan {
        input_norm: rms(c, "input_layernorm"),
        attention_output_norm: Some(rms(c, "post_attention_layernorm")),
        feed_forward_norm: rms(c, "pre_feedforward_layernorm"),
        feed_forward_output_norm: Some(rms(c, "post_feedforward_layernorm")),
        ..llama::block(c, attention)
    }
}
