//! Settings that several families have, read as transformers reads them.

use super::family::{Family, OutputHead};
use super::fields::Fields;
use super::rope::{self, RopeRules};
use super::unsupported;
use crate::{Activation, Architecture, LmConfig, LmError, ModelType};

/// What a family assumes where a `config.json` says nothing, and where it says it.
pub(super) struct Assumed {
    pub(super) model_type: ModelType,
    pub(super) key_heads: KeyHeads,
    /// Longest sequence.
    pub(super) context: usize,
    /// Name and default of what normalisation adds.
    pub(super) eps: (&'static str, f64),
    /// Name and default of the nonlinearity.
    pub(super) activation: (&'static str, Activation),
    pub(super) rope: RopeRules,
    /// Sizes that a file need not name.
    pub(super) sizes: &'static [(&'static str, usize)],
    /// Whether the output layer is the embedding.
    pub(super) tied: bool,
}

impl Assumed {
    /// What most families assume.
    pub(super) fn of(model_type: ModelType, family: &'static str) -> Self {
        Self {
            model_type,
            key_heads: KeyHeads::AsQueries,
            context: 2048,
            eps: ("rms_norm_eps", 1e-6),
            activation: ("hidden_act", Activation::Silu),
            rope: RopeRules::of_whole_heads(family),
            sizes: &[],
            tied: false,
        }
    }

    /// The size that the file names, or else the one that is assumed.
    fn size(&self, f: &Fields<'_>, key: &str) -> Result<Option<usize>, LmError> {
        let assumed = self.sizes.iter().find(|(name, _)| *name == key);
        Ok(f.size(key)?.or(assumed.map(|(_, size)| *size)))
    }

    /// As [`Assumed::size`], where there must be one.
    pub(super) fn needed_size(&self, f: &Fields<'_>, key: &str) -> Result<usize, LmError> {
        match self.size(f, key)? {
            Some(size) => Ok(size),
            None => f.needed_size(key),
        }
    }
}

/// Number of key heads of a file that does not tell it.
pub(super) enum KeyHeads {
    /// As many as query heads.
    AsQueries,
    /// A number. A file that says null has as many as query heads.
    Number(usize),
    /// As many as query heads, whatever the file says.
    Always,
}

/// The shape as far as families have it in common.
///
/// # Errors
/// A setting that is missing, malformed or not followed.
pub(super) fn common(f: &Fields<'_>, assumed: &Assumed) -> Result<LmConfig, LmError> {
    let hidden_size = assumed.needed_size(f, "hidden_size")?;
    let heads = assumed.needed_size(f, "num_attention_heads")?;
    let head_dim = assumed.size(f, "head_dim")?;
    if head_dim.is_none() && !hidden_size.is_multiple_of(heads) {
        let reason = format!("must divide hidden_size = {hidden_size}");
        return Err(f.refuse("num_attention_heads", reason));
    }
    let kv_heads = match assumed.key_heads {
        KeyHeads::Always => heads,
        KeyHeads::Number(n) if !f.has("num_key_value_heads") => n,
        _ => f.size("num_key_value_heads")?.unwrap_or(heads),
    };
    if !heads.is_multiple_of(kv_heads) {
        let reason = format!("must divide num_attention_heads = {heads}");
        return Err(f.refuse("num_key_value_heads", reason));
    }
    let context = f.size("max_position_embeddings")?.unwrap_or(assumed.context);
    let rope = rope::read(f, &assumed.rope, context)?;
    let (eps_key, eps) = assumed.eps;
    Ok(LmConfig {
        vocab_size: assumed.needed_size(f, "vocab_size")?,
        hidden_size,
        num_hidden_layers: assumed.needed_size(f, "num_hidden_layers")?,
        num_attention_heads: heads,
        num_key_value_heads: kv_heads,
        intermediate_size: assumed.needed_size(f, "intermediate_size")?,
        max_position_embeddings: context,
        rope_theta: rope.theta,
        rms_norm_eps: f.number(eps_key)?.unwrap_or(eps),
        tie_word_embeddings: f.flag("tie_word_embeddings")?.unwrap_or(assumed.tied),
        initializer_range: f.number("initializer_range")?.filter(|x| *x > 0.0).unwrap_or(0.02),
        architecture: Architecture {
            model_type: assumed.model_type,
            head_dim: head_dim.filter(|d| *d != hidden_size / heads),
            partial_rotary_factor: rope.partial,
            rope_scaling: rope.scaling,
            hidden_act: activation(f, &assumed.activation)?,
            ..Architecture::default()
        },
    })
}

/// The one of the `known` families that a file names, if it is one of models with this `head`.
pub(super) fn family(
    f: &Fields<'_>,
    head: OutputHead,
    known: [(&'static str, &'static dyn Family); ModelType::ALL.len()],
) -> Result<&'static dyn Family, LmError> {
    let names = known.map(|(name, _)| name).join(", ");
    let refused = |reason: Option<String>| {
        f.refuse("model_type", reason.unwrap_or_else(|| format!("known are {names}")))
    };
    let name = f.text("model_type")?.ok_or_else(|| refused(None))?;
    let found = known.into_iter().find(|(known, _)| *known == name);
    let (_, family) = found.ok_or_else(|| refused(unsupported::reason(name)))?;
    let has = |head: OutputHead| {
        let ends = move |value: &serde_json::Value| {
            value.as_str().is_some_and(|name| name.ends_with(head.class_end()))
        };
        move |list: &[serde_json::Value]| list.iter().any(ends)
    };
    match f.get("architectures").and_then(|value| value.as_array()) {
        Some(list) if !list.is_empty() && !has(head)(list) => {
            let reason = match head {
                OutputHead::Vocabulary if has(OutputHead::Scores)(list) => {
                    "this model has a head of scores and writes no text: it can be a reward model \
                     only; a model that ends in ForCausalLM is wanted here"
                }
                OutputHead::Vocabulary => {
                    "only models that end in ForCausalLM have an output layer"
                }
                OutputHead::Scores if has(OutputHead::Vocabulary)(list) => {
                    "this model writes text and has no head of scores: it is no reward model; a \
                     model that ends in ForSequenceClassification is wanted here"
                }
                OutputHead::Scores => {
                    "only models that end in ForSequenceClassification have a head of scores"
                }
            };
            Err(f.refuse("architectures", reason))
        }
        _ => Ok(family),
    }
}

/// Settings that change what a model computes, and that nothing here follows.
/// `own` are settings that the family follows.
pub(super) fn refuse_unknown_mathematics(f: &Fields<'_>, own: &[&str]) -> Result<(), LmError> {
    unsupported::refuse_quantised(f)?;
    for key in ["is_encoder_decoder", "add_cross_attention"] {
        if f.flag(key)? == Some(true) {
            return Err(f.refuse(key, "only plain decoders are known"));
        }
    }
    if let Some(key) = f.keys().find(|key| key.contains("expert")) {
        // A dense model says nothing, null, or at most one expert.
        if f.get(key).is_some_and(|value| value.as_f64().is_none_or(|n| n > 1.0)) {
            return Err(f.refuse(key, "mixtures of experts are not supported"));
        }
    }
    refuse_scales(f, own)?;
    for key in ["attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop"] {
        if f.number(key)?.is_some_and(|share| share != 0.0) {
            let reason = "dropout exists on adapters only (lora_dropout); set it to 0";
            return Err(f.refuse(key, reason));
        }
    }
    Ok(())
}

/// Refuses numbers that scale what a model computes, such as the multipliers of Granite or of muP. No
/// family here has others than `own`, and transformers leaves them out without a word.
fn refuse_scales(f: &Fields<'_>, own: &[&str]) -> Result<(), LmError> {
    let scales =
        |key: &&str| (key.ends_with("_multiplier") || key.contains("scal")) && !own.contains(key);
    let changes = |key: &&str| f.get(key).and_then(|v| v.as_f64()).is_some_and(|x| x != 1.0);
    match f.keys().find(|key| scales(key) && changes(key)) {
        Some(key) => Err(f.refuse(
            key,
            "no model of this type is scaled so, and the scale would be left out; if the model was \
             made without it, set it to 1 or remove it",
        )),
        None => Ok(()),
    }
}

/// Refuses blocks that differ, for families whose blocks do not.
pub(super) fn refuse_layer_types(f: &Fields<'_>) -> Result<(), LmError> {
    match f.get("layer_types").and_then(|value| value.as_array()) {
        Some(types) if types.iter().any(|kind| Some(kind) != types.first()) => {
            Err(f.refuse("layer_types", "all blocks must have the same attention"))
        }
        _ => Ok(()),
    }
}

/// Refuses a window, for families that have none.
pub(super) fn refuse_window(f: &Fields<'_>, family: &str) -> Result<(), LmError> {
    match f.get("sliding_window") {
        None => Ok(()),
        Some(_) => {
            Err(f.refuse("sliding_window", format!("no model of type {family} has a window")))
        }
    }
}

/// Refuses each of `keys` that is true, for families that do not have them.
pub(super) fn refuse_flags(f: &Fields<'_>, family: &str, keys: &[&str]) -> Result<(), LmError> {
    for key in keys {
        if f.flag(key)? == Some(true) {
            return Err(f.refuse(key, format!("no model of type {family} has this setting")));
        }
    }
    Ok(())
}

/// Refuses heads that do not make up the width, for families that know no others.
pub(super) fn refuse_head_dim(f: &Fields<'_>, family: &str) -> Result<(), LmError> {
    let usual = f.needed_size("hidden_size")? / f.needed_size("num_attention_heads")?;
    match f.size("head_dim")?.filter(|d| *d != usual) {
        None => Ok(()),
        Some(_) => Err(f.refuse(
            "head_dim",
            format!("must be hidden_size / num_attention_heads = {usual} for {family}"),
        )),
    }
}

fn activation(
    f: &Fields<'_>,
    (key, default): &(&'static str, Activation),
) -> Result<Activation, LmError> {
    let Some(name) = f.text(key)? else { return Ok(*default) };
    match name {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu" | "gelu_python" => Ok(Activation::Gelu),
        // One approximation under the names that transformers has for it.
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_accurate" => {
            Ok(Activation::GeluPytorchTanh)
        }
        "relu" => Ok(Activation::Relu),
        _ => Err(f.refuse(key, "known are silu, gelu, gelu_new, gelu_pytorch_tanh, relu")),
    }
}
